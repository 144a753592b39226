//! What an arrangement hands to the instruments: parts of notes, strokes and a drone, in seconds and cents.

use crate::instrument::{Drone, Instrument, Kit};
use crate::ornament::Ornament;
use crate::pulse::Pulse;

/// One note of a part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    /// Onset, seconds.
    pub(crate) start: f64,
    /// Length, seconds.
    pub(crate) seconds: f64,
    /// Above the part's reference pitch.
    pub(crate) cents: f64,
    /// Loudness, about 0.3 to 1.2.
    pub(crate) level: f32,
    /// How the pitch moves within the note.
    pub(crate) ornament: Ornament,
    /// Joined to the note before without a new attack.
    pub(crate) slurred: bool,
}

/// What one instrument plays. Instruments of one voice play the notes one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) instrument: Instrument,
    /// Reference pitch: the tonic in this instrument's octave.
    pub(crate) hertz: f64,
    /// Weight in the mixture.
    pub(crate) gain: f32,
    pub(crate) notes: Vec<Note>,
}

/// One percussion stroke.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Onset, seconds.
    pub(crate) start: f64,
    /// Name in the rhythm's table.
    pub(crate) token: &'static str,
    pub(crate) level: f32,
}

/// A piece ready to be played.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    /// The tonic in the octave from about 130 Hz: what drums and drones tune to.
    pub(crate) tonic_hz: f64,
    /// The time everything follows.
    pub(crate) pulse: Pulse,
    pub(crate) parts: Vec<Part>,
    pub(crate) kit: Option<(Kit, Vec<Hit>)>,
    /// The drone and the cents of its second pitch (fifth or fourth).
    pub(crate) drone: Option<(Drone, f64)>,
}

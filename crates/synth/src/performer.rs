//! What a synthetic performer brings to every piece: tuning, touch, liking of a tempo, the room and the microphone.
//!
//! Drawn from the performer's seed alone, so that all pieces of a group share them and no two groups do. Greek and Western players
//! choose their tonic anew for each piece; a makam's tonic follows from the ahenk and the makam, a raga's from the singer's voice.

use draws::Draws;

use crate::Tradition;
use crate::instrument::Touch;
use crate::piece::Recipe;
use crate::recording::Microphone;
use crate::room::Room;
use crate::theory::{carnatic, greek, hindustani, makam};

/// C3 at A4 = 440 Hz: the tonic lies in the octave above it.
const C3: f64 = 130.812_782_650_299_3;

/// A performer in one piece.
#[derive(Clone, Debug)]
pub(crate) struct Performer {
    /// The tonic of the piece, Hz, in the octave from C3.
    pub(crate) tonic_hz: f64,
    pub(crate) touch: Touch,
    /// Where in a rhythm's range of tempi the performer likes to be, 0 slow to 1 quick.
    pub(crate) haste: f64,
    pub(crate) room: Room,
    pub(crate) microphone: Microphone,
}

impl Performer {
    /// The performer of `recipe`, a piece of `tradition`.
    pub(crate) fn of(recipe: &Recipe, tradition: Tradition) -> Self {
        let mut own = Draws::new(recipe.performer_seed, "performer", &[]);
        // Pitch standards from about A4 = 436 to 444 Hz.
        let standard = own.between(-16.0, 16.0);
        let usual = own.uniform();
        let of_piece = Draws::new(recipe.seed, "tonic", &[]).uniform();
        let chosen = |tonics: &[f64], share: f64| 100.0 * tonics[(share * tonics.len() as f64) as usize];
        let tonic = match tradition {
            Tradition::TurkishMakam => chosen(makam::AHENKS, usual) + makam::karar_cents(recipe.mode),
            Tradition::Hindustani => chosen(hindustani::SHADJAS, usual),
            Tradition::Carnatic => chosen(carnatic::KATTAIS, usual),
            Tradition::Greek => chosen(greek::TONICS, of_piece),
            Tradition::Western => 100.0 * (of_piece * 12.0).floor(),
        };
        Self {
            tonic_hz: C3 * libm::exp2((tonic + standard).rem_euclid(1200.0) / 1200.0),
            touch: Touch { bright: own.between(0.8, 1.25), size: own.between(0.88, 1.14) },
            haste: own.between(0.15, 0.85),
            room: Room::drawn(&mut own),
            microphone: Microphone::drawn(&mut own),
        }
    }
}

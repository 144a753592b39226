//! Phrases in time: how long each note lasts, before it has a pitch.
//!
//! Measured phrases fill whole groups of the cycle, each divided again and again at whole units with a chance that grows with its length,
//! `p = 1.1 s / (s + s₀)`, and end on a held group. Unmeasured phrases draw lengths `s₀ 2^u`, `u` uniform in `[−1.4, 1.3]`, and end on what is left.

use draws::Draws;

use crate::pulse::Pulse;
use crate::style::Style;

/// One note of the melody before anybody plays it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tone {
    /// Onset and length in units of the pulse.
    pub(crate) at: f64,
    pub(crate) units: f64,
    /// Place in the mode.
    pub(crate) place: i32,
    /// Cents the harmony raises it by.
    pub(crate) raised: f64,
    /// On the first unit of a group.
    pub(crate) accent: bool,
    /// First and last of a phrase.
    pub(crate) first: bool,
    pub(crate) last: bool,
}

/// Shortest note of a melody, seconds.
pub(crate) const SHORTEST: f64 = 0.11;
/// Seconds after which a phrase looks for its end.
const PHRASE: (f64, f64) = (2.4, 4.2);

/// The lengths of notes in a measured piece, phrase by phrase; places are still to come.
pub(crate) fn measured_time(pulse: &Pulse, style: &Style, draws: &mut Draws) -> Vec<Vec<Tone>> {
    let groups = pulse.groups();
    let cycle = pulse.cycle();
    let by_cycle = cycle * pulse.unit < 4.5;
    let (mut phrases, mut phrase) = (Vec::new(), Vec::new());
    let mut phrase_start = 0.0;
    let mut target = draws.between(PHRASE.0, PHRASE.1);
    for (index, &(at, length)) in groups.iter().enumerate() {
        let end = at + length;
        let left = pulse.n_units - end;
        let whole = !by_cycle || (end / cycle).fract() < 1e-9;
        let long_enough = (end - phrase_start) * pulse.unit >= target && left * pulse.unit > 1.5;
        let ends = index + 1 == groups.len() || (whole && long_enough);
        if ends {
            // A phrase ends on a held note; the last one of the piece rings out.
            let share = if left > 0.0 { 0.85 } else { 1.0 };
            phrase.push(tone(at, length * share, true));
            phrases.push(std::mem::take(&mut phrase));
            phrase_start = end;
            target = draws.between(PHRASE.0, PHRASE.1);
        } else {
            split(at, length, true, pulse.unit, style, draws, &mut phrase);
        }
    }
    phrases
}

/// The lengths of notes in an unmeasured piece.
pub(crate) fn free_time(pulse: &Pulse, style: &Style, draws: &mut Draws) -> Vec<Vec<Tone>> {
    let n_phrases = (pulse.n_units / draws.between(3.6, 5.2)).round().max(1.0);
    let span = pulse.n_units / n_phrases;
    (0..n_phrases as usize)
        .map(|index| {
            let rest = if index + 1 == n_phrases as usize { 0.0 } else { draws.between(0.2, 0.6) };
            let mut lengths = Vec::new();
            let mut sum = 0.0;
            let tempo = style.note_seconds * draws.between(0.8, 1.4);
            while sum < span - rest - 2.5 * tempo {
                let length = (tempo * libm::exp2(draws.between(-1.4, 1.3))).max(SHORTEST);
                lengths.push(length);
                sum += length;
            }
            lengths.push((span - rest - sum).max(0.3));
            let mut at = index as f64 * span;
            lengths
                .into_iter()
                .map(|length| {
                    let note = tone(at, length, length > tempo);
                    at += length;
                    note
                })
                .collect()
        })
        .collect()
}

/// Splits a stretch of time into notes: at a whole unit as long as there is one inside, then into halves.
fn split(
    at: f64,
    length: f64,
    accent: bool,
    unit: f64,
    style: &Style,
    draws: &mut Draws,
    notes: &mut Vec<Tone>,
) {
    let seconds = length * unit;
    let chance = seconds / (seconds + style.note_seconds);
    // Long notes are always split: 2 s is a held note, not a line.
    if seconds < 2.0 * SHORTEST || (draws.uniform() > chance * 1.1 && seconds < 1.6) {
        notes.push(tone(at, length, accent));
        return;
    }
    let whole = length.ceil() as u64;
    let first = if whole >= 2 { draws.inclusive(1, whole - 1) as f64 } else { length / 2.0 };
    split(at, first, accent, unit, style, draws, notes);
    split(at + first, length - first, false, unit, style, draws, notes);
}

fn tone(at: f64, units: f64, accent: bool) -> Tone {
    Tone { at, units, place: 0, raised: 0.0, accent, first: false, last: false }
}

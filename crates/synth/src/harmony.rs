//! Chords and who plays them: Western progressions, the chords of a dromos, and the patterns of chord instruments.
//!
//! Western: one chord a bar from the progressions of [`western`], home in the last bar. Greek: for each cycle the chord of the dromos that
//! shares most time with the melody, without the tones that the dromos does not have, so that harmony adds no pitch class to the mode.

use draws::Draws;

use crate::instrument::Instrument;
use crate::ornament::Ornament;
use crate::phrase::Tone;
use crate::pulse::Pulse;
use crate::score::{Note, Part};
use crate::theory::{Mode, greek, western};

/// A chord and its time in units.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chord {
    pub(crate) at: f64,
    pub(crate) units: f64,
    /// Cents above the tonic, the root first.
    pub(crate) tones: Vec<f64>,
}

/// Delay from string to string of a strum, seconds.
const STRUM: f64 = 0.012;

/// Spans of the cycles that fit the piece.
fn cycles(pulse: &Pulse) -> Vec<(f64, f64)> {
    let cycle = pulse.cycle();
    let n_cycles = (pulse.n_units / cycle).ceil() as u32;
    (0..n_cycles)
        .map(|number| f64::from(number) * cycle)
        .map(|at| (at, cycle.min(pulse.n_units - at)))
        .collect()
}

/// A progression through the piece in major (`minor == false`) or minor, and the melody bent to it: on accents and at the ends of
/// phrases it sounds a tone of the chord, and over a minor dominant its seventh is raised.
pub(crate) fn western_chords(
    mode: &Mode,
    pulse: &Pulse,
    tones: &mut [Tone],
    draws: &mut Draws,
) -> Vec<Chord> {
    let minor = mode.name == "minor";
    let progressions = western::PROGRESSIONS[usize::from(minor)];
    let spans = cycles(pulse);
    let mut degrees: Vec<i32> = Vec::new();
    // Four bars are repeated before others come.
    while degrees.len() < spans.len() {
        let four = progressions[draws.below(progressions.len() as u64) as usize];
        degrees.extend(four.iter().chain(&four));
    }
    degrees.truncate(spans.len());
    if let Some(last) = degrees.last_mut() {
        *last = 0;
    }
    let chords: Vec<Chord> = spans
        .iter()
        .zip(&degrees)
        .map(|(&(at, units), &degree)| Chord { at, units, tones: western::triad(minor, degree).to_vec() })
        .collect();
    for tone in tones.iter_mut() {
        let bar = ((tone.at / pulse.cycle()) as usize).min(degrees.len() - 1);
        let degree = degrees[bar];
        let in_chord = |place: i32| [0, 2, 4].contains(&(place - degree).rem_euclid(7));
        if (tone.accent || tone.last) && !in_chord(tone.place) {
            tone.place = if in_chord(tone.place - 1) { tone.place - 1 } else { tone.place + 1 };
        }
        if minor && degree == 4 && tone.place.rem_euclid(7) == 6 {
            tone.raised = 100.0;
        }
    }
    if let Some(last) = tones.last_mut() {
        (last.place, last.raised) = (7 * (f64::from(last.place) / 7.0).round() as i32, 0.0);
    }
    chords
}

/// The chords of dromos number `index` under `tones`.
pub(crate) fn greek_chords(index: usize, mode: &Mode, pulse: &Pulse, tones: &[Tone]) -> Vec<Chord> {
    let triads: Vec<Vec<f64>> =
        greek::DROMOI[index].chords.iter().map(|&triad| tones_in(mode, triad)).collect();
    let spans = if pulse.groups.is_empty() { vec![(0.0, pulse.n_units)] } else { cycles(pulse) };
    let n = spans.len();
    spans
        .into_iter()
        .enumerate()
        .map(|(number, (at, units))| {
            let shared = |triad: &[f64]| -> f64 {
                tones
                    .iter()
                    .filter(|tone| tone.at < at + units && tone.at + tone.units > at)
                    .filter(|tone| triad.iter().any(|cents| same_class(*cents, mode.cents(tone.place))))
                    .map(|tone| tone.units)
                    .sum()
            };
            let mut best = 0;
            if number + 1 < n {
                for (candidate, triad) in triads.iter().enumerate() {
                    if shared(triad) > shared(&triads[best]) {
                        best = candidate;
                    }
                }
            }
            Chord { at, units, tones: triads[best].clone() }
        })
        .collect()
}

/// The tones of a triad that the mode has, root first.
fn tones_in(mode: &Mode, (root, minor): greek::Triad) -> Vec<f64> {
    [0, if minor { 3 } else { 4 }, 7]
        .map(|above| f64::from(100 * (root + above)))
        .into_iter()
        .filter(|&cents| same_class(mode.cents(mode.place(cents)), cents))
        .collect()
}

fn same_class(a: f64, b: f64) -> bool {
    let apart = (a - b).rem_euclid(1200.0);
    !(1.0..=1199.0).contains(&apart)
}

/// `cents` in the octave that begins at `low`.
fn octave_from(low: f64, cents: f64) -> f64 {
    low + (cents - low).rem_euclid(1200.0)
}

/// `chords` played by `instrument`, whose tonic sounds at `hertz`: held in one part a voice by those that sustain, else a bass and strums.
pub(crate) fn accompany(
    instrument: Instrument,
    hertz: f64,
    gain: f32,
    chords: &[Chord],
    pulse: &Pulse,
    draws: &mut Draws,
) -> Vec<Part> {
    let part = |notes| Part { instrument, hertz, gain, notes };
    if instrument.sustains() {
        let voices = chords.iter().map(|chord| chord.tones.len()).min().unwrap_or(0);
        return (0..voices)
            .map(|voice| {
                let notes = chords.iter().map(|chord| {
                    let low = if voice == 0 { -1200.0 } else { -300.0 };
                    let cents = octave_from(low, chord.tones[voice]);
                    note(pulse, chord.at, chord.units, cents, 0.8)
                });
                part(notes.collect())
            })
            .collect();
    }
    let pattern = draws.below(3);
    let mut notes = Vec::new();
    for chord in chords {
        for (at, length) in groups_of(pulse, chord) {
            let upper: Vec<f64> = chord.tones.iter().map(|&cents| octave_from(-300.0, cents)).collect();
            let bass = octave_from(-1200.0, chord.tones[0]);
            notes.push(note(pulse, at, length, bass, 0.95));
            match pattern {
                // Bass and after-beats.
                0 => {
                    for beat in 1..length.max(2.0) as u32 {
                        strum(&mut notes, pulse, at + f64::from(beat), 0.9, &upper, 0.6, draws);
                    }
                }
                // Broken chords.
                1 => {
                    let step = if pulse.unit > 0.36 { 0.5 } else { 1.0 };
                    let n_steps = (length / step) as usize;
                    for index in 1..n_steps {
                        let cents = upper[(index - 1) % upper.len()];
                        notes.push(note(pulse, at + step * index as f64, 1.5 * step, cents, 0.6));
                    }
                }
                // A strum with the bass.
                _ => strum(&mut notes, pulse, at, length, &upper, 0.65, draws),
            }
        }
    }
    notes.sort_by(|a: &Note, b| a.start.total_cmp(&b.start));
    vec![part(notes)]
}

/// The groups inside a chord; the whole chord in pieces of four seconds when there is no pulse.
fn groups_of(pulse: &Pulse, chord: &Chord) -> Vec<(f64, f64)> {
    if pulse.groups.is_empty() {
        let n = (chord.units / 4.0).ceil().max(1.0);
        let length = chord.units / n;
        return (0..n as u32).map(|index| (chord.at + f64::from(index) * length, length)).collect();
    }
    let inside = |group: &(f64, f64)| group.0 >= chord.at && group.0 < chord.at + chord.units;
    pulse.groups().into_iter().filter(inside).collect()
}

fn strum(
    notes: &mut Vec<Note>,
    pulse: &Pulse,
    at: f64,
    units: f64,
    tones: &[f64],
    level: f32,
    draws: &mut Draws,
) {
    if at >= pulse.n_units {
        return;
    }
    let loudness = level * draws.between(0.8, 1.1) as f32;
    for (string, &cents) in tones.iter().enumerate() {
        let mut struck = note(pulse, at, units, cents, loudness);
        struck.start += STRUM * string as f64;
        notes.push(struck);
    }
}

/// A plain note.
pub(crate) fn note(pulse: &Pulse, at: f64, units: f64, cents: f64, level: f32) -> Note {
    let start = pulse.seconds_at(at);
    let seconds = (pulse.seconds_at(at + units) - start).max(0.05);
    Note { start, seconds, cents, level, ornament: Ornament::default(), slurred: false }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;
    use crate::Tradition;
    use crate::melody::melody;
    use crate::style::style;
    use crate::theory::metre;
    use crate::vocabulary::modes;

    #[test]
    fn accents_of_a_western_melody_belong_to_their_chord_and_the_piece_ends_at_home() {
        for mode in modes(Tradition::Western) {
            for seed in 0..20 {
                let mut draws = Draws::new(seed, "harmony", &[]);
                let pulse = Pulse::measured(&metre::METRES[seed as usize % 2], 30.0, 0.5, &mut draws);
                let mut tones = melody(&mode, &pulse, &style(Tradition::Western), &mut draws);
                let chords = western_chords(&mode, &pulse, &mut tones, &mut draws);
                assert_eq!(chords.last().unwrap().tones, western::triad(mode.name == "minor", 0));
                for tone in tones.iter().filter(|tone| tone.accent) {
                    let chord = chords.iter().rev().find(|chord| chord.at <= tone.at).unwrap();
                    let cents = mode.cents(tone.place) + tone.raised;
                    assert!(
                        chord.tones.iter().any(|&other| same_class(other, cents)),
                        "{tone:?} over {chord:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_chord_of_every_dromos_keeps_its_root_and_no_foreign_tone() {
        for (dromos, mode) in greek::DROMOI.iter().zip(modes(Tradition::Greek)) {
            for &triad in dromos.chords {
                let tones = tones_in(&mode, triad);
                assert!(
                    tones.len() >= 2 && tones[0] == f64::from(100 * triad.0),
                    "{}: {triad:?} {tones:?}",
                    mode.name
                );
            }
        }
    }
}

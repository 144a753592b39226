//! The arrangement: from a planned piece to the notes and strokes of everyone who plays in it.
//!
//! Melody first, then what the second player makes of it: heterophony in makam and Greek music, a shadow a moment later in Indian
//! music, chords where the instrument has them, the held tonic in a taksim or taximi. Drone and percussion follow the plan. Pure.

use draws::Draws;

use crate::Tradition;
use crate::harmony::{Chord, accompany, greek_chords, note, western_chords};
use crate::heterophony::variant;
use crate::instrument::Instrument;
use crate::melody::melody;
use crate::percussion::percussion;
use crate::performer::Performer;
use crate::phrase::Tone;
use crate::piece::Piece;
use crate::pulse::Pulse;
use crate::score::{Note, Part, Score};
use crate::style::{Style, style};
use crate::theory::Mode;
use crate::vocabulary::{modes, rhythms};

/// Repetitions a second of a tremolo, and the shortest note that gets one, seconds.
const TREMOLO: (f64, f64) = (9.5, 0.45);

/// What all players of a piece share.
struct Ensemble<'a> {
    mode: &'a Mode,
    pulse: &'a Pulse,
    style: Style,
    tonic_hz: f64,
}

/// The score of `piece`.
pub(crate) fn arrange(piece: &Piece, performer: &Performer) -> Score {
    let recipe = &piece.recipe;
    let draws = |purpose: &str| Draws::new(recipe.seed, purpose, &[]);
    let mode = &modes(piece.tradition)[recipe.mode];
    let rhythm = recipe.rhythm.map(|index| &rhythms(piece.tradition)[index]);
    let pulse = match rhythm {
        Some(rhythm) => Pulse::measured(rhythm, piece.seconds, performer.haste, &mut draws("pulse")),
        None => Pulse::free(piece.seconds),
    };
    let ensemble =
        Ensemble { mode, pulse: &pulse, style: style(piece.tradition), tonic_hz: performer.tonic_hz };

    let mut tones = melody(mode, &pulse, &ensemble.style, &mut draws("melody"));
    let chords = match piece.tradition {
        Tradition::Western => western_chords(mode, &pulse, &mut tones, &mut draws("harmony")),
        Tradition::Greek => greek_chords(recipe.mode, mode, &pulse, &tones),
        _ => Vec::new(),
    };
    let parts = ensemble.parts(piece.tradition, &recipe.players, &tones, &chords, recipe.seed);
    let kit = recipe
        .kit
        .zip(rhythm)
        .map(|(kit, rhythm)| (kit, percussion(rhythm, kit, &pulse, &mut draws("percussion"))));
    let drone = recipe.drone.map(|drone| (drone, drone_fifth(mode)));
    Score { tonic_hz: performer.tonic_hz, pulse, parts, kit, drone }
}

/// The second pitch of a drone: the fifth where the mode has it, else the fourth.
fn drone_fifth(mode: &Mode) -> f64 {
    let fifth = 1200.0 * libm::log2(1.5);
    let has_fifth = mode.degrees.iter().any(|degree| (degree.cents - fifth).abs() < 1.0);
    if has_fifth { fifth } else { 1200.0 - fifth }
}

impl Ensemble<'_> {
    fn parts(
        &self,
        tradition: Tradition,
        players: &[Instrument],
        tones: &[Tone],
        chords: &[Chord],
        seed: u64,
    ) -> Vec<Part> {
        let mut draws = Draws::new(seed, "players", &[]);
        let Some(&first) = players.first() else { return Vec::new() };
        let second = players.get(1).copied();
        // A chord instrument leaves the melody to the other one.
        let (lead, second) = match second {
            Some(other) if first.plays_chords() && !other.plays_chords() => (other, Some(first)),
            _ => (first, second),
        };
        let mut parts = vec![self.part(lead, 1.0, tones, 0.0, &mut draws)];
        let chordal = !chords.is_empty();
        match second {
            Some(other) if chordal && other.plays_chords() => {
                parts.extend(self.accompaniment(other, 0.55, chords, &mut draws));
            }
            Some(other) => parts.push(self.second(tradition, other, tones, &mut draws)),
            None if chordal && lead.plays_chords() => {
                parts.extend(self.accompaniment(lead, 0.45, chords, &mut draws));
            }
            None => {}
        }
        parts
    }

    /// The tonic in the instrument's own octave.
    fn tonic_of(&self, instrument: Instrument) -> f64 {
        self.tonic_hz * libm::exp2(libm::round(libm::log2(instrument.home_hz() / self.tonic_hz)))
    }

    fn accompaniment(
        &self,
        instrument: Instrument,
        gain: f32,
        chords: &[Chord],
        draws: &mut Draws,
    ) -> Vec<Part> {
        accompany(instrument, self.tonic_of(instrument), gain, chords, self.pulse, draws)
    }

    fn second(
        &self,
        tradition: Tradition,
        instrument: Instrument,
        tones: &[Tone],
        draws: &mut Draws,
    ) -> Part {
        let gain = draws.between(0.55, 0.85) as f32;
        let measured = !self.pulse.groups.is_empty();
        let indian = matches!(tradition, Tradition::Hindustani | Tradition::Carnatic);
        if !measured && !indian {
            return self.hold(instrument, 0.5 * gain);
        }
        let delay = match (indian, measured) {
            (true, false) => draws.between(0.15, 0.4),
            (true, true) => draws.between(0.02, 0.07),
            _ => draws.between(0.0, 0.02),
        };
        let varied = variant(tones, self.mode, self.pulse, draws);
        self.part(instrument, gain, &varied, delay, draws)
    }

    /// The tonic held, or struck every second or two, under an unmeasured solo.
    fn hold(&self, instrument: Instrument, gain: f32) -> Part {
        let length = if instrument.sustains() { 5.0 } else { 1.6 };
        let n = (self.pulse.n_units / length).ceil().max(1.0);
        let length = self.pulse.n_units / n;
        let hertz = self.tonic_of(instrument);
        let notes =
            (0..n as u32).map(|index| note(self.pulse, f64::from(index) * length, 0.97 * length, 0.0, 0.8));
        Part { instrument, hertz, gain, notes: notes.collect() }
    }

    /// `tones` played by `instrument`, `delay` seconds late.
    fn part(&self, instrument: Instrument, gain: f32, tones: &[Tone], delay: f64, draws: &mut Draws) -> Part {
        let mut notes: Vec<Note> = Vec::with_capacity(tones.len());
        let mut before = None;
        for tone in tones {
            let mut note =
                note(self.pulse, tone.at, tone.units, self.mode.cents(tone.place) + tone.raised, 0.0);
            note.start += delay + draws.between(0.0, 0.012);
            let from = if tone.first { None } else { before };
            if tone.raised == 0.0 {
                note.ornament = self.style.ornament(
                    self.mode,
                    from,
                    tone.place,
                    note.seconds,
                    instrument.bending(),
                    draws,
                );
            }
            let accent = if tone.accent { 1.0 } else { 0.8 };
            note.level = (accent * draws.between(0.85, 1.1)) as f32;
            note.slurred = instrument.sustains() && !tone.first && draws.uniform() < self.style.slur;
            before = Some(tone.place);
            push(&mut notes, note, instrument);
        }
        Part { instrument, hertz: self.tonic_of(instrument), gain, notes }
    }
}

/// Adds `note`, in fast repetitions where the instrument plays long notes so.
fn push(notes: &mut Vec<Note>, note: Note, instrument: Instrument) {
    if !instrument.tremolo() || note.seconds < TREMOLO.1 {
        notes.push(note);
        return;
    }
    let n = (note.seconds * TREMOLO.0).round();
    for index in 0..n as u32 {
        let seconds = note.seconds / n;
        let mut stroke = note.clone();
        (stroke.start, stroke.seconds) = (note.start + f64::from(index) * seconds, seconds);
        stroke.ornament = crate::ornament::Ornament::default();
        stroke.level *= if index == 0 { 1.0 } else { 0.7 };
        notes.push(stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::western;
    use crate::{PlanRequest, plan};

    fn scores(check: impl Fn(&Piece, &Performer, &Score)) {
        for (seed, seconds) in [(1, 12.0), (2, 30.0), (3, 4.0)] {
            for piece in plan(&PlanRequest::uniform(seed, 2.0 * seconds, seconds)).unwrap() {
                let performer = Performer::of(&piece.recipe, piece.tradition);
                check(&piece, &performer, &arrange(&piece, &performer));
            }
        }
    }

    #[test]
    fn every_pitch_belongs_to_the_tagged_mode() {
        scores(|piece, _, score| {
            let name = piece.tags.iter().find_map(|tag| {
                ["makam:", "raga:", "dromos:", "mode:"]
                    .iter()
                    .find_map(|namespace| tag.strip_prefix(namespace))
            });
            let mode = modes(piece.tradition).into_iter().find(|mode| Some(mode.name) == name).unwrap();
            for note in score.parts.iter().flat_map(|part| &part.notes) {
                let in_mode = (mode.cents(mode.place(note.cents)) - note.cents).abs() < 0.01;
                // The minor mode has the raised seventh of its dominant chord besides.
                let leading = mode.name == "minor" && (note.cents.rem_euclid(1200.0) - 1100.0).abs() < 0.01;
                assert!(in_mode || leading, "{}: {} cents", piece.id, note.cents);
            }
        });
    }

    #[test]
    fn everyone_tagged_plays_and_nobody_else() {
        scores(|piece, _, score| {
            let mut heard: Vec<String> = score
                .parts
                .iter()
                .filter(|part| !part.notes.is_empty() && part.gain > 0.0)
                .map(|part| part.instrument.name())
                .chain(score.kit.iter().filter(|(_, hits)| !hits.is_empty()).map(|(kit, _)| kit.name()))
                .chain(score.drone.iter().map(|(drone, _)| drone.name()))
                .map(|name| format!("instrument:{name}"))
                .collect();
            heard.sort();
            heard.dedup();
            let tagged: Vec<&String> =
                piece.tags.iter().filter(|tag| tag.starts_with("instrument:")).collect();
            assert_eq!(heard.iter().collect::<Vec<_>>(), tagged, "{}", piece.id);
        });
    }

    #[test]
    fn notes_lie_inside_the_piece() {
        scores(|piece, performer, score| {
            assert!((130.8..261.7).contains(&performer.tonic_hz));
            for part in &score.parts {
                for note in &part.notes {
                    assert!(
                        note.start >= 0.0 && note.start < piece.seconds && note.seconds > 0.03,
                        "{}",
                        piece.id
                    );
                    let hertz = part.hertz * (note.cents / 1200.0).exp2();
                    assert!((35.0..2400.0).contains(&hertz), "{}: {hertz} Hz", piece.id);
                }
            }
        });
    }

    #[test]
    fn western_chords_are_triads_of_the_key() {
        let chords: Vec<[f64; 3]> = (0..7).map(|degree| western::triad(false, degree)).collect();
        assert!(chords.iter().all(|chord| chord[1] - chord[0] >= 300.0 && chord[2] - chord[1] >= 300.0));
    }
}

//! What is known of a piece because it was made: where its cycles and their groups begin, and the melody above the tonic.

use crate::arrange::arrange;
use crate::performer::Performer;
use crate::piece::Piece;

/// What is true of the moments of a piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The tonic, hertz, in the octave from about 130 Hz.
    pub tonic_hz: f64,
    /// Beginnings of the rhythmic cycles (sama, the one), seconds; empty for unmeasured music.
    pub cycles: Vec<f64>,
    /// Beginnings of the groups within the cycles, seconds; those of the cycles are among them.
    pub groups: Vec<f64>,
    /// Notes of the leading instrument as they are written, without ornaments, in the order of time.
    pub melody: Vec<MelodyNote>,
}

/// One note of the leading instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MelodyNote {
    /// Onset, seconds.
    pub start: f64,
    /// End, seconds; the next note may begin before.
    pub end: f64,
    /// Pitch, hertz.
    pub hz: f64,
}

/// What is known of `piece`, without rendering it.
pub fn truth(piece: &Piece) -> Truth {
    let performer = Performer::of(&piece.recipe, piece.tradition);
    let score = arrange(piece, &performer);
    let n_groups = score.pulse.groups.len().max(1);
    let groups: Vec<f64> =
        score.pulse.groups().into_iter().map(|(units, _)| score.pulse.seconds_at(units)).collect();
    let melody = score.parts.first().map_or_else(Vec::new, |lead| {
        let note = |note: &crate::score::Note| MelodyNote {
            start: note.start,
            end: (note.start + note.seconds).min(piece.seconds),
            hz: lead.hertz * libm::exp2(note.cents / 1200.0),
        };
        lead.notes.iter().map(note).filter(|note| note.start < note.end).collect()
    });
    Truth {
        tonic_hz: score.tonic_hz,
        cycles: groups.iter().copied().step_by(n_groups).collect(),
        groups,
        melody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanRequest, plan};

    #[test]
    fn cycles_are_groups_and_all_times_lie_in_the_piece() {
        let pieces = plan(&PlanRequest::uniform(3, 2.0, 12.0)).unwrap();
        let (mut measured, mut sung) = (0, 0);
        for piece in &pieces {
            let truth = truth(piece);
            assert!(truth.cycles.iter().all(|cycle| truth.groups.contains(cycle)), "{}", piece.id);
            assert!(truth.groups.windows(2).all(|pair| pair[0] < pair[1]), "{}", piece.id);
            assert!(truth.groups.iter().all(|&at| (0.0..piece.seconds).contains(&at)), "{}", piece.id);
            let is_note =
                |note: &MelodyNote| 0.0 <= note.start && note.end <= piece.seconds && note.hz > 30.0;
            assert!(truth.melody.iter().all(is_note), "{}", piece.id);
            measured += usize::from(!truth.cycles.is_empty());
            sung += usize::from(!truth.melody.is_empty());
        }
        assert!(
            measured * 2 > pieces.len() && sung == pieces.len(),
            "{measured}, {sung} of {}",
            pieces.len()
        );
    }

    #[test]
    fn a_modes_last_note_is_its_tonic_or_of_its_chord() {
        let pieces = plan(&PlanRequest::uniform(5, 1.0, 12.0)).unwrap();
        let on_tonic = pieces.iter().filter(|piece| {
            let truth = truth(piece);
            let semitones = 12.0 * (truth.melody.last().unwrap().hz / truth.tonic_hz).log2();
            semitones.rem_euclid(12.0).min(12.0 - semitones.rem_euclid(12.0)) < 0.01
        });
        assert!(on_tonic.count() * 2 > pieces.len());
    }
}

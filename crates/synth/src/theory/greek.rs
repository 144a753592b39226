//! Greek *dromoi* as rebetiko and laiko play them on the tempered bouzouki, with the chords that go with each.
//!
//! Semitones above the tonic. Some dromoi lower their seventh on the way down. Practice varies from teacher to teacher; these are the
//! commonest forms. Sources: R. Holst, *Road to Rembetika* (1975); R. P. Pennanen, "The development of chordal harmony in Greek rebetika
//! and laika music" (1997); N. Ordoulidis, "The Greek popular modes" (2011).

use super::{Mode, Motion};

/// A triad: root in semitones above the tonic, and whether its third is minor.
pub(crate) type Triad = (i32, bool);

pub(crate) struct Dromos {
    name: &'static str,
    ascent: &'static [i32],
    descent: &'static [i32],
    dominant: i32,
    motion: Motion,
    turns: &'static [&'static [i32]],
    /// Chords of the laouto, the tonic chord first.
    pub(crate) chords: &'static [Triad],
}

/// The table.
pub(crate) const DROMOI: &[Dromos] = &[
    Dromos {
        name: "hitzaz",
        ascent: &[0, 1, 4, 5, 7, 8, 10],
        descent: &[0, 1, 4, 5, 7, 8, 10],
        dominant: 5,
        motion: Motion::Mixed,
        turns: &[&[5, 4, 1, 0], &[0, 1, 4, 5, 7], &[7, 8, 7, 5, 4]],
        chords: &[(0, false), (10, true), (5, true), (1, false)],
    },
    Dromos {
        name: "rast",
        ascent: &[0, 2, 4, 5, 7, 9, 11],
        descent: &[0, 2, 4, 5, 7, 9, 10],
        dominant: 7,
        motion: Motion::Ascending,
        turns: &[&[0, 2, 4, 2, 0], &[7, 5, 4, 2, 0], &[4, 5, 7, 9, 7]],
        chords: &[(0, false), (7, false), (5, false), (2, true)],
    },
    Dromos {
        name: "ousak",
        ascent: &[0, 1, 3, 5, 7, 8, 10],
        descent: &[0, 1, 3, 5, 7, 8, 10],
        dominant: 5,
        motion: Motion::Ascending,
        turns: &[&[5, 3, 1, 0], &[0, 3, 5, 7, 5], &[-2, 0, 1, 3, 1, 0]],
        chords: &[(0, true), (10, true), (5, true), (3, false)],
    },
    Dromos {
        name: "niavent",
        ascent: &[0, 2, 3, 6, 7, 8, 11],
        descent: &[0, 2, 3, 6, 7, 8, 11],
        dominant: 7,
        motion: Motion::Mixed,
        turns: &[&[7, 6, 3, 2, 0], &[7, 8, 7, 6, 7], &[3, 6, 7, 8, 11, 12]],
        chords: &[(0, true), (7, false), (8, false)],
    },
    Dromos {
        name: "hitzazkiar",
        ascent: &[0, 1, 4, 5, 7, 8, 11],
        descent: &[0, 1, 4, 5, 7, 8, 11],
        dominant: 7,
        motion: Motion::Descending,
        turns: &[&[12, 11, 8, 7], &[7, 5, 4, 1, 0], &[0, -1, 0, 1, 4]],
        chords: &[(0, false), (5, true), (1, false)],
    },
    Dromos {
        name: "sabah",
        ascent: &[0, 2, 3, 4, 7, 8, 10],
        descent: &[0, 2, 3, 4, 7, 8, 10],
        dominant: 3,
        motion: Motion::Ascending,
        turns: &[&[0, 2, 3, 4, 3], &[4, 3, 2, 0], &[7, 4, 3, 2, 3]],
        chords: &[(0, true), (3, false), (10, false)],
    },
    Dromos {
        name: "houzam",
        ascent: &[0, 3, 4, 5, 7, 9, 11],
        descent: &[0, 3, 4, 5, 7, 9, 10],
        dominant: 7,
        motion: Motion::Mixed,
        turns: &[&[4, 3, 4, 5, 7], &[7, 5, 4, 3, 4], &[7, 9, 7, 5, 4]],
        chords: &[(0, false), (7, false), (5, false)],
    },
    Dromos {
        name: "piraeotikos",
        ascent: &[0, 1, 4, 6, 7, 8, 11],
        descent: &[0, 1, 4, 6, 7, 8, 11],
        dominant: 7,
        motion: Motion::Mixed,
        turns: &[&[7, 6, 4, 1, 0], &[4, 6, 7, 8, 7], &[12, 11, 8, 7, 6, 7]],
        chords: &[(0, false), (1, false), (11, true)],
    },
];

/// Tonics of bouzouki and lyra, semitones above C: D, E, A, C, G.
pub(crate) const TONICS: &[f64] = &[2.0, 4.0, 9.0, 0.0, 7.0];

/// The dromoi as modes.
pub(crate) fn modes() -> Vec<Mode> {
    let cents =
        |line: &[i32]| -> Vec<f64> { line.iter().map(|&semitones| 100.0 * f64::from(semitones)).collect() };
    DROMOI
        .iter()
        .map(|dromos| {
            let turns: Vec<Vec<f64>> = dromos.turns.iter().map(|turn| cents(turn)).collect();
            let rests = cents(&[dromos.dominant]);
            Mode::new(
                dromos.name,
                &cents(dromos.ascent),
                &cents(dromos.descent),
                &rests,
                dromos.motion,
                &turns,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mode::check_modes;

    #[test]
    fn the_readme_has_the_same_ascents() {
        for dromos in DROMOI {
            let degrees: Vec<String> = dromos.ascent.iter().map(ToString::to_string).collect();
            let row = format!("| {} | {} |", dromos.name, degrees.join(" "));
            assert!(include_str!("../../README.md").contains(&row), "{row}");
        }
    }

    #[test]
    fn turns_and_rests_lie_on_the_scale() {
        for (dromos, mode) in DROMOI.iter().zip(modes()) {
            for &semitones in dromos.turns.iter().flat_map(|turn| turn.iter()).chain([&dromos.dominant]) {
                let cents = 100.0 * f64::from(semitones);
                assert!((mode.cents(mode.place(cents)) - cents).abs() < 0.01, "{}: {semitones}", dromos.name);
            }
        }
        check_modes(&modes());
    }

    #[test]
    fn chords_have_their_roots_on_the_scale() {
        for dromos in DROMOI {
            for (root, _) in dromos.chords {
                assert!(
                    dromos.ascent.contains(root) || dromos.descent.contains(root),
                    "{}: {root}",
                    dromos.name
                );
            }
        }
    }
}

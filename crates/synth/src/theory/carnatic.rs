//! Carnatic ragas: *arohana*, *avarohana*, resting notes (*nyasa*), and which note carries which *gamaka*.
//!
//! Note names: S, R1–R3, G1–G3, M1, M2, P, D1–D3, N1–N3, of which twelve positions are used here, at just ratios. The gamakas are a
//! small abstract of practice: *kampita* (wide oscillation), *jaru* (slide), *nokku* (stress from above), and plain.
//!
//! Sources: P. Sambamoorthy, *South Indian Music*; L. Pesch, *The Oxford Illustrated Companion to South Indian Classical Music* (2009);
//! T. Viswanathan, *The Analysis of Rāga Ālāpana in South Indian Music* (1977); G. Koduri et al. on intonation (2012).

use super::svara;
use super::{Gesture, Mode, Motion};

struct Raga {
    name: &'static str,
    arohana: &'static str,
    avarohana: &'static str,
    nyasa: &'static str,
    phrases: &'static [&'static str],
    kampita: &'static str,
    nokku: &'static str,
    jaru: &'static str,
}

const RAGAS: &[Raga] = &[
    Raga {
        name: "kalyani",
        arohana: "S R2 G3 M2 P D2 N3 S'",
        avarohana: "S' N3 D2 P M2 G3 R2 S",
        nyasa: "G3 P",
        phrases: &["G3 M2 P D2 N3 D2 P", ".N3 R2 G3 M2 G3", "N3 D2 M2 G3 R2"],
        kampita: "R2 D2 M2",
        nokku: "N3",
        jaru: "G3",
    },
    Raga {
        name: "todi",
        arohana: "S R1 G2 M1 P D1 N2 S'",
        avarohana: "S' N2 D1 P M1 G2 R1 S",
        nyasa: "M1 D1",
        phrases: &["G2 M1 P M1 G2 R1", ".D1 .N2 S R1 G2", "P D1 N2 D1 M1 G2"],
        kampita: "G2 N2 D1",
        nokku: "R1",
        jaru: "M1",
    },
    Raga {
        name: "mohanam",
        arohana: "S R2 G3 P D2 S'",
        avarohana: "S' D2 P G3 R2 S",
        nyasa: "G3 P",
        phrases: &["G3 P D2 P G3 R2", "G3 R2 S .D2 S R2 G3", "P D2 S' D2 P"],
        kampita: "R2 D2",
        nokku: "G3",
        jaru: "P",
    },
    Raga {
        name: "mayamalavagowla",
        arohana: "S R1 G3 M1 P D1 N3 S'",
        avarohana: "S' N3 D1 P M1 G3 R1 S",
        nyasa: "P G3",
        phrases: &["S R1 G3 M1 P", "G3 M1 P D1 P", "P M1 G3 R1 S"],
        kampita: "R1 D1",
        nokku: "M1",
        jaru: "N3",
    },
    Raga {
        name: "hindolam",
        arohana: "S G2 M1 D1 N2 S'",
        avarohana: "S' N2 D1 M1 G2 S",
        nyasa: "M1 D1",
        phrases: &["M1 D1 N2 D1 M1 G2", ".N2 S G2 M1", "G2 M1 D1 N2 S'"],
        kampita: "G2 N2",
        nokku: "D1",
        jaru: "M1",
    },
    Raga {
        name: "bhairavi",
        arohana: "S R2 G2 M1 P D2 N2 S'",
        avarohana: "S' N2 D1 P M1 G2 R2 S",
        nyasa: "P M1",
        phrases: &["M1 P D2 N2 S'", "N2 D1 P M1 G2 R2", "R2 G2 M1 P"],
        kampita: "G2 N2 R2",
        nokku: "D1",
        jaru: "M1",
    },
    Raga {
        name: "shankarabharanam",
        arohana: "S R2 G3 M1 P D2 N3 S'",
        avarohana: "S' N3 D2 P M1 G3 R2 S",
        nyasa: "P G3",
        phrases: &["S' N3 D2 P", "G3 M1 P D2 P", "P M1 G3 R2 S"],
        kampita: "M1 D2",
        nokku: "R2",
        jaru: "N3",
    },
    Raga {
        name: "saveri",
        arohana: "S R1 M1 P D1 S'",
        avarohana: "S' N3 D1 P M1 G3 R1 S",
        nyasa: "P D1",
        phrases: &["S R1 M1 P D1", "D1 P M1 G3 R1 S", "P D1 S' N3 D1"],
        kampita: "R1 D1",
        nokku: "G3",
        jaru: "M1",
    },
    Raga {
        name: "kharaharapriya",
        arohana: "S R2 G2 M1 P D2 N2 S'",
        avarohana: "S' N2 D2 P M1 G2 R2 S",
        nyasa: "P R2",
        phrases: &["R2 G2 M1 P", "P D2 N2 D2 P", "M1 G2 R2 G2 R2 S"],
        kampita: "G2 N2",
        nokku: "R2",
        jaru: "D2",
    },
    Raga {
        name: "bilahari",
        arohana: "S R2 G3 P D2 S'",
        avarohana: "S' N3 D2 P M1 G3 R2 S",
        nyasa: "G3 P",
        phrases: &["S R2 G3 P D2 S'", "S' N3 D2 P", "P M1 G3 R2 S"],
        kampita: "M1 R2",
        nokku: "G3",
        jaru: "D2",
    },
];

/// Shruti of voices and violins, semitones above C: kattai 1 to 6.
pub(crate) const KATTAIS: &[f64] = &[0.0, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0];

/// The frequency ratio of a note name.
fn ratio(name: &str) -> Option<f64> {
    Some(match name {
        "S" => 1.0,
        "R1" => 16.0 / 15.0,
        "R2" | "G1" => 9.0 / 8.0,
        "R3" | "G2" => 6.0 / 5.0,
        "G3" => 5.0 / 4.0,
        "M1" => 4.0 / 3.0,
        "M2" => 45.0 / 32.0,
        "P" => 3.0 / 2.0,
        "D1" => 8.0 / 5.0,
        "D2" | "N1" => 5.0 / 3.0,
        "D3" | "N2" => 9.0 / 5.0,
        "N3" => 15.0 / 8.0,
        _ => return None,
    })
}

/// The ragas as modes.
pub(crate) fn modes() -> Vec<Mode> {
    RAGAS
        .iter()
        .map(|raga| {
            let line = |text| svara::cents(text, ratio);
            let phrases: Vec<Vec<f64>> = raga.phrases.iter().map(|phrase| line(phrase)).collect();
            let mut mode = Mode::new(
                raga.name,
                &line(raga.arohana),
                &line(raga.avarohana),
                &line(raga.nyasa),
                Motion::Ascending,
                &phrases,
            );
            let gestures =
                [(raga.kampita, Gesture::Kampita), (raga.nokku, Gesture::Nokku), (raga.jaru, Gesture::Jaru)];
            for (names, gesture) in gestures {
                for cents in line(names) {
                    mode = mode.with_gesture(cents, gesture);
                }
            }
            mode
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mode::check_modes;
    use crate::theory::svara::n_tokens;

    #[test]
    fn the_readme_has_the_same_table() {
        for raga in RAGAS {
            let row = format!("| {} | {} | {} | {} |", raga.name, raga.arohana, raga.avarohana, raga.kampita);
            assert!(include_str!("../../README.md").contains(&row), "{row}");
        }
    }

    #[test]
    fn every_line_reads_whole_and_every_phrase_obeys_its_raga() {
        for raga in RAGAS {
            let lines = [raga.arohana, raga.avarohana, raga.nyasa, raga.kampita, raga.nokku, raga.jaru];
            for line in lines.iter().chain(raga.phrases) {
                assert_eq!(svara::cents(line, ratio).len(), n_tokens(line), "{}: {line}", raga.name);
            }
        }
        check_modes(&modes());
    }

    #[test]
    fn gamakas_sit_on_notes_of_the_raga() {
        for (raga, mode) in RAGAS.iter().zip(modes()) {
            for line in [raga.kampita, raga.nokku, raga.jaru] {
                for cents in svara::cents(line, ratio) {
                    assert!((mode.cents(mode.place(cents)) - cents).abs() < 0.01, "{}: {line}", raga.name);
                }
            }
        }
    }
}

//! Hindustani ragas: ascent (*aroha*), descent (*avaroha*), *vadi* and *samvadi*, a characteristic phrase (*pakad*), in five-limit
//! just intonation.
//!
//! Notation after Bhatkhande in letters: S r R g G m M P d D n N, small letters flat, M the sharp fourth. Ratios 1, 16/15, 9/8, 6/5,
//! 5/4, 4/3, 45/32, 3/2, 8/5, 5/3, 9/5, 15/8. Crooked (*vakra*) turns are simplified to which notes may be entered from where.
//!
//! Sources: V. N. Bhatkhande, *Hindustani Sangeet Paddhati*; J. Bor (ed.), *The Raga Guide* (1999); N. Jairazbhoy, *The Rāgs of North
//! Indian Music* (1971).

use super::svara;
use super::{Gesture, Mode, Motion};

struct Raga {
    name: &'static str,
    aroha: &'static str,
    avaroha: &'static str,
    /// Vadi, then samvadi.
    vadi: &'static str,
    pakads: &'static [&'static str],
    /// Notes with a slow swing.
    andolan: &'static str,
    motion: Motion,
}

const RAGAS: &[Raga] = &[
    Raga {
        name: "yaman",
        aroha: ".N R G M D N S'",
        avaroha: "S' N D P M G R S",
        vadi: "G N",
        pakads: &[".N R G R S", "G M D N S'", "P M G R S", "N D P M G"],
        andolan: "",
        motion: Motion::Ascending,
    },
    Raga {
        name: "bhairav",
        aroha: "S r G m P d N S'",
        avaroha: "S' N d P m G r S",
        vadi: "d r",
        pakads: &["G m d P", "G m r S", "S r G m P d"],
        andolan: "r d",
        motion: Motion::Ascending,
    },
    Raga {
        name: "bhupali",
        aroha: "S R G P D S'",
        avaroha: "S' D P G R S",
        vadi: "G D",
        pakads: &["G R S .D S R G", "P G D P G R S", "G P D S' D P"],
        andolan: "",
        motion: Motion::Ascending,
    },
    Raga {
        name: "malkauns",
        aroha: "S g m d n S'",
        avaroha: "S' n d m g S",
        vadi: "m S",
        pakads: &["d n d m g m g S", ".n S g m", "g m d n S'"],
        andolan: "g",
        motion: Motion::Ascending,
    },
    Raga {
        name: "todi",
        aroha: "S r g M d N S'",
        avaroha: "S' N d P M g r S",
        vadi: "d g",
        pakads: &[".d .N S r g r S", "g M d P", "M g r g r S"],
        andolan: "r g",
        motion: Motion::Mixed,
    },
    Raga {
        name: "desh",
        aroha: "S R m P N S'",
        avaroha: "S' n D P m G R S",
        vadi: "R P",
        pakads: &["m P N S' n D P", "R m P", "D P m G R S"],
        andolan: "",
        motion: Motion::Mixed,
    },
    Raga {
        name: "kafi",
        aroha: "S R g m P D n S'",
        avaroha: "S' n D P m g R S",
        vadi: "P S",
        pakads: &["S S R R g g m m P", "m P D n S'", "m P g R S"],
        andolan: "",
        motion: Motion::Mixed,
    },
    Raga {
        name: "ahir_bhairav",
        aroha: "S r G m P D n S'",
        avaroha: "S' n D P m G r S",
        vadi: "m S",
        pakads: &["G m r S", ".D .n r S", "P D n D P m"],
        andolan: "r",
        motion: Motion::Ascending,
    },
    Raga {
        name: "darbari",
        aroha: "S R g m P d n S'",
        avaroha: "S' d n P m g R S",
        vadi: "R P",
        pakads: &["g m R S", ".d .n S R", "m P d n P"],
        andolan: "g d",
        motion: Motion::Ascending,
    },
    Raga {
        name: "bhimpalasi",
        aroha: "S g m P n S'",
        avaroha: "S' n D P m g R S",
        vadi: "m S",
        pakads: &[".n S m", "m P g m g R S", "g m P n S' n D P"],
        andolan: "",
        motion: Motion::Ascending,
    },
];

/// Sa of sitars, flutes and voices, semitones above C.
pub(crate) const SHADJAS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 10.0];

/// The frequency ratio of a note name.
fn ratio(name: &str) -> Option<f64> {
    Some(match name {
        "S" => 1.0,
        "r" => 16.0 / 15.0,
        "R" => 9.0 / 8.0,
        "g" => 6.0 / 5.0,
        "G" => 5.0 / 4.0,
        "m" => 4.0 / 3.0,
        "M" => 45.0 / 32.0,
        "P" => 3.0 / 2.0,
        "d" => 8.0 / 5.0,
        "D" => 5.0 / 3.0,
        "n" => 9.0 / 5.0,
        "N" => 15.0 / 8.0,
        _ => return None,
    })
}

/// The ragas as modes.
pub(crate) fn modes() -> Vec<Mode> {
    RAGAS
        .iter()
        .map(|raga| {
            let line = |text| svara::cents(text, ratio);
            let pakads: Vec<Vec<f64>> = raga.pakads.iter().map(|pakad| line(pakad)).collect();
            let mut aroha = line(raga.aroha);
            aroha.push(0.0);
            let mode =
                Mode::new(raga.name, &aroha, &line(raga.avaroha), &line(raga.vadi), raga.motion, &pakads);
            line(raga.andolan)
                .into_iter()
                .fold(mode, |mode, cents| mode.with_gesture(cents, Gesture::Andolan))
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
            let row = format!("| {} | {} | {} | {} |", raga.name, raga.aroha, raga.avaroha, raga.vadi);
            assert!(include_str!("../../README.md").contains(&row), "{row}");
        }
    }

    #[test]
    fn every_line_reads_whole_and_every_pakad_obeys_its_raga() {
        for raga in RAGAS {
            for line in [raga.aroha, raga.avaroha, raga.vadi, raga.andolan].iter().chain(raga.pakads) {
                assert_eq!(svara::cents(line, ratio).len(), n_tokens(line), "{}: {line}", raga.name);
            }
        }
        check_modes(&modes());
    }

    #[test]
    fn desh_climbs_by_the_natural_seventh_and_falls_by_the_flat_one() {
        let desh = modes().into_iter().find(|mode| mode.name == "desh").unwrap();
        let entered = |name: &str| desh.degree(desh.place(1200.0 * ratio(name).unwrap().log2()));
        assert!(entered("N").ascending && !entered("N").descending);
        assert!(!entered("n").ascending && entered("n").descending);
    }
}

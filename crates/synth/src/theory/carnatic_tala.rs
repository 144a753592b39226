//! Carnatic talas with a plain (*sarvalaghu*) mridangam pattern each.
//!
//! Adi is 4 + 2 + 2 beats, rupaka 2 + 4, misra chapu 3 + 4 counted here 3 + 2 + 2. Strokes: thom and tha on the left head, nam, dhin,
//! thi and chapu on the right. Sources: L. Pesch (2009, as in [`carnatic`](super::carnatic)); T. Sankaran, *The Rhythmic Principles and
//! Practice of South Indian Drumming* (1994).

use super::Rhythm;

/// The table.
pub(crate) const TALAS: &[Rhythm] = &[
    Rhythm {
        name: "adi",
        groups: &[4, 2, 2],
        strokes: "thom+nam thi dhin thi thom nam dhin thi | nam thi dhin thi | thom+dhin nam tha thi",
        per_unit: 2,
        unit_ms: (440.0, 720.0),
    },
    Rhythm {
        name: "misra_chapu",
        groups: &[3, 2, 2],
        strokes: "thom+chapu - thi tha nam - | thom+dhin - thi tha | thom+dhin - nam tha",
        per_unit: 2,
        unit_ms: (230.0, 360.0),
    },
    Rhythm {
        name: "rupaka",
        groups: &[2, 4],
        strokes: "thom+dhin thi nam thi | thom nam dhin - thom+nam thi tha thi",
        per_unit: 2,
        unit_ms: (330.0, 520.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Kit;
    use crate::theory::rhythm::check_rhythms;

    #[test]
    fn talas_have_the_lengths_of_the_theory() {
        let lengths: Vec<(&str, u32)> = TALAS.iter().map(|tala| (tala.name, tala.n_units())).collect();
        assert_eq!(lengths, [("adi", 8), ("misra_chapu", 7), ("rupaka", 6)]);
        check_rhythms(TALAS, &[Kit::Mridangam]);
    }
}

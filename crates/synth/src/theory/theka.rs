//! Hindustani talas by their *theka*, the tabla phrase that identifies them.
//!
//! Source: M. Clayton, *Time in Indian Music* (2000).

use super::Rhythm;

/// The table.
pub(crate) const TALAS: &[Rhythm] = &[
    Rhythm {
        name: "teental",
        groups: &[4, 4, 4, 4],
        strokes: "dha dhin dhin dha | dha dhin dhin dha | dha tin tin ta | ta dhin dhin dha",
        per_unit: 1,
        unit_ms: (250.0, 480.0),
    },
    Rhythm {
        name: "rupak",
        groups: &[3, 2, 2],
        strokes: "tin tin na | dhin na | dhin na",
        per_unit: 1,
        unit_ms: (320.0, 600.0),
    },
    Rhythm {
        name: "jhaptal",
        groups: &[2, 3, 2, 3],
        strokes: "dhin na | dhin dhin na | tin na | dhin dhin na",
        per_unit: 1,
        unit_ms: (320.0, 600.0),
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
        assert_eq!(lengths, [("teental", 16), ("rupak", 7), ("jhaptal", 10)]);
        check_rhythms(TALAS, &[Kit::Tabla]);
    }
}

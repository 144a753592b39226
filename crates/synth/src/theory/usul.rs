//! Turkish usuls with their düm (low), tek, te and ke (high) strokes.
//!
//! Strokes and values: sofyan düm 2 te 1 ke 1; düyek düm 1 tek 2 tek 1 düm 2 tek 2; aksak düm 2 te 1 ke 1 düm 2 tek 2 tek 1;
//! curcuna düm 2 te 1 ka 2 düm 2 tek 2 tek 1 (ka is sounded as ke).
//! Source: İ. H. Özkan, *Türk Mûsıkîsi Nazariyatı ve Usûlleri* (2006).

use super::Rhythm;

/// The table.
pub(crate) const USULS: &[Rhythm] = &[
    Rhythm {
        name: "aksak",
        groups: &[4, 2, 3],
        strokes: "dum - te ke | dum - | tek - tek",
        per_unit: 1,
        unit_ms: (170.0, 300.0),
    },
    Rhythm {
        name: "duyek",
        groups: &[4, 4],
        strokes: "dum tek - tek | dum - tek -",
        per_unit: 1,
        unit_ms: (230.0, 400.0),
    },
    Rhythm {
        name: "curcuna",
        groups: &[3, 2, 2, 3],
        strokes: "dum - te | ke - | dum - | tek - tek",
        per_unit: 1,
        unit_ms: (150.0, 230.0),
    },
    Rhythm {
        name: "sofyan",
        groups: &[2, 2],
        strokes: "dum - | te ke",
        per_unit: 1,
        unit_ms: (420.0, 700.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Kit;
    use crate::theory::rhythm::check_rhythms;

    #[test]
    fn usuls_have_the_lengths_of_the_theory() {
        let lengths: Vec<(&str, u32)> = USULS.iter().map(|usul| (usul.name, usul.n_units())).collect();
        assert_eq!(lengths, [("aksak", 9), ("duyek", 8), ("curcuna", 10), ("sofyan", 4)]);
        check_rhythms(USULS, &[Kit::Kudum, Kit::Bendir]);
    }
}

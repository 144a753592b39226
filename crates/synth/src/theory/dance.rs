//! Greek dance rhythms: kalamatianos 7/8 (3 + 2 + 2), hasapiko and sousta 2/4, karsilamas 9/8 (2 + 2 + 2 + 3) and zeibekiko 9/4.
//!
//! Strokes are those of the toumbeleki (dum low, tek rim, ka light). The laouto strums where the toumbeleki strikes.
//! Source: R. Holst, *Road to Rembetika* (1975); N. Ordoulidis (2011, as in [`greek`](super::greek)).

use super::Rhythm;

/// The table.
pub(crate) const RHYTHMS: &[Rhythm] = &[
    Rhythm {
        name: "7-8",
        groups: &[3, 2, 2],
        strokes: "dum - ka | tek ka | tek -",
        per_unit: 1,
        unit_ms: (165.0, 240.0),
    },
    Rhythm { name: "2-4", groups: &[2], strokes: "dum ka tek ka", per_unit: 2, unit_ms: (330.0, 560.0) },
    Rhythm {
        name: "9-8",
        groups: &[2, 2, 2, 3],
        strokes: "dum - | tek - | dum - | tek ka tek",
        per_unit: 1,
        unit_ms: (135.0, 200.0),
    },
    Rhythm {
        name: "9-4",
        groups: &[2, 2, 2, 3],
        strokes: "dum ka tek - | dum ka tek - | dum ka tek - | dum - tek - tek -",
        per_unit: 2,
        unit_ms: (480.0, 760.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Kit;
    use crate::theory::rhythm::check_rhythms;

    #[test]
    fn dances_have_the_lengths_of_their_names() {
        for rhythm in RHYTHMS {
            let beats: u32 = rhythm.name.split('-').next().unwrap().parse().unwrap();
            assert_eq!(rhythm.n_units(), beats, "{}", rhythm.name);
        }
        check_rhythms(RHYTHMS, &[Kit::Toumbeleki]);
    }
}

//! Western metres with a plain drum pattern each: k bass drum, s snare, h hi-hat, `+` together.

use super::Rhythm;

/// The table.
pub(crate) const METRES: &[Rhythm] = &[
    Rhythm {
        name: "4-4",
        groups: &[2, 2],
        strokes: "k+h h s+h h | k+h k+h s+h h",
        per_unit: 2,
        unit_ms: (440.0, 760.0),
    },
    Rhythm { name: "3-4", groups: &[3], strokes: "k+h - s+h - s+h h", per_unit: 2, unit_ms: (330.0, 600.0) },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Kit;
    use crate::theory::rhythm::check_rhythms;

    #[test]
    fn bars_have_the_lengths_of_their_names() {
        assert_eq!(METRES.iter().map(Rhythm::n_units).collect::<Vec<_>>(), [4, 3]);
        check_rhythms(METRES, &[Kit::Drums]);
    }
}

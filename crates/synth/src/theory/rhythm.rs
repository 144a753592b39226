//! A rhythmic cycle: its length, its inner grouping, how fast it goes, and the strokes that mark it.

/// A cycle as its theory states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    /// Value of its tag.
    pub(crate) name: &'static str,
    /// Counted units of each inner group; their sum is the length of the cycle.
    pub(crate) groups: &'static [u32],
    /// Strokes, equally spaced over the cycle and separated by blanks; `-` is none, `|` is only for the eye.
    pub(crate) strokes: &'static str,
    /// Strokes to a counted unit.
    pub(crate) per_unit: u32,
    /// Shortest and longest duration of a unit, milliseconds.
    pub(crate) unit_ms: (f64, f64),
}

impl Rhythm {
    /// Units in the cycle.
    pub(crate) fn n_units(&self) -> u32 {
        self.groups.iter().sum()
    }

    /// The strokes in order, with their place in units.
    pub(crate) fn strokes(&self) -> impl Iterator<Item = (f64, &'static str)> {
        let spacing = 1.0 / f64::from(self.per_unit);
        self.strokes
            .split_whitespace()
            .filter(|&token| token != "|")
            .enumerate()
            .map(move |(index, token)| (index as f64 * spacing, token))
            .filter(|&(_, token)| token != "-")
    }
}

/// What every table of rhythms has to keep: the strokes fill the cycle, and the kits that play it know them.
#[cfg(test)]
pub(crate) fn check_rhythms(rhythms: &[Rhythm], kits: &[crate::instrument::Kit]) {
    for rhythm in rhythms {
        let n_tokens = rhythm.strokes.split_whitespace().filter(|&token| token != "|").count();
        assert_eq!(n_tokens as u32, rhythm.n_units() * rhythm.per_unit, "{}", rhythm.name);
        assert_eq!(
            rhythm.strokes().next().map(|(place, _)| place),
            Some(0.0),
            "{} starts with a stroke",
            rhythm.name
        );
        for kit in kits {
            for (_, token) in rhythm.strokes() {
                assert!(
                    kit.strokes_of(token).next().is_some(),
                    "{kit:?} cannot play `{token}` of {}",
                    rhythm.name
                );
            }
        }
    }
}

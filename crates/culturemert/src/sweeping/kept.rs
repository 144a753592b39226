//! Points that were measured, in a file: JSON lines, each with the key of the sweep it belongs to. A sweep that was stopped goes on, and one with
//! another grid measures what is new.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::ground::Measured;
use crate::exit::usage;

/// How every line of such a file begins.
const BEGINNING: &str = "{\"key\":\"";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Hash over models, corpus, questions and settings.
    key: String,
    lambdas: Vec<f64>,
    measured: Measured,
}

/// The points of one key that a file holds.
pub(super) struct Kept {
    file: Option<PathBuf>,
    key: String,
    lines: Vec<(Vec<f64>, Measured)>,
}

impl Kept {
    /// Reads a file, if one is named and there; lines of other sweeps stay where they are.
    pub(super) fn open(file: Option<&Path>, key: String) -> anyhow::Result<Self> {
        let mut kept = Self { file: file.map(Into::into), key, lines: Vec::new() };
        let Some(file) = file.filter(|file| file.exists()) else { return Ok(kept) };
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| usage(format!("kept points `{shown}` cannot be read: {error}")))?;
        if !(text.is_empty() || text.starts_with(BEGINNING)) {
            return Err(usage(format!("`{shown}` exists and holds no kept points; name another `--keep`")));
        }
        // A line that a kill cut off is measured again.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let ours = lines.filter(|line| line.key == kept.key);
        kept.lines = ours.map(|line| (line.lambdas, line.measured)).collect();
        Ok(kept)
    }

    /// Where points are kept.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// How many points of this sweep the file held or holds.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The measurement of these very λ, with test scores if they are needed.
    pub(super) fn find(&self, lambdas: &[f64], with_test: bool) -> Option<&Measured> {
        let same = |other: &[f64]| {
            other.len() == lambdas.len() && other.iter().zip(lambdas).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let mut found = self.lines.iter().filter(|(other, _)| same(other)).map(|(_, measured)| measured);
        found.find(|measured| measured.has_test() || !with_test)
    }

    /// Adds a point, to the file too.
    pub(super) fn add(&mut self, lambdas: &[f64], measured: &Measured) -> anyhow::Result<()> {
        let line = Line { key: self.key.clone(), lambdas: lambdas.into(), measured: measured.clone() };
        if let Some(file) = &self.file {
            files::append_line(file, &serde_json::to_string(&line)?)
                .with_context(|| format!("could not keep a point in `{}`", file.display()))?;
        }
        self.lines.push((line.lambdas, line.measured));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use study::results::SeedScore;

    use super::super::ground::Answered;
    use super::*;

    fn measured(test: bool) -> Measured {
        let seeds = vec![SeedScore { seed: 1, roc_auc: 0.1 + 0.2, average_precision: 1.0 / 3.0 }];
        let answered =
            Answered { left_out: vec!["x".into()], validation: seeds.clone(), test: test.then_some(seeds) };
        Measured { content_hash: "00".into(), questions: BTreeMap::from([("a".into(), answered)]) }
    }

    #[test]
    fn points_come_back_to_the_bit_for_their_key_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("points.jsonl");
        let open = |key: &str| Kept::open(Some(&file), key.into()).unwrap();
        let mut kept = open("k");
        let third = [1.0 / 3.0, 0.1];
        kept.add(&third, &measured(false)).unwrap();
        assert!(kept.find(&third, true).is_none() && kept.find(&[0.1, 1.0 / 3.0], false).is_none());
        kept.add(&third, &measured(true)).unwrap();
        let again = open("k");
        assert_eq!((again.len(), again.find(&third, true)), (2, Some(&measured(true))));
        assert_eq!(again.find(&third, false), Some(&measured(false)));
        assert_eq!(open("other").len(), 0);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 9]).unwrap();
        let mut torn = open("k");
        assert_eq!(torn.len(), 1);
        torn.add(&[0.5, 0.5], &measured(true)).unwrap();
        assert_eq!(open("k").len(), 2, "a line after a torn one stands alone");
        std::fs::write(&file, "a shopping list").unwrap();
        assert!(Kept::open(Some(&file), "k".into()).is_err());
    }
}

//! Token counts of every recording, so that statistics over recordings need no second pass over the tokens.
//!
//! `counts[r, k, e]` is the number of frames of recording `r` whose token of codebook `k` is `e`. Tokens come in blocks of any length (streamed);
//! what is kept grows with the recordings, not with their lengths. A file of them is in `counts_file`.
//! Shapes: R recordings, K codebooks, E entries, T frames. Pure; whole numbers.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::TokenCounts;
use crate::EvaluateError;
use crate::error::same_size;

/// Whose tokens a row of counts holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedRecording {
    /// Its culture.
    pub culture: String,
    /// Its name, unique within the culture.
    pub name: String,
    /// Performer, album or session, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Token counts of recordings, in the order they were first met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCounts {
    origin: CountsOrigin,
    recordings: Vec<CountedRecording>,
    /// `[R, K, E]`.
    counts: Vec<u32>,
    /// Row of each recording.
    rows: HashMap<CountedRecording, usize>,
}

/// What tokens were counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsOrigin {
    /// Hash or name of the tokenizer; of any kind.
    pub tokenizer: String,
    /// What the tokens are of, for instance the hash of a corpus.
    pub made_of: String,
    /// K.
    pub n_codebooks: usize,
    /// E.
    pub n_entries: usize,
}

impl RecordingCounts {
    /// Counts of no recording yet.
    pub fn new(origin: CountsOrigin) -> Result<Self, EvaluateError> {
        TokenCounts::new("", origin.n_codebooks, origin.n_entries)?;
        Ok(Self { origin, recordings: Vec::new(), counts: Vec::new(), rows: HashMap::new() })
    }

    /// Rows as a file has them, checked against each other.
    pub(super) fn from_rows(
        origin: CountsOrigin,
        recordings: Vec<CountedRecording>,
        counts: Vec<u32>,
    ) -> Result<Self, EvaluateError> {
        let empty = Self::new(origin)?;
        let cells = recordings.len().saturating_mul(empty.cells());
        same_size("cells of all recordings", cells, counts.len())?;
        let mut rows = HashMap::new();
        for (row, recording) in recordings.iter().enumerate() {
            if rows.insert(recording.clone(), row).is_some() {
                return Err(EvaluateError::Twice {
                    what: format!("recording of `{}`", recording.culture),
                    name: recording.name.clone(),
                });
            }
        }
        let all = Self { recordings, counts, rows, ..empty };
        for row in 0..all.recordings.len() {
            let frames = all.frames_of(row);
            for codebook in all.row(row).chunks_exact(all.origin.n_entries) {
                let tokens: u64 = codebook.iter().map(|&n| u64::from(n)).sum();
                let what = format!("tokens of a codebook of `{}`", all.recordings[row].name);
                same_size(&what, frames as usize, tokens as usize)?;
            }
        }
        Ok(all)
    }

    /// Counts a block of tokens of `recording`, which may have had blocks before. Nothing is counted when a token is outside its codebook.
    ///
    /// # Shapes
    /// - `codes` `[T, n_codebooks]`
    pub fn add(&mut self, recording: &CountedRecording, codes: &[u16]) -> Result<(), EvaluateError> {
        let (n_codebooks, n_entries) = (self.origin.n_codebooks, self.origin.n_entries);
        let mut block = TokenCounts::new(&recording.culture, n_codebooks, n_entries)?;
        block.add(codes)?;
        let cells = self.cells();
        let row = self.rows.get(recording).copied().unwrap_or(self.recordings.len());
        if row == self.recordings.len() {
            self.recordings.push(recording.clone());
            self.rows.insert(recording.clone(), row);
            self.counts.resize(self.counts.len() + cells, 0);
        }
        if self.frames_of(row) + block.n_frames() > u64::from(u32::MAX) {
            return Err(EvaluateError::Setting {
                name: "frames of a recording",
                value: format!("above {} in `{}`", u32::MAX, recording.name),
                requirement: "cut it into several recordings".to_owned(),
            });
        }
        for (codebook, sums) in self.counts[row * cells..][..cells].chunks_exact_mut(n_entries).enumerate() {
            for (sum, &n) in sums.iter_mut().zip(block.histogram(codebook)) {
                *sum += n as u32;
            }
        }
        Ok(())
    }

    /// Recordings of one group become one row; those without a group stay as they are. Groups, not recordings, are drawn afterwards.
    #[must_use]
    pub fn by_group(&self) -> Self {
        let mut grouped = Self {
            origin: self.origin.clone(),
            recordings: Vec::new(),
            counts: Vec::new(),
            rows: HashMap::new(),
        };
        let cells = self.cells();
        for (row, recording) in self.recordings.iter().enumerate() {
            let key = CountedRecording {
                name: recording.group.clone().unwrap_or_else(|| recording.name.clone()),
                ..recording.clone()
            };
            let into = *grouped.rows.entry(key.clone()).or_insert(grouped.recordings.len());
            if into == grouped.recordings.len() {
                grouped.recordings.push(key);
                grouped.counts.resize(grouped.counts.len() + cells, 0);
            }
            for (sum, &n) in grouped.counts[into * cells..][..cells].iter_mut().zip(self.row(row)) {
                // A group of more frames than 32 bits count would take 1.8 years of music.
                *sum = sum.saturating_add(n);
            }
        }
        grouped
    }

    /// Pooled counts of every culture, by name.
    pub fn tables(&self) -> Result<Vec<TokenCounts>, EvaluateError> {
        let mut tables: BTreeMap<&str, TokenCounts> = BTreeMap::new();
        for (row, recording) in self.recordings.iter().enumerate() {
            let culture = recording.culture.as_str();
            if !tables.contains_key(culture) {
                let empty = TokenCounts::new(culture, self.origin.n_codebooks, self.origin.n_entries)?;
                tables.insert(culture, empty);
            }
            if let Some(table) = tables.get_mut(culture) {
                table.add_row(self.row(row), self.frames_of(row));
            }
        }
        Ok(tables.into_values().collect())
    }

    /// What was counted.
    pub fn origin(&self) -> &CountsOrigin {
        &self.origin
    }

    /// Recordings, in the order of the rows.
    pub fn recordings(&self) -> &[CountedRecording] {
        &self.recordings
    }

    /// Counts of one recording.
    ///
    /// # Shapes
    /// - returns `[K, E]`
    pub fn row(&self, recording: usize) -> &[u32] {
        &self.counts[recording * self.cells()..][..self.cells()]
    }

    /// Frames of one recording.
    pub fn frames_of(&self, recording: usize) -> u64 {
        self.row(recording)[..self.origin.n_entries].iter().map(|&n| u64::from(n)).sum()
    }

    /// All counts, `[R, K, E]`.
    pub(super) fn counts(&self) -> &[u32] {
        &self.counts
    }

    fn cells(&self) -> usize {
        self.origin.n_codebooks * self.origin.n_entries
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use draws::Draws;
    use proptest::prelude::*;

    pub(crate) fn origin(n_codebooks: usize, n_entries: usize) -> CountsOrigin {
        CountsOrigin { tokenizer: "t".into(), made_of: "made up".into(), n_codebooks, n_entries }
    }

    pub(crate) fn recording(culture: &str, name: &str) -> CountedRecording {
        CountedRecording { culture: culture.into(), name: name.into(), group: None }
    }

    /// `n` recordings a culture; a token is the larger of `tilt` uniform draws around a centre of the recording's own.
    pub(crate) fn drawn(seed: u64, cultures: &[(&str, u64)], n: usize, frames: usize) -> RecordingCounts {
        let mut counts = RecordingCounts::new(origin(2, 16)).unwrap();
        for (c, &(culture, tilt)) in cultures.iter().enumerate() {
            for r in 0..n {
                let mut draws = Draws::new(seed, "test", &[c as u64, r as u64]);
                let centre = draws.below(4);
                let mut token = || (0..tilt).map(|_| draws.below(13)).max().unwrap_or(0) + centre;
                let codes: Vec<u16> = (0..2 * frames).map(|_| token() as u16).collect();
                counts.add(&recording(culture, &r.to_string()), &codes).unwrap();
            }
        }
        counts
    }

    proptest! {
        #[test]
        fn blocks_of_any_length_give_the_same_counts(
            codes in prop::collection::vec((0u16..5, 0u16..5), 1..60), cut in 0usize..60
        ) {
            let codes: Vec<u16> = codes.into_iter().flat_map(|(a, b)| [a, b]).collect();
            let one = recording("a", "x");
            let mut whole = RecordingCounts::new(origin(2, 5)).unwrap();
            whole.add(&one, &codes).unwrap();
            let mut parts = RecordingCounts::new(origin(2, 5)).unwrap();
            let (head, tail) = codes.split_at((2 * cut).min(codes.len()));
            parts.add(&one, head).unwrap();
            parts.add(&one, tail).unwrap();
            prop_assert_eq!(&whole, &parts);
            let mut pooled = TokenCounts::new("a", 2, 5).unwrap();
            pooled.add(&codes).unwrap();
            prop_assert_eq!(whole.tables().unwrap(), vec![pooled]);
        }
    }

    #[test]
    fn recordings_of_one_group_become_one_row() {
        let mut counts = RecordingCounts::new(origin(1, 4)).unwrap();
        for (name, group, token) in [("x", Some("g"), 0), ("y", None, 1), ("z", Some("g"), 2)] {
            let one = CountedRecording { group: group.map(Into::into), ..recording("a", name) };
            counts.add(&one, &[token, token]).unwrap();
        }
        let grouped = counts.by_group();
        assert_eq!(grouped.recordings().len(), 2);
        assert_eq!(grouped.row(0), [2, 0, 2, 0]);
        assert_eq!(grouped.tables().unwrap(), counts.tables().unwrap());
    }

    #[test]
    fn a_wrong_token_counts_nothing() {
        let mut counts = RecordingCounts::new(origin(1, 4)).unwrap();
        assert!(counts.add(&recording("a", "x"), &[1, 4]).is_err());
        assert!(counts.recordings().is_empty());
    }
}

//! How often each token occurs in a culture, per codebook.
//!
//! `counts[k, e]` is the number of frames of all files whose token of codebook `k` is `e`: files are pooled, so long ones weigh more.
//! Shapes: K codebooks, E entries, T frames; codes `[T, K]` row-major, as the prepared corpus keeps them. Pure; whole numbers.

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::error::same_size;

/// The largest table kept, in cells: 64 codebooks of all values of 16 bits.
const MAX_CELLS: usize = 64 << 16;

/// Token counts of one culture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Read")]
pub struct TokenCounts {
    culture: String,
    n_codebooks: usize,
    n_entries: usize,
    n_frames: u64,
    /// `[K, E]`.
    counts: Vec<u64>,
}

/// A table as a file has it, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    culture: String,
    n_codebooks: usize,
    n_entries: usize,
    n_frames: u64,
    counts: Vec<u64>,
}

impl TryFrom<Read> for TokenCounts {
    type Error = EvaluateError;

    fn try_from(read: Read) -> Result<Self, EvaluateError> {
        let Read { culture, n_codebooks, n_entries, n_frames, counts } = read;
        let empty = Self::new(&culture, n_codebooks, n_entries)?;
        same_size("cells of a table", empty.counts.len(), counts.len())?;
        for table in counts.chunks_exact(n_entries) {
            let sum = table.iter().fold(0u64, |sum, &n| sum.saturating_add(n));
            same_size("tokens of a codebook beside frames", n_frames as usize, sum as usize)?;
        }
        Ok(Self { n_frames, counts, ..empty })
    }
}

impl TokenCounts {
    /// An empty table for `n_codebooks` codebooks of `n_entries` entries.
    pub fn new(culture: &str, n_codebooks: usize, n_entries: usize) -> Result<Self, EvaluateError> {
        let cells = n_codebooks.saturating_mul(n_entries);
        if cells == 0 || cells > MAX_CELLS {
            return Err(EvaluateError::Setting {
                name: "codebooks × entries",
                value: format!("{n_codebooks} × {n_entries}"),
                requirement: format!("1 to {MAX_CELLS}"),
            });
        }
        Ok(Self { culture: culture.to_owned(), n_codebooks, n_entries, n_frames: 0, counts: vec![0; cells] })
    }

    /// Counts the tokens of one file; nothing is counted when one of them is outside its codebook.
    ///
    /// # Shapes
    /// - `codes` `[T, n_codebooks]`
    pub fn add(&mut self, codes: &[u16]) -> Result<(), EvaluateError> {
        same_size("tokens of whole frames", codes.len().next_multiple_of(self.n_codebooks), codes.len())?;
        if let Some(at) = codes.iter().position(|&token| usize::from(token) >= self.n_entries) {
            return Err(EvaluateError::Token {
                codebook: at % self.n_codebooks,
                index: at / self.n_codebooks,
                value: codes[at],
                n_entries: self.n_entries,
            });
        }
        for frame in codes.chunks_exact(self.n_codebooks) {
            for (table, &token) in self.counts.chunks_exact_mut(self.n_entries).zip(frame) {
                table[usize::from(token)] += 1;
            }
        }
        self.n_frames += (codes.len() / self.n_codebooks) as u64;
        Ok(())
    }

    /// Adds the counts of `other`, for instance of another shard of the same culture.
    pub fn merge(&mut self, other: &Self) -> Result<(), EvaluateError> {
        same_size("codebooks", self.n_codebooks, other.n_codebooks)?;
        same_size("entries of a codebook", self.n_entries, other.n_entries)?;
        for (sum, n) in self.counts.iter_mut().zip(&other.counts) {
            *sum += n;
        }
        self.n_frames += other.n_frames;
        Ok(())
    }

    /// Adds counts `[K, E]` of `n_frames` frames, which fit each other and this table.
    pub(super) fn add_row(&mut self, row: &[u32], n_frames: u64) {
        for (sum, &n) in self.counts.iter_mut().zip(row) {
            *sum += u64::from(n);
        }
        self.n_frames += n_frames;
    }

    /// Whose tokens these are.
    pub fn culture(&self) -> &str {
        &self.culture
    }

    /// K.
    pub fn n_codebooks(&self) -> usize {
        self.n_codebooks
    }

    /// E.
    pub fn n_entries(&self) -> usize {
        self.n_entries
    }

    /// Frames counted, T.
    pub fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// Counts of the entries of one codebook, `[E]`.
    pub fn histogram(&self, codebook: usize) -> &[u64] {
        &self.counts[codebook * self.n_entries..][..self.n_entries]
    }

    /// Entries of a codebook that occur.
    pub fn used_entries(&self, codebook: usize) -> usize {
        self.histogram(codebook).iter().filter(|&&n| n > 0).count()
    }

    /// Entropy of the tokens of one codebook, bits: `−Σ p log₂ p`.
    pub fn entropy_bits(&self, codebook: usize) -> f64 {
        let total = self.n_frames as f64;
        let term = |&n: &u64| {
            let p = n as f64 / total;
            if n == 0 { 0.0 } else { p * p.log2() }
        };
        // Adding 0 turns the negative zero of a constant token into a plain one.
        0.0 - self.histogram(codebook).iter().map(term).sum::<f64>() + 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_by_codebook() {
        let mut counts = TokenCounts::new("c", 2, 4).unwrap();
        counts.add(&[0, 3, 0, 2, 1, 3]).unwrap();
        assert_eq!(counts.histogram(0), [2, 1, 0, 0]);
        assert_eq!(counts.histogram(1), [0, 0, 1, 2]);
        let mut twice = counts.clone();
        twice.merge(&counts).unwrap();
        assert_eq!((twice.n_frames(), twice.histogram(1)[3], twice.used_entries(1)), (6, 4, 2));
    }

    #[test]
    fn a_token_outside_its_codebook_is_named_and_nothing_is_counted() {
        let mut counts = TokenCounts::new("c", 2, 4).unwrap();
        let message = counts.add(&[0, 0, 0, 4]).unwrap_err().to_string();
        assert!(message.contains("token 1 of codebook 1 is 4"), "{message}");
        assert_eq!(counts.histogram(0), [0; 4]);
        assert!(counts.add(&[0]).is_err());
        assert!(TokenCounts::new("c", 0, 4).is_err());
        assert!(TokenCounts::new("c", usize::MAX, 4).is_err());
    }
}

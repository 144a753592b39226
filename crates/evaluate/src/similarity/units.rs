//! What is drawn when recordings are drawn: the rows of counts by culture, and the two distances of pooled rows.
//!
//! Shapes: K codebooks, E entries; pooled counts `[K, E]`. Pure.

use super::measures::{cosine_similarity, divergence};
use super::recordings::RecordingCounts;
use crate::EvaluateError;

/// The recordings of one culture that have a frame.
pub(super) struct CultureUnits<'a> {
    pub(super) culture: &'a str,
    pub(super) rows: Vec<&'a [u32]>,
}

/// Both distances of a pair, means over the codebooks. The divergence is in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Distances {
    pub(super) divergence: f64,
    pub(super) cosine: f64,
}

/// Cultures by name; a recording without a frame has no say and is not drawn.
pub(super) fn units_of<'a>(counts: &'a RecordingCounts) -> Result<Vec<CultureUnits<'a>>, EvaluateError> {
    let mut names: Vec<&str> = counts.recordings().iter().map(|one| one.culture.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(EvaluateError::Empty { what: "the list of cultures".to_owned() });
    }
    let of_culture = |culture: &'a str| {
        let rows = counts.recordings().iter().enumerate();
        let own = rows.filter(|(row, one)| one.culture == culture && counts.frames_of(*row) > 0);
        let rows: Vec<&[u32]> = own.map(|(row, _)| counts.row(row)).collect();
        if rows.is_empty() {
            return Err(EvaluateError::EmptyCulture { culture: culture.to_owned() });
        }
        Ok(CultureUnits { culture, rows })
    };
    names.into_iter().map(of_culture).collect()
}

/// All pairs of `n` cultures, each once.
pub(super) fn pairs_of(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

/// Whether a pair is that of `a` and `b`, in either order.
pub(super) fn is_pair([first, second]: [&str; 2], a: &str, b: &str) -> bool {
    (first == a && second == b) || (first == b && second == a)
}

/// Counts of rows, each taken `times` times.
pub(super) fn pooled<'a>(rows: impl IntoIterator<Item = (&'a [u32], u64)>, cells: usize) -> Vec<u64> {
    let mut sums = vec![0; cells];
    for (row, times) in rows.into_iter().filter(|(_, times)| *times > 0) {
        for (sum, &n) in sums.iter_mut().zip(row) {
            *sum += times * u64::from(n);
        }
    }
    sums
}

/// Distances of two pooled counts.
pub(super) fn distances(a: &[u64], b: &[u64], n_entries: usize) -> Distances {
    let n_codebooks = (a.len() / n_entries) as f64;
    let mut sum = Distances { divergence: 0.0, cosine: 0.0 };
    for (a, b) in a.chunks_exact(n_entries).zip(b.chunks_exact(n_entries)) {
        sum.divergence += divergence(a, b);
        sum.cosine += 1.0 - cosine_similarity(a, b);
    }
    Distances { divergence: sum.divergence / n_codebooks, cosine: sum.cosine / n_codebooks }
}

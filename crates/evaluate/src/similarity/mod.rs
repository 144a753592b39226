//! Similarity of cultures by their tokens (Kanatas et al. 2025, section 5.2, figure 3).
//!
//! Per codebook every pair of cultures is measured; the figure's matrix is the arithmetic mean over the codebooks. The mean of square-rooted distances
//! is not the root of the mean divergence, so every measure is averaged for itself. Small samples look more different than they are
//! (the divergence is biased upwards by roughly `(E − 1)/4 · (1/T₁ + 1/T₂)` nats), so the frames of each culture stand beside the result, intervals take
//! that off ([`similarity_intervals`]), and [`split_halves`] says how large it is within one culture.
//! Shapes: C cultures, K codebooks, E entries, T frames. Pure; f64.

mod counts;
mod counts_file;
mod guidance;
mod halves;
mod intervals;
mod measures;
mod recordings;
mod report;
mod text;
mod transfer;
mod units;

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

pub use counts::TokenCounts;
pub use guidance::{Guidance, GuidedSource, GuidedTarget, guide, guide_for, guided_weights};
pub use halves::{CultureFloor, OverSplits, PairExcess, SplitHalves, split_halves};
pub use intervals::{Bounds, PairBounds, SimilarityIntervals, similarity_intervals};
pub use measures::DivergenceUnit;
pub use recordings::{CountedRecording, CountsOrigin, RecordingCounts};
pub use report::{SimilarityReport, SimilarityRequest, similarity_report};
pub use transfer::{
    RankRelation, RelatedCell, TransferCell, TransferRelation, rank_relation, transfer_relation,
};

use crate::EvaluateError;
use crate::error::same_size;
use measures::{cosine_similarity, divergence};

/// A symmetric matrix `[C, C]` over cultures.
pub type Matrix = Vec<Vec<f64>>;

/// All measures between all pairs of cultures. The names say the base; a distance is the root of a divergence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Jensen–Shannon divergence, nats.
    pub jsd_nats: Matrix,
    /// Jensen–Shannon divergence, bits.
    pub jsd_bits: Matrix,
    /// Square root of the divergence in nats (scipy's default).
    pub js_distance_base_e: Matrix,
    /// Square root of the divergence in bits.
    pub js_distance_base_2: Matrix,
    /// Cosine similarity.
    pub cosine_similarity: Matrix,
    /// 1 − cosine similarity.
    pub cosine_distance: Matrix,
}

/// The token statistics of several cultures and how they compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Names, in the order of all matrices.
    pub cultures: Vec<String>,
    /// K.
    pub n_codebooks: usize,
    /// E.
    pub n_entries: usize,
    /// Frames of each culture.
    pub n_frames: Vec<u64>,
    /// Entropy, bits, `[C][K]`.
    pub entropy_bits: Vec<Vec<f64>>,
    /// Entries that occur, `[C][K]`.
    pub used_entries: Vec<Vec<usize>>,
    /// Means over the codebooks.
    pub mean: Measures,
    /// Measures of each codebook.
    pub per_codebook: Vec<Measures>,
}

/// Compares all pairs of cultures.
pub fn similarity(tables: &[TokenCounts]) -> Result<Similarity, EvaluateError> {
    let Some(first) = tables.first() else {
        return Err(EvaluateError::Empty { what: "the list of cultures".to_owned() });
    };
    let (n_codebooks, n_entries) = (first.n_codebooks(), first.n_entries());
    for table in tables {
        same_size(&format!("codebooks of `{}`", table.culture()), n_codebooks, table.n_codebooks())?;
        same_size(&format!("entries of `{}`", table.culture()), n_entries, table.n_entries())?;
        if table.n_frames() == 0 {
            return Err(EvaluateError::EmptyCulture { culture: table.culture().to_owned() });
        }
    }
    let per_codebook: Vec<Measures> =
        (0..n_codebooks).map(|codebook| measures_of(tables, codebook)).collect();
    let per_culture = |table: &TokenCounts| (0..n_codebooks).map(|k| table.entropy_bits(k)).collect();
    Ok(Similarity {
        cultures: tables.iter().map(|table| table.culture().to_owned()).collect(),
        n_codebooks,
        n_entries,
        n_frames: tables.iter().map(TokenCounts::n_frames).collect(),
        entropy_bits: tables.iter().map(per_culture).collect(),
        used_entries: tables
            .iter()
            .map(|table| (0..n_codebooks).map(|k| table.used_entries(k)).collect())
            .collect(),
        mean: mean_of(&per_codebook),
        per_codebook,
    })
}

fn measures_of(tables: &[TokenCounts], codebook: usize) -> Measures {
    let jsd_nats = symmetric(tables, |a, b| divergence(a.histogram(codebook), b.histogram(codebook)), 0.0);
    let cosine =
        symmetric(tables, |a, b| cosine_similarity(a.histogram(codebook), b.histogram(codebook)), 1.0);
    Measures {
        jsd_bits: map(&jsd_nats, |nats| nats / LN_2),
        js_distance_base_e: map(&jsd_nats, f64::sqrt),
        js_distance_base_2: map(&jsd_nats, |nats| (nats / LN_2).sqrt()),
        cosine_distance: map(&cosine, |similarity| 1.0 - similarity),
        jsd_nats,
        cosine_similarity: cosine,
    }
}

/// Each pair once; the diagonal is `itself` by definition.
fn symmetric(
    tables: &[TokenCounts],
    measure: impl Fn(&TokenCounts, &TokenCounts) -> f64,
    itself: f64,
) -> Matrix {
    let mut matrix = vec![vec![itself; tables.len()]; tables.len()];
    for (i, a) in tables.iter().enumerate() {
        for (j, b) in tables.iter().enumerate().skip(i + 1) {
            let value = measure(a, b);
            matrix[i][j] = value;
            matrix[j][i] = value;
        }
    }
    matrix
}

fn map(matrix: &Matrix, function: impl Fn(f64) -> f64) -> Matrix {
    matrix.iter().map(|row| row.iter().map(|&x| function(x)).collect()).collect()
}

fn mean_of(all: &[Measures]) -> Measures {
    let mean = |of: fn(&Measures) -> &Matrix| -> Matrix {
        let n = of(&all[0]).len();
        let cell = |i: usize, j: usize| all.iter().map(|m| of(m)[i][j]).sum::<f64>() / all.len() as f64;
        (0..n).map(|i| (0..n).map(|j| cell(i, j)).collect()).collect()
    };
    Measures {
        jsd_nats: mean(|m| &m.jsd_nats),
        jsd_bits: mean(|m| &m.jsd_bits),
        js_distance_base_e: mean(|m| &m.js_distance_base_e),
        js_distance_base_2: mean(|m| &m.js_distance_base_2),
        cosine_similarity: mean(|m| &m.cosine_similarity),
        cosine_distance: mean(|m| &m.cosine_distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(culture: &str, codes: &[u16]) -> TokenCounts {
        let mut counts = TokenCounts::new(culture, 1, 8).unwrap();
        counts.add(codes).unwrap();
        counts
    }

    #[test]
    fn an_empty_culture_is_refused_by_name() {
        let message = similarity(&[counted("a", &[1]), counted("b", &[])]).unwrap_err().to_string();
        assert!(message.contains("`b` has no tokens"), "{message}");
        assert!(similarity(&[]).is_err());
    }

    #[test]
    fn a_table_comes_back_from_json_but_not_when_it_contradicts_itself() {
        let json = serde_json::to_value(counted("a", &[1, 2])).unwrap();
        assert_eq!(serde_json::from_value::<TokenCounts>(json.clone()).unwrap(), counted("a", &[1, 2]));
        for (field, value) in [("n_frames", 7), ("n_codebooks", 9), ("n_codebooks", 0), ("n_entries", 4)] {
            let mut broken = json.clone();
            broken[field] = value.into();
            assert!(serde_json::from_value::<TokenCounts>(broken).is_err(), "{field} = {value}");
        }
    }

    #[test]
    fn disjoint_cultures_are_one_bit_apart() {
        let result = similarity(&[counted("a", &[0, 1]), counted("b", &[2, 3, 3])]).unwrap();
        assert!((result.mean.jsd_bits[0][1] - 1.0).abs() < 1e-15);
        assert!(result.mean.cosine_similarity[1][0].abs() < 1e-15);
        assert!((result.entropy_bits[0][0] - 1.0).abs() < 1e-15);
    }
}

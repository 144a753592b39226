//! Everything the tokens of cultures say, as one value.

use serde::{Deserialize, Serialize};

use super::guidance::{Guidance, GuidedTarget, guide};
use super::halves::{SplitHalves, split_halves};
use super::intervals::{SimilarityIntervals, similarity_intervals};
use super::measures::DivergenceUnit;
use super::recordings::{CountsOrigin, RecordingCounts};
use super::transfer::{TransferCell, TransferRelation, transfer_relation};
use super::{Similarity, similarity};
use crate::EvaluateError;
use crate::bootstrap::Bootstrap;

/// What to compute.
#[derive(Clone, Debug)]
pub struct SimilarityRequest {
    /// Unit of divergences that have intervals.
    pub unit: DivergenceUnit,
    /// Resamples of recordings, and of cultures for the relation with transfer.
    pub bootstrap: Bootstrap,
    /// Splits into halves.
    pub splits: Bootstrap,
    /// Cultures there are adapted models of; none: all.
    pub sources: Option<Vec<String>>,
    /// How weights follow similarity.
    pub guidance: Guidance,
    /// Measured transfer and what it is measured in.
    pub transfer: Option<(Vec<TransferCell>, String)>,
}

/// Token statistics of cultures, how sure they are, and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimilarityReport {
    /// Statistics and distances; the names of the matrices say their unit.
    #[serde(flatten)]
    pub similarity: Similarity,
    /// What was counted.
    pub counted: CountsOrigin,
    /// Recordings (or groups) of each culture, those without a frame included.
    pub n_recordings: Vec<usize>,
    /// Unit of the divergences below.
    pub unit: DivergenceUnit,
    /// Intervals over recordings.
    pub intervals: SimilarityIntervals,
    /// Two halves of one culture.
    pub halves: SplitHalves,
    /// How weights were made.
    pub guidance: Guidance,
    /// Weights for every target.
    pub guided: Vec<GuidedTarget>,
    /// Whether similarity goes with transfer, where transfer was given.
    pub transfer: Option<TransferRelation>,
}

/// Compares the cultures of `counts`.
pub fn similarity_report(
    counts: &RecordingCounts,
    request: &SimilarityRequest,
) -> Result<SimilarityReport, EvaluateError> {
    let similarity = similarity(&counts.tables()?)?;
    let halves = split_halves(counts, request.unit, request.splits)?;
    let sources = request.sources.as_ref().unwrap_or(&similarity.cultures);
    let guided = guide(&similarity, sources, request.guidance)?;
    let of_culture =
        |culture: &String| counts.recordings().iter().filter(|one| one.culture == *culture).count();
    let transfer = request.transfer.as_ref();
    Ok(SimilarityReport {
        counted: counts.origin().clone(),
        n_recordings: similarity.cultures.iter().map(of_culture).collect(),
        unit: request.unit,
        intervals: similarity_intervals(counts, request.unit, request.bootstrap)?,
        halves,
        guidance: request.guidance,
        guided,
        transfer: transfer
            .map(|(cells, measure)| transfer_relation(&similarity, cells, measure, request.bootstrap))
            .transpose()?,
        similarity,
    })
}

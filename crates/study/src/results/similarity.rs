//! How alike the traditions' token statistics are.
//!
//! Per codebook, then the arithmetic mean over codebooks: Jensen–Shannon divergence in nats (0..=ln 2), cosine distance `1 − p·q/(‖p‖‖q‖)`.

use std::collections::BTreeMap;

use evaluate::{SimilarityIntervals, SplitHalves};
use serde::{Deserialize, Serialize};

/// Two symmetric matrices over the same traditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    /// Traditions, in the order of rows and columns.
    pub cultures: Vec<String>,
    /// Jensen–Shannon divergence, nats, not its root.
    pub jensen_shannon: Vec<Vec<f64>>,
    /// Cosine distance.
    pub cosine_distance: Vec<Vec<f64>>,
    /// Frames each distribution was counted over.
    pub n_frames: BTreeMap<String, u64>,
    /// Intervals over recordings, in nats; results of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<SimilarityIntervals>,
    /// Distances of two halves of one tradition, in nats; results of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halves: Option<SplitHalves>,
}

impl Similarity {
    /// Jensen–Shannon divergence of two traditions.
    pub fn divergence(&self, a: &str, b: &str) -> Option<f64> {
        let row = self.cultures.iter().position(|culture| culture == a)?;
        let column = self.cultures.iter().position(|culture| culture == b)?;
        self.jensen_shannon.get(row)?.get(column).copied()
    }
}

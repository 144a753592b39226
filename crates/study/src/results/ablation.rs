//! What one change does: a model and its reference, trained with the same seeds, compared seed by seed.

use serde::{Deserialize, Serialize};

use super::Finding;

/// A model that differs from another in something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablation {
    /// Its name.
    pub variant: String,
    /// The model it is compared with.
    pub of: String,
    /// In what it differs, in the words of the study file.
    pub changes: Vec<String>,
    /// Seeds that both were trained with.
    pub training_seeds: Vec<u64>,
    /// What the change did.
    pub effects: Vec<Effect>,
    /// What the effects say.
    pub finding: Finding,
}

/// Where an effect was measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The traditions that are not Western, their mean.
    Adapted,
    /// Western music, the mean of its sets.
    Western,
    /// One tradition.
    Tradition(String),
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Mean of ROC-AUC and average precision, mean over probe seeds; 0..=1, higher is better.
    Score,
    /// Loss on held-out crops after training, in units of the objective; lower is better.
    HeldOutLoss,
}

/// A difference, paired by training seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Where.
    pub scope: Scope,
    /// What.
    pub measure: Measure,
    /// The reference's value with each training seed.
    pub reference: Vec<f64>,
    /// The variant's, in the same order.
    pub variant: Vec<f64>,
    /// Mean of variant minus reference.
    pub difference: f64,
    /// Ends of its 95 % interval by Student's t over the paired differences; none for one seed.
    pub interval: Option<[f64; 2]>,
}

/// A study with at most so much of everything: its numbers say that it runs, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// Recordings of a split, updates of a stage, epochs of a probe, at most.
    pub limit: u64,
    /// What it went without, and what stood in for what.
    pub without: Vec<String>,
}

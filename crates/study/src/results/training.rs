//! Training curves and what the steps took.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One stage of one model's training. Stages of a model follow one another in the order they are listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRun {
    /// The model.
    pub model: String,
    /// The stage, for instance `stabilise`.
    pub stage: String,
    /// The curve, updates ascending.
    pub points: Vec<CurvePoint>,
}

/// One update of a training curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Updates made in this stage; 0 is before the first.
    pub update: u64,
    /// Training loss of this update; absent at update 0.
    pub loss: Option<f64>,
    /// Learning rate of this update.
    pub learning_rate: Option<f64>,
    /// Loss on held-out crops per tradition, where it was computed after this update.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held_out: BTreeMap<String, f64>,
}

/// What one step took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTiming {
    /// The step.
    pub name: String,
    /// Seconds it took when it was done.
    pub seconds: f64,
    /// Whether it was kept from an earlier run.
    pub cached: bool,
    /// SHA-256 of its inputs.
    pub key: String,
}

impl From<&crate::Done> for StepTiming {
    fn from(done: &crate::Done) -> Self {
        Self { name: done.name.clone(), seconds: done.seconds, cached: done.cached, key: done.key.clone() }
    }
}

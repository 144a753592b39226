//! A model and how it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which row of the experiment a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// The model everything starts from.
    Base,
    /// Adapted to one tradition.
    SingleCulture,
    /// Adapted to all traditions together.
    MultiCulture,
    /// Merged from the single-culture models.
    Merged,
    /// Adapted in another way, for comparison (Table 1).
    Baseline,
}

impl ModelKind {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::SingleCulture => "one culture",
            Self::MultiCulture => "all cultures",
            Self::Merged => "merged",
            Self::Baseline => "comparison",
        }
    }
}

/// How a model was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Taken as published.
    Given,
    /// From random weights.
    FromScratch,
    /// Stabilise, then adapt; Western replay in stage 1 (the paper's method).
    TwoStage,
    /// Stabilise, then adapt; Western replay in both stages.
    TwoStageReplayBoth,
    /// Everything at once, learning rate warmed up again.
    SingleStage,
    /// Everything at once, learning rate started low.
    SingleStageNoRewarming,
    /// Task arithmetic.
    Merge,
}

impl Recipe {
    /// For people, in the words of Table 1.
    pub fn label(self) -> &'static str {
        match self {
            Self::Given => "as published",
            Self::FromScratch => "from scratch",
            Self::TwoStage => "two stages, replay in stage 1",
            Self::TwoStageReplayBoth => "two stages, replay in both",
            Self::SingleStage => "single stage, replay",
            Self::SingleStageNoRewarming => "single stage, no re-warming",
            Self::Merge => "task arithmetic",
        }
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelResult {
    /// Its name, as tables show it.
    pub name: String,
    /// Which row of the experiment it is.
    pub kind: ModelKind,
    /// How it was trained.
    pub recipe: Recipe,
    /// Traditions it was adapted to, replay not counted.
    pub trained_on: Vec<String>,
    /// Shared weight of the task vectors, for merged models.
    pub lambda: Option<f64>,
    /// Parameters in all.
    pub parameters: u64,
    /// What was trained, in order; empty for merged and published models.
    pub stages: Vec<StageResult>,
    /// Loss on held-out crops per tradition, before and after training.
    pub held_out: BTreeMap<String, LossChange>,
    /// Seconds its making took; in `times.json`.
    #[serde(default, skip_serializing)]
    pub seconds: f64,
}

/// One stage of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageResult {
    /// For instance `stabilise`.
    pub name: String,
    /// Updates made.
    pub updates: u64,
    /// Parameters trained.
    pub trained_parameters: u64,
    /// Seconds of sound seen, repetitions counted.
    pub audio_seconds: f64,
    /// Share of Western replay, 0..=1.
    pub replay_share: f64,
    /// Largest learning rate.
    pub peak_learning_rate: f64,
    /// Seconds it took; in `times.json`.
    #[serde(default, skip_serializing)]
    pub seconds: f64,
}

/// Loss on held-out crops before and after training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossChange {
    /// Before the first update.
    pub before: f64,
    /// After the last.
    pub after: f64,
}

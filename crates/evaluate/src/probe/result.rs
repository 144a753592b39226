//! What comes out of a probe run.

use serde::{Deserialize, Serialize};

use super::config::{Layers, ProbeConfig};
use super::features::EncoderFacts;
use super::train::Epoch;
use super::trained::Probe;
use crate::{TaggingIntervals, TaggingMetrics};

/// Version of the layout of [`ProbeResult`].
pub(super) const RESULT_SCHEMA: u32 = 2;

/// Mean and spread over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanStd {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1 below the sum); none for a single value.
    pub std: Option<f64>,
    /// Values.
    pub n: usize,
}

impl MeanStd {
    /// Of some values; none of no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        Some(Self { mean, std: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()), n })
    }
}

/// Why a tag is in no mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOutReason {
    /// No training file has it: it cannot be learnt, so the probe has no output for it.
    NoPositiveInTrain,
    /// Every training file has it.
    NoNegativeInTrain,
    /// No test file has it: its ROC-AUC is not defined.
    NoPositiveInTest,
    /// Every test file has it.
    NoNegativeInTest,
}

/// A tag in no mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub tag: String,
    /// Why.
    pub reason: LeftOutReason,
}

/// How large a split is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitSizes {
    /// Files of train, valid and test.
    pub files: [usize; 3],
    /// Chunks of train, valid and test.
    pub chunks: [usize; 3],
}

/// How one choice of layers and learning rate did on the validation files.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which hidden states.
    pub layers: Layers,
    /// The rate training started at.
    pub learning_rate: f64,
    /// Best first metric of the kind, macro ROC-AUC for tags, on the validation files, over seeds.
    #[serde(rename = "valid_roc_auc")]
    pub valid: MeanStd,
}

/// One seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedResult {
    /// The seed.
    pub seed: u64,
    /// The epoch whose weights were tested, from 0.
    pub best_epoch: usize,
    /// Its macro ROC-AUC on the validation files.
    pub valid_roc_auc: f64,
    /// Every epoch.
    pub epochs: Vec<Epoch>,
    /// Weight of each hidden state in the mix; empty for mixes without.
    pub layer_weights: Vec<f32>,
    /// Everything measured on the test files, in the order of [`ProbeResult::tags`].
    pub test: TaggingMetrics,
}

/// One tag over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagResult {
    /// Its name.
    pub tag: String,
    /// Test files that have it.
    pub positives: usize,
    /// ROC-AUC; none where not defined.
    pub roc_auc: Option<MeanStd>,
    /// Average precision; none where not defined.
    pub average_precision: Option<MeanStd>,
}

/// A probe run: what it was made of and what it measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Version of this layout.
    pub schema: u32,
    /// The encoder probed.
    pub encoder: EncoderFacts,
    /// All settings.
    pub config: ProbeConfig,
    /// Sizes of the splits.
    pub sizes: SplitSizes,
    /// Tags the probe has outputs for.
    pub tags: Vec<String>,
    /// Tags in no mean, and why.
    pub left_out: Vec<LeftOut>,
    /// Layers and learning rates tried.
    pub trials: Vec<Trial>,
    /// The hidden states the rest speaks of.
    pub layers: Layers,
    /// The learning rate the rest speaks of.
    pub learning_rate: f64,
    /// Macro ROC-AUC on the test files over seeds.
    pub roc_auc: MeanStd,
    /// Macro average precision on the test files over seeds.
    pub average_precision: MeanStd,
    /// What the choice of test files leaves open about these two means.
    pub intervals: Option<TaggingIntervals>,
    /// Each tag over seeds.
    pub per_tag: Vec<TagResult>,
    /// Each seed.
    pub seeds: Vec<SeedResult>,
}

/// The result, the best probe, and the scores from which models can be compared file by file.
#[derive(Clone, Debug)]
pub struct ProbeOutcome {
    /// Numbers.
    pub result: ProbeResult,
    /// The probe of the seed that did best on the validation files.
    pub probe: Probe,
    /// Labels of the test files for [`ProbeResult::tags`], `[F, n]`.
    pub test_labels: Vec<u8>,
    /// Scores of the test files, one list `[F, n]` for each seed.
    pub test_scores: Vec<Vec<f64>>,
}

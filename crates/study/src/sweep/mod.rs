//! Merges of one base measured for many λ: one value with every number, its tables and its figure.
//!
//! Every point has scores of the validation recordings; only those decide. Scores of the test recordings stand beside some of them under another name.
//! A point's score is the mean over tasks, seed by seed, of one metric. Scores are fractions. Pure.

mod figure;
mod tables;

use std::collections::BTreeMap;

use evaluate::OverSeeds;
use serde::{Deserialize, Serialize};

pub use figure::svg;
pub use tables::{csv, text};

use crate::evaluation::Named;
use crate::results::SeedScore;

/// Version of the layout of [`Sweep`].
pub const SCHEMA: u32 = 1;

/// Everything a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Layout of this value, [`SCHEMA`].
    pub schema: u32,
    /// Version of the tool that computed it.
    pub tool_version: String,
    /// What points are chosen by.
    pub metric: Metric,
    /// The base.
    pub base: SweptModel,
    /// What is merged with it, by name.
    pub models: Vec<SweptModel>,
    /// What the probes heard.
    pub corpus: SweptCorpus,
    /// What is asked of it.
    pub tasks: Vec<SweptTask>,
    /// Cultures that were left out because nothing can be asked of them.
    pub not_measured: Vec<Named>,
    /// Seeds of the probes.
    pub seeds: Vec<u64>,
    /// All points, in the order they were measured.
    pub points: Vec<SweptPoint>,
    /// The search, where one was made.
    pub search: Option<SearchTrace>,
    /// Weights by similarity, where they were asked for.
    pub guided: Option<evaluate::GuidedTarget>,
    /// The point with the best validation score.
    pub chosen: usize,
    /// Base, uniform, guided and chosen weights beside each other.
    pub compared: Vec<Compared>,
    /// Hashes and settings the numbers are a function of.
    pub provenance: BTreeMap<String, String>,
}

/// What points are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Macro ROC-AUC.
    #[default]
    RocAuc,
    /// Macro average precision.
    AveragePrecision,
}

impl Metric {
    /// Its name in texts.
    pub fn label(self) -> &'static str {
        match self {
            Self::RocAuc => "ROC-AUC",
            Self::AveragePrecision => "average precision",
        }
    }

    fn of(self, score: &SeedScore) -> f64 {
        match self {
            Self::RocAuc => score.roc_auc,
            Self::AveragePrecision => score.average_precision,
        }
    }
}

/// A model, or the task vector of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptModel {
    /// Its name.
    pub name: String,
    /// Its content hash.
    pub hash: String,
}

/// The recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptCorpus {
    /// Name of the corpus.
    pub name: String,
    /// Its content hash.
    pub hash: String,
    /// Where the splits come from.
    pub split: String,
    /// Whether all of it was made by a program.
    pub synthetic: bool,
}

/// One question to the probes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptTask {
    /// A culture, or what its tags begin with.
    pub name: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Tags that no probe can learn here.
    pub left_out: Vec<String>,
    /// Recordings of train, validation and test.
    pub files: [usize; 3],
}

/// Where a point comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// All λ are 0.
    Base,
    /// All λ are the same.
    Uniform,
    /// λ by similarity.
    Guided,
    /// Where a search began.
    Start,
    /// A move of the search.
    Search,
}

impl Origin {
    /// Its name in tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Uniform => "uniform",
            Self::Guided => "guided",
            Self::Start => "start",
            Self::Search => "search",
        }
    }
}

/// One merge and what it scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptPoint {
    /// λ by model.
    pub lambdas: BTreeMap<String, f64>,
    /// λ, where it is one for all.
    pub shared: Option<f64>,
    /// Why it was measured, first reason first.
    pub origins: Vec<Origin>,
    /// Content hash of the merged encoder.
    pub content_hash: String,
    /// On the recordings that choose.
    pub validation: Side,
    /// On the recordings that choose nothing; of points that are reported only.
    pub test: Option<Side>,
}

/// The scores of a point on one side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Mean over tasks of the metric, over seeds.
    pub mean: OverSeeds,
    /// By task.
    pub tasks: BTreeMap<String, TaskScores>,
}

impl Side {
    /// Of the scores of every task with the same seeds; none of no task or no seed.
    pub fn of(metric: Metric, tasks: BTreeMap<String, TaskScores>) -> Option<Self> {
        let mean = OverSeeds::of(&per_seed(metric, &tasks))?;
        Some(Self { mean, tasks })
    }
}

/// Mean over tasks of every seed.
fn per_seed(metric: Metric, tasks: &BTreeMap<String, TaskScores>) -> Vec<f64> {
    let n_seeds = tasks.values().map(|task| task.seeds.len()).min().unwrap_or(0);
    let of_seed = |at: usize| tasks.values().map(|task| metric.of(&task.seeds[at])).sum::<f64>();
    (0..n_seeds).map(|at| of_seed(at) / tasks.len() as f64).collect()
}

/// Both metrics of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskScores {
    /// Macro ROC-AUC over seeds.
    pub roc_auc: OverSeeds,
    /// Macro average precision over seeds.
    pub average_precision: OverSeeds,
    /// Every seed.
    pub seeds: Vec<SeedScore>,
}

impl TaskScores {
    /// Of every seed; none of no seed.
    pub fn of(seeds: Vec<SeedScore>) -> Option<Self> {
        let over = |of: fn(&SeedScore) -> f64| OverSeeds::of(&seeds.iter().map(of).collect::<Vec<_>>());
        Some(Self {
            roc_auc: over(|seed| seed.roc_auc)?,
            average_precision: over(|seed| seed.average_precision)?,
            seeds,
        })
    }

    fn by(&self, metric: Metric) -> OverSeeds {
        match metric {
            Metric::RocAuc => self.roc_auc,
            Metric::AveragePrecision => self.average_precision,
        }
    }
}

/// How a search went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchTrace {
    /// What it started from: `uniform`, `guided` or `given`.
    pub start: String,
    /// Lengths of its moves.
    pub steps: Vec<f64>,
    /// Score of the start.
    pub start_score: f64,
    /// Where every round ended.
    pub rounds: Vec<TracedRound>,
    /// Whether a round changed nothing.
    pub converged: bool,
}

/// Where a round ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracedRound {
    /// λ by model.
    pub lambdas: BTreeMap<String, f64>,
    /// Validation score.
    pub score: f64,
    /// Vectors the round had not met before.
    pub n_new: usize,
}

/// One way to set λ beside the uniform one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// `base`, `uniform`, `guided` or `chosen`.
    pub name: String,
    /// The point.
    pub point: usize,
    /// Its score on the validation recordings.
    pub validation: OverSeeds,
    /// Its score on the test recordings.
    pub test: OverSeeds,
    /// Differences from the uniform one, seed by seed; none for itself.
    pub minus_uniform: Option<Difference>,
}

/// A difference over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// On the validation recordings.
    pub validation: OverSeeds,
    /// On the test recordings.
    pub test: OverSeeds,
}

/// Named points beside the one called `uniform`. Points without test scores are left out, for there is nothing to compare.
pub fn compare(metric: Metric, points: &[SweptPoint], named: &[(&str, usize)]) -> Vec<Compared> {
    let uniform = named.iter().find(|(name, _)| *name == "uniform").and_then(|&(_, at)| points.get(at));
    let minus = |ours: &Side, theirs: &Side| {
        let pairs = per_seed(metric, &ours.tasks).into_iter().zip(per_seed(metric, &theirs.tasks));
        OverSeeds::of(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>())
    };
    let one = |&(name, at): &(&str, usize)| {
        let point = points.get(at)?;
        let test = point.test.as_ref()?;
        let difference = |uniform: &SweptPoint| {
            Some(Difference {
                validation: minus(&point.validation, &uniform.validation)?,
                test: minus(test, uniform.test.as_ref()?)?,
            })
        };
        Some(Compared {
            name: name.to_owned(),
            point: at,
            validation: point.validation.mean,
            test: test.mean,
            minus_uniform: uniform.filter(|_| name != "uniform").and_then(difference),
        })
    };
    named.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests;

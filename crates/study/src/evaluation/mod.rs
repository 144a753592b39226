//! Models probed on data sets: one value with every number, its tables, and the files it is written to.
//!
//! Scores are fractions (R² may be below 0), differences are in the same unit. Which two metrics a set is measured by stands with the set.

mod export;
mod published;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use export::{tables_as_text, write_all};

use crate::paper::PaperSet;
use crate::results::Spread;
use crate::{StudyError, numbers_file};

/// Version of the layout of `evaluation.json`.
pub const SCHEMA: u32 = 1;

/// Everything an evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Layout of this value, [`SCHEMA`].
    pub schema: u32,
    /// Version of the tool that computed it.
    pub tool_version: String,
    /// Seeds of the probes.
    pub seeds: Vec<u64>,
    /// Name of the model the others are compared with.
    pub base: String,
    /// Models first, baselines after them.
    pub models: Vec<EvaluatedModel>,
    /// Data sets, in the order asked for.
    pub sets: Vec<EvaluatedSet>,
    /// Data sets that were asked for and say nothing, for instance because no tag has both classes on one side.
    pub not_measured: Vec<Named>,
    /// Every model on every set.
    pub cells: Vec<EvaluatedCell>,
    /// Hashes and settings the numbers are a function of.
    pub provenance: BTreeMap<String, String>,
}

/// What a row of the tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A model that was asked for.
    Model,
    /// An encoder of the same shape with random weights.
    RandomEncoder,
    /// Means and deviations of log-mel bands.
    LogMel,
    /// What knows nothing of a recording.
    Chance,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatedModel {
    /// Its name, as tables show it.
    pub name: String,
    /// Hash of what it is.
    pub hash: String,
    /// What it is.
    pub role: Role,
}

/// Something that is not in the numbers, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Tag or recording.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatedSet {
    /// Its name, as it was given.
    pub name: String,
    /// Names of the two metrics.
    pub metrics: [String; 2],
    /// The set of the paper it is, if it is one.
    pub published: Option<PaperSet>,
    /// Whether it is Western music, on which adapted models may have forgotten.
    pub is_western: bool,
    /// Recordings of train, valid and test.
    pub files: [usize; 3],
    /// Windows of train, valid and test.
    pub windows: [usize; 3],
    /// Tags, classes or targets with an output.
    pub outputs: Vec<String>,
    /// Tags in no mean and recordings that could not take part.
    pub left_out: Vec<Named>,
    /// In what it is not the whole published set; empty for a complete one.
    pub incomplete: Vec<String>,
    /// What a reader should know besides.
    pub remarks: Vec<String>,
}

/// Both metrics of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPairScore {
    /// The seed; 0 where there is none.
    pub seed: u64,
    /// The first metric.
    pub first: f64,
    /// The second.
    pub second: f64,
}

/// Lower and upper end of an interval over files.
pub type Ends = [f64; 2];

/// One tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagScore {
    /// Its name.
    pub name: String,
    /// Test files that have it.
    pub positives: usize,
    /// ROC-AUC, mean over seeds; none where not defined.
    pub first: Option<f64>,
    /// Average precision, mean over seeds.
    pub second: Option<f64>,
}

/// A difference of two models on the same files, and what the choice of files leaves open about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// On the files as they are.
    pub estimate: f64,
    /// Interval of the paired bootstrap.
    pub ends: Ends,
    /// Two-sided p-value of no difference.
    pub p: f64,
}

/// This model minus another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// The other model.
    pub model: String,
    /// In the first metric.
    pub first: Gap,
    /// In the second.
    pub second: Gap,
}

/// One model on one set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatedCell {
    /// The model.
    pub model: String,
    /// The set.
    pub set: String,
    /// The first metric over seeds.
    pub first: Spread,
    /// The second.
    pub second: Spread,
    /// Intervals of both means over files.
    pub ends: Option<[Ends; 2]>,
    /// Every seed.
    pub per_seed: Vec<SeedPairScore>,
    /// Hidden states chosen on the validation files.
    pub layers: String,
    /// Learning rate chosen on the validation files.
    pub learning_rate: Option<f64>,
    /// Every tag; empty for other kinds.
    pub per_tag: Vec<TagScore>,
    /// This model minus the base and minus every baseline.
    pub against: Vec<Against>,
}

impl Evaluation {
    /// The content of the `evaluation.json` at `path`.
    pub(crate) fn from_value(path: &Path, value: serde_json::Value) -> Result<Self, StudyError> {
        numbers_file::of_schema(path, value, SCHEMA)
    }

    /// The numbers of this model on this set.
    pub fn cell(&self, model: &str, set: &str) -> Option<&EvaluatedCell> {
        self.cells.iter().find(|cell| cell.model == model && cell.set == set)
    }

    /// Models that were asked for.
    pub fn asked(&self) -> impl Iterator<Item = &EvaluatedModel> {
        self.models.iter().filter(|model| model.role == Role::Model)
    }

    /// Whether the first metric is above that of every baseline by more than the choice of files leaves open. True of baselines themselves.
    pub fn beats_baselines(&self, cell: &EvaluatedCell) -> bool {
        let is_baseline =
            |name: &str| self.models.iter().any(|model| model.name == name && model.role != Role::Model);
        cell.against
            .iter()
            .filter(|against| is_baseline(&against.model))
            .all(|against| against.first.ends[0] > 0.0)
    }
}

impl EvaluatedCell {
    /// This model minus the one called `model`.
    pub fn minus(&self, model: &str) -> Option<&Against> {
        self.against.iter().find(|against| against.model == model)
    }
}

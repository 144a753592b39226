//! The results of a study: one value with every number, its unit in the field's documentation, written as `results.json`.
//!
//! Scores are fractions in 0..=1, times are seconds, losses are the training objective's units. Unknown fields are refused on
//! reading, so that a file never says more than its reader understands.

mod ablation;
mod check;
mod data;
mod finding;
mod map;
mod model;
mod probe;
mod similarity;
mod times;
mod training;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use ablation::{Ablation, Effect, Measure, Rehearsal, Scope};
pub use data::{CultureData, DataDescription, LeftOut, TokenizerFacts};
pub use finding::{Finding, Verdict};
pub use map::{AcrossPair, MapExcerpt, MapPiece, MapResult, MapView};
pub use model::{LossChange, ModelKind, ModelResult, Recipe, StageResult};
pub use probe::{LambdaPoint, ProbeResult, Scores, SeedScore, Spread, TagScore};
pub use similarity::Similarity;
pub use times::{ModelTimes, Times};
pub use training::{CurvePoint, StepTiming, TrainingRun};

use crate::{StudyError, numbers_file};

/// Version of the layout of `results.json`.
pub const SCHEMA: u32 = 1;

/// Everything a study found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyResults {
    /// Layout of this value, [`SCHEMA`].
    pub schema: u32,
    /// Version of the tool that computed it.
    pub tool_version: String,
    /// The plan's name, for instance `pocket`.
    pub preset: String,
    /// Seeds of the probes (and of training, where it was repeated).
    pub seeds: Vec<u64>,
    /// What it was computed on.
    pub data: DataDescription,
    /// Hashes that are equal on every machine, by what they are of: `plan`, `corpus`, `tokenizer`, `base` and so on.
    pub provenance: BTreeMap<String, String>,
    /// What made the token targets.
    pub tokenizer: TokenizerFacts,
    /// Every model, in the order tables show them.
    pub models: Vec<ModelResult>,
    /// Every model on every tradition.
    pub probes: Vec<ProbeResult>,
    /// Merged models by shared weight, ascending.
    pub lambda_sweep: Vec<LambdaPoint>,
    /// How alike the traditions' tokens are.
    pub similarity: Option<Similarity>,
    /// Pieces as models place them; results of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapResult>,
    /// Training curves.
    pub runs: Vec<TrainingRun>,
    /// The paper's claims against these numbers, see [`crate::findings()`].
    pub findings: Vec<Finding>,
    /// What each step took, in the order it ran; in `times.json`, see [`StudyResults::times`].
    #[serde(default, skip_serializing)]
    pub timings: Vec<StepTiming>,
    /// What was not used, counted by reason.
    pub left_out: LeftOut,
    /// What single changes did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ablations: Vec<Ablation>,
    /// Whether it was only rehearsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
}

impl StudyResults {
    /// Results without any numbers yet.
    pub fn new(
        preset: impl Into<String>,
        seeds: Vec<u64>,
        data: DataDescription,
        tokenizer: TokenizerFacts,
    ) -> Self {
        Self {
            schema: SCHEMA,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            preset: preset.into(),
            seeds,
            data,
            provenance: BTreeMap::new(),
            tokenizer,
            models: Vec::new(),
            probes: Vec::new(),
            lambda_sweep: Vec::new(),
            similarity: None,
            map: None,
            runs: Vec::new(),
            findings: Vec::new(),
            timings: Vec::new(),
            left_out: LeftOut::default(),
            ablations: Vec::new(),
            rehearsal: None,
        }
    }

    /// Reads `results.json`, checking schema, fields and consistency.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Self::from_value(path, numbers_file::read(path)?)
    }

    /// The content of the `results.json` at `path`, checked in the same way.
    pub(crate) fn from_value(path: &Path, value: serde_json::Value) -> Result<Self, StudyError> {
        let results: Self = numbers_file::of_schema(path, value, SCHEMA)?;
        results.check()?;
        Ok(results)
    }

    /// Writes `results.json`, wholly or not at all, after checking that every number is finite and every name known.
    pub fn write(&self, path: &Path) -> Result<(), StudyError> {
        Ok(files::write_json(path, &self.to_json()?)?)
    }

    /// The content of `results.json`.
    pub fn to_json(&self) -> Result<String, StudyError> {
        self.check()?;
        Ok(serde_json::to_string_pretty(self).expect("checked results have text keys and finite numbers"))
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&ModelResult> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The tradition of this name.
    pub fn culture(&self, name: &str) -> Option<&CultureData> {
        self.data.cultures.iter().find(|culture| culture.name == name)
    }

    /// How a tradition is written for people; its name where it is not described.
    pub fn culture_label<'a>(&'a self, name: &'a str) -> &'a str {
        self.culture(name).map_or(name, |culture| culture.label.as_str())
    }

    /// The probe of this model on this tradition.
    pub fn probe(&self, model: &str, tradition: &str) -> Option<&ProbeResult> {
        self.probes.iter().find(|probe| probe.model == model && probe.tradition == tradition)
    }

    /// The first model of this kind.
    pub fn first_of(&self, kind: ModelKind) -> Option<&ModelResult> {
        self.models.iter().find(|model| model.kind == kind)
    }
}

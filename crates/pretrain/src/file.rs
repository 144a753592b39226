//! A configuration as a user writes it: TOML, one file a run, no unknown key at any level.
//!
//! [`TrainFile::plan`] checks it and does the arithmetic. Sections left out have MERT's values; stages are always written down.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::health::HealthPlan;
use crate::model_config::ModelInit;
use crate::objective::ObjectivePlan;
use crate::overrides::with_overrides;
use crate::precision::PrecisionPlan;
use crate::sections::{
    CheckpointPlan, CropPlan, DropoutPlan, HeldOutPlan, MaskingPlan, MixturePlan, ProbePlan, RunPlan,
};
use crate::stage::StageFile;
use crate::{PretrainError, TrainPlan, preset};

/// Largest configuration that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What a user writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainFile {
    /// Name and seed.
    #[serde(default)]
    pub run: RunPlan,
    /// Model to begin with where there is none.
    #[serde(default)]
    pub model: ModelFile,
    /// Crops.
    #[serde(default)]
    pub crop: CropPlan,
    /// Masked frames.
    #[serde(default)]
    pub masking: MaskingPlan,
    /// Mixed crops.
    #[serde(default)]
    pub mixture: MixturePlan,
    /// Dropped values.
    #[serde(default)]
    pub dropout: DropoutPlan,
    /// What is predicted.
    #[serde(default)]
    pub objective: ObjectivePlan,
    /// Number format of the model.
    #[serde(default)]
    pub precision: PrecisionPlan,
    /// What becomes of unhealthy updates.
    #[serde(default)]
    pub health: HealthPlan,
    /// Measuring on crops that never train.
    #[serde(default)]
    pub held_out: HeldOutPlan,
    /// Probes while it trains.
    #[serde(default, skip_serializing_if = "ProbePlan::is_default")]
    pub probe: ProbePlan,
    /// Checkpoints.
    #[serde(default)]
    pub checkpoints: CheckpointPlan,
    /// Stages, in their order.
    pub stage: Vec<StageFile>,
}

/// Section `model`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelFile {
    /// Shape of a model made from scratch; a run that starts from a model has that model's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<ModelInit>,
}

impl TrainFile {
    /// Reads TOML text; `source_name` is what errors call it.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, PretrainError> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
            PretrainError::Config {
                source_name: source_name.into(),
                message: format!("{place}{}", nearest::explain(error.message())),
            }
        })
    }

    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, PretrainError> {
        let size = std::fs::metadata(path).map_err(PretrainError::io("read", path))?.len();
        let source_name = path.display().to_string();
        if size > MAX_BYTES {
            let message = format!("{size} bytes are no configuration, at most {MAX_BYTES} are read");
            return Err(PretrainError::Config { source_name, message });
        }
        let text = std::fs::read_to_string(path).map_err(PretrainError::io("read", path))?;
        Self::parse(&source_name, &text)
    }

    /// A preset by its name, or else the file of this path.
    pub fn find(name_or_path: &str) -> Result<Self, PretrainError> {
        let path = Path::new(name_or_path);
        match preset(name_or_path) {
            Err(_) if path.is_file() || path.extension().is_some() => Self::open(path),
            found => found,
        }
    }

    /// Applies assignments `key=value`: dotted keys of this file's schema, values in TOML (a bare word is a string).
    ///
    /// Stating one of several keys that exclude each other (`updates`, `hours`, `epochs`; `warmup`, `warmup_updates`) removes the others.
    pub fn with_overrides<S: AsRef<str>>(&self, assignments: &[S]) -> Result<Self, PretrainError> {
        with_overrides(self, assignments)
    }

    /// Checks everything, fills in what was left out, and does the arithmetic.
    pub fn plan(&self) -> Result<TrainPlan, PretrainError> {
        TrainPlan::from_file(self)
    }
}

/// Line number and text of a position, as the beginning of a message.
fn place(text: &str, byte: usize) -> String {
    let byte = (0..=byte.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let number = text[..byte].matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    if line.is_empty() {
        format!("line {}: ", number + 1)
    } else {
        format!("line {}, `{line}`: ", number + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[[stage]]\nname = 'a'\ntrainable = ['*']\nupdates = 3\nmicro_batch = 2\n\
                         schedule = { kind = 'constant', peak = 1e-3 }\n";

    #[test]
    fn the_least_file_has_merts_values() {
        let file = TrainFile::parse("x.toml", LEAST).unwrap();
        assert_eq!((file.run.seed, file.crop.seconds, file.masking.probability), (1337, 5.0, 0.8));
        assert_eq!((file.stage[0].accumulation, file.stage[0].clip_norm), (1, 1.0));
        file.plan().unwrap();
    }

    #[test]
    fn an_unknown_key_is_named_with_the_known_ones() {
        let swapped = |old: &str, new: &str| LEAST.replace(old, new);
        for (text, unknown, known) in [
            (format!("[crops]\nseconds = 1.0\n{LEAST}"), "`crops`", "`crop`"),
            (format!("[crop]\nsecond = 1.0\n{LEAST}"), "`second`", "`seconds`"),
            (swapped("updates", "update"), "`update`", "`updates`"),
            (swapped("peak", "top"), "`top`", "`peak`"),
            (format!("{LEAST}adam = {{ beta = [0.9, 0.9] }}\n"), "`beta`", "`betas`"),
            (format!("{LEAST}[stage.data.replay]\nshares = 0.2\n"), "`shares`", "`share`"),
            (format!("{LEAST}[[stage.data.cultures]]\nname = 'x'\n"), "`name`", "`culture`"),
        ] {
            let message = TrainFile::parse("x.toml", &text).unwrap_err().to_string();
            assert!(message.starts_with("`x.toml`: line "), "{message}");
            assert!(message.contains(unknown) && message.contains(known), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_wrong_type_shows_its_line() {
        let message = TrainFile::parse("x.toml", &LEAST.replace("= 3", "= 'three'")).unwrap_err().to_string();
        assert!(message.contains("line 4, `updates = 'three'`"), "{message}");
        assert!(TrainFile::parse("x", "[[stage").is_err() && TrainFile::parse("x", "é = \"").is_err());
    }
}

//! One stage: what a user writes, and what it is once checked and resolved.
//!
//! An update reads `micro_batch · accumulation` crops, that is `crops · seconds` of audio; a stage that is stated in hours lasts
//! `round(hours · 3600 / (crops · seconds))` updates (100 h of 32 × 5 s: 2250), one stated in epochs `epochs` times its hours of material. Pure.

use serde::{Deserialize, Serialize};

use crate::checks::{at_least, finite_not_negative, positive};
use crate::schedule_file::ScheduleFile;
use crate::{Adam, PretrainError, Schedule, StageData};

/// Most crops of an update: beyond it a number is a slip of the finger.
const MAX_CROPS: usize = 1 << 20;

/// What becomes of the optimiser's moments at the start of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerState {
    /// Zeros, and steps counted from 1 again.
    #[default]
    Fresh,
    /// Those of the stage before, for every parameter it trained too.
    Kept,
}

/// A stage as a user writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageFile {
    /// Name, for people and logs.
    pub name: String,
    /// Patterns of parameter names that train; `*` is any run of characters.
    pub trainable: Vec<String>,
    /// Patterns of those that do not, although a pattern of `trainable` fits.
    #[serde(default)]
    pub frozen: Vec<String>,
    /// Length in updates. Exactly one of `updates`, `hours` and `epochs` is stated.
    pub updates: Option<u64>,
    /// Length in hours of audio read.
    pub hours: Option<f64>,
    /// Length in passes over the hours stated in `data`.
    pub epochs: Option<f64>,
    /// Crops that go through the model together.
    pub micro_batch: usize,
    /// Micro-batches of an update.
    #[serde(default = "one")]
    pub accumulation: usize,
    /// Largest norm of a gradient; 0 lets every one pass.
    #[serde(default = "unit")]
    pub clip_norm: f64,
    /// Moments at the start.
    #[serde(default)]
    pub optimizer_state: OptimizerState,
    /// Material.
    #[serde(default)]
    pub data: StageData,
    /// Learning rates.
    pub schedule: ScheduleFile,
    /// Optimiser.
    #[serde(default)]
    pub adam: Adam,
}

fn one() -> usize {
    1
}

fn unit() -> f64 {
    1.0
}

/// A stage, checked, with every number filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagePlan {
    /// Name.
    pub name: String,
    /// Patterns of parameter names that train.
    pub trainable: Vec<String>,
    /// Patterns of those that do not after all.
    pub frozen: Vec<String>,
    /// Updates.
    pub updates: u64,
    /// Crops that go through the model together.
    pub micro_batch: usize,
    /// Micro-batches of an update.
    pub accumulation: usize,
    /// Largest norm of a gradient; 0 lets every one pass.
    pub clip_norm: f64,
    /// Moments at the start.
    pub optimizer_state: OptimizerState,
    /// Material.
    pub data: StageData,
    /// Learning rates.
    pub schedule: Schedule,
    /// Optimiser.
    pub adam: Adam,
}

impl StageFile {
    pub(crate) fn plan(&self, key: &str, crop_seconds: f64) -> Result<StagePlan, PretrainError> {
        let field = |name: &str| format!("{key}.{name}");
        let seconds_per_update = self.micro_batch.saturating_mul(self.accumulation) as f64 * crop_seconds;
        at_least(&field("micro_batch"), self.micro_batch as u64, 1)?;
        at_least(&field("accumulation"), self.accumulation as u64, 1)?;
        let updates = self.length(key, seconds_per_update)?;
        let plan = StagePlan {
            name: self.name.clone(),
            trainable: self.trainable.clone(),
            frozen: self.frozen.clone(),
            updates,
            micro_batch: self.micro_batch,
            accumulation: self.accumulation,
            clip_norm: self.clip_norm,
            optimizer_state: self.optimizer_state,
            data: self.data.clone(),
            schedule: self.schedule.resolve(&field("schedule"), updates)?,
            adam: self.adam,
        };
        plan.check(key)?;
        Ok(plan)
    }

    fn length(&self, key: &str, seconds_per_update: f64) -> Result<u64, PretrainError> {
        let of_hours = |hours: f64| (hours * 3600.0 / seconds_per_update).round();
        let (field, updates) = match (self.updates, self.hours, self.epochs) {
            (Some(updates), None, None) => ("updates", updates as f64),
            (None, Some(hours), None) => {
                positive(&format!("{key}.hours"), hours)?;
                ("hours", of_hours(hours))
            }
            (None, None, Some(epochs)) => {
                positive(&format!("{key}.epochs"), epochs)?;
                let hours = self.data.hours_in_all().ok_or_else(|| {
                    PretrainError::plan(
                        format!("{key}.epochs"),
                        "the length of an epoch is not known; state `data.hours`, hours of every culture, or `updates`",
                    )
                })?;
                ("epochs", of_hours(hours * epochs))
            }
            _ => {
                return Err(PretrainError::plan(
                    format!("{key}.updates"),
                    "exactly one of `updates`, `hours` and `epochs` must be stated",
                ));
            }
        };
        if !(1.0..=1e9).contains(&updates) {
            return Err(PretrainError::plan(
                format!("{key}.{field}"),
                format!("gives {updates} updates of {seconds_per_update} s, not from 1 to 10^9"),
            ));
        }
        Ok(updates as u64)
    }
}

fn check_adam(key: &str, adam: &Adam) -> Result<(), PretrainError> {
    if !adam.betas.iter().all(|beta| (0.0..1.0).contains(beta)) {
        return Err(PretrainError::plan(
            format!("{key}.betas"),
            format!("{:?} are not from 0 to below 1", adam.betas),
        ));
    }
    positive(&format!("{key}.eps"), adam.eps)?;
    finite_not_negative(&format!("{key}.weight_decay"), adam.weight_decay)
}

impl StagePlan {
    /// Checks what a plan holds, wherever it comes from; `key` is where the stage stands in the configuration.
    pub(crate) fn check(&self, key: &str) -> Result<(), PretrainError> {
        let field = |name: &str| format!("{key}.{name}");
        if self.trainable.is_empty() {
            return Err(PretrainError::plan(
                field("trainable"),
                "names nothing; `[\"*\"]` trains everything",
            ));
        }
        at_least(&field("updates"), self.updates, 1)?;
        at_least(&field("micro_batch"), self.micro_batch as u64, 1)?;
        at_least(&field("accumulation"), self.accumulation as u64, 1)?;
        if self.micro_batch.saturating_mul(self.accumulation) > MAX_CROPS {
            let message = format!("an update of more than {MAX_CROPS} crops");
            return Err(PretrainError::plan(field("accumulation"), message));
        }
        finite_not_negative(&field("clip_norm"), self.clip_norm)?;
        self.data.check(&field("data"))?;
        self.schedule.check(&field("schedule"))?;
        check_adam(&field("adam"), &self.adam)
    }

    /// Crops of an update.
    pub fn batch(&self) -> usize {
        self.micro_batch * self.accumulation
    }
}

//! The checked plan: every default filled in, every number computed; only it reaches the update loop.
//!
//! It is written as `plan.toml` into the run folder, with its arithmetic in comments, and read back by a resumed run. Pure.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::health::{HealthPlan, SpikePolicy};
use crate::model_config::ModelInit;
use crate::objective::ObjectivePlan;
use crate::precision::PrecisionPlan;
use crate::sections::{
    CheckpointPlan, CropPlan, DropoutPlan, HeldOutPlan, MaskingPlan, MixturePlan, ProbePlan, RunPlan,
};
use crate::{PretrainError, StagePlan, TrainFile};

/// Version of the layout of `plan.toml`.
const SCHEMA: u32 = 1;

/// What a run does, completely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainPlan {
    /// Version of this layout.
    pub schema: u32,
    /// Name and seed.
    pub run: RunPlan,
    /// Model to begin with where there is none.
    pub model: ModelPlan,
    /// Crops.
    pub crop: CropPlan,
    /// Masked frames.
    pub masking: MaskingPlan,
    /// Mixed crops.
    pub mixture: MixturePlan,
    /// Dropped values.
    pub dropout: DropoutPlan,
    /// What is predicted.
    pub objective: ObjectivePlan,
    /// Number format of the model.
    pub precision: PrecisionPlan,
    /// What becomes of unhealthy updates.
    pub health: HealthPlan,
    /// Measuring on crops that never train.
    pub held_out: HeldOutPlan,
    /// Probes while it trains.
    #[serde(default, skip_serializing_if = "ProbePlan::is_default")]
    pub probe: ProbePlan,
    /// Checkpoints.
    pub checkpoints: CheckpointPlan,
    /// Stages, in their order.
    #[serde(rename = "stage")]
    pub stages: Vec<StagePlan>,
}

/// Section `model` of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelPlan {
    /// Shape of a model made from scratch, in the keys of `config.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<toml::Table>,
}

impl ModelPlan {
    /// The shape as a `config.json`.
    pub fn config(&self) -> Option<Value> {
        // TOML's tables hold nothing that JSON lacks but dates, and no key of a shape is one.
        self.init.as_ref().and_then(|init| serde_json::to_value(init).ok())
    }
}

/// The arithmetic of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageTotals {
    /// Name of the stage.
    pub stage: String,
    /// Micro-batch times accumulation.
    pub crops_per_update: usize,
    /// Audio of an update, seconds.
    pub seconds_per_update: f64,
    /// Updates.
    pub updates: u64,
    /// Updates of the stages before.
    pub updates_before: u64,
    /// Audio of the stage, hours.
    pub hours: f64,
    /// Passes over its material, where the plan says how much that is.
    pub epochs: Option<f64>,
}

impl TrainPlan {
    pub(crate) fn from_file(file: &TrainFile) -> Result<Self, PretrainError> {
        let stages = file.stage.iter().enumerate();
        let plan = Self {
            schema: SCHEMA,
            run: file.run.clone(),
            model: ModelPlan { init: file.model.init.as_ref().map(ModelInit::resolve).transpose()? },
            crop: file.crop.clone(),
            masking: file.masking.clone(),
            mixture: file.mixture.clone(),
            dropout: file.dropout.clone(),
            objective: file.objective.clone(),
            precision: file.precision.clone(),
            health: file.health.clone(),
            held_out: file.held_out.clone(),
            probe: file.probe.clone(),
            checkpoints: file.checkpoints.clone(),
            stages: stages
                .map(|(index, stage)| stage.plan(&format!("stage.{index}"), file.crop.seconds))
                .collect::<Result<_, _>>()?,
        };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), PretrainError> {
        if self.run.seed > i64::MAX as u64 {
            return Err(PretrainError::plan("run.seed", format!("{} is above {}", self.run.seed, i64::MAX)));
        }
        self.crop.check()?;
        self.masking.check(&self.crop)?;
        self.mixture.check(&self.crop)?;
        self.dropout.check()?;
        self.objective.check()?;
        self.precision.check()?;
        self.health.check()?;
        self.probe.check()?;
        for (key, value) in [
            ("held_out.every", self.held_out.every),
            ("checkpoints.every", self.checkpoints.every),
            ("checkpoints.keep", self.checkpoints.keep as u64),
        ] {
            crate::checks::at_least(key, value, 1)?;
        }
        if self.stages.is_empty() {
            return Err(PretrainError::plan("stage", "there is no stage, so nothing would be trained"));
        }
        for (index, stage) in self.stages.iter().enumerate() {
            stage.check(&format!("stage.{index}"))?;
            if self.stages[..index].iter().any(|before| before.name == stage.name) {
                return Err(PretrainError::plan(
                    format!("stage.{index}.name"),
                    format!("`{}` is the name of a stage before", stage.name),
                ));
            }
        }
        Ok(())
    }

    /// The arithmetic, stage by stage.
    pub fn totals(&self) -> Vec<StageTotals> {
        let mut updates_before = 0;
        let totals = self.stages.iter().map(|stage| {
            let seconds_per_update = stage.batch() as f64 * self.crop.seconds;
            let hours = seconds_per_update * stage.updates as f64 / 3600.0;
            let totals = StageTotals {
                stage: stage.name.clone(),
                crops_per_update: stage.batch(),
                seconds_per_update,
                updates: stage.updates,
                updates_before,
                hours,
                epochs: stage.data.hours_in_all().map(|material| hours / material),
            };
            updates_before += stage.updates;
            totals
        });
        totals.collect()
    }

    /// Updates of all stages.
    pub fn updates(&self) -> u64 {
        self.stages.iter().map(|stage| stage.updates).sum()
    }

    /// Index of the stage that follows `completed` updates of the run, and the updates completed within it; `None` at the end.
    pub fn position(&self, completed: u64) -> Option<(usize, u64)> {
        let mut within = completed;
        for (index, stage) in self.stages.iter().enumerate() {
            if within < stage.updates {
                return Some((index, within));
            }
            within -= stage.updates;
        }
        None
    }

    /// Whether `completed` updates of the run end a stage.
    pub fn ends_stage(&self, completed: u64) -> bool {
        completed > 0 && self.position(completed).is_none_or(|(_, within)| within == 0)
    }

    /// Whether a regular checkpoint is due after `completed` updates of the run: every so many, at the end of each stage, and before the
    /// first update where a run may have to roll back.
    pub fn checkpoint_is_due(&self, completed: u64) -> bool {
        if completed == 0 {
            return self.health.spike == SpikePolicy::RollBack;
        }
        completed.is_multiple_of(self.checkpoints.every) || self.ends_stage(completed)
    }

    /// Whether held-out crops are measured after `completed` updates: before the first, every so many, at the end of each stage.
    pub fn measuring_is_due(&self, completed: u64) -> bool {
        let due = completed.is_multiple_of(self.held_out.every) || self.ends_stage(completed);
        self.held_out.crops > 0 && due
    }

    /// Whether the model is probed after `completed` updates: before the first, every so many, at the end of each stage.
    pub fn probing_is_due(&self, completed: u64) -> bool {
        self.probe.every > 0 && (completed.is_multiple_of(self.probe.every) || self.ends_stage(completed))
    }

    /// The text of `plan.toml`, its arithmetic first.
    pub fn to_toml(&self) -> String {
        let mut text =
            String::from("# The plan of this run: every default filled in, every number computed.\n");
        for (total, stage) in self.totals().iter().zip(&self.stages) {
            let passes = total.epochs.map(|epochs| format!(", {epochs:.3} passes")).unwrap_or_default();
            let line = writeln!(
                text,
                "# {}: {} crops x {} = {} x {} s = {} s an update; {} updates, {:.3} h{passes}",
                total.stage,
                stage.micro_batch,
                stage.accumulation,
                total.crops_per_update,
                self.crop.seconds,
                total.seconds_per_update,
                total.updates,
                total.hours,
            );
            line.expect("writing to a string does not fail");
        }
        text.push('\n');
        text + &toml::to_string(self).expect("a checked plan holds nothing that TOML lacks")
    }

    /// Reads the text of a `plan.toml` and checks it; `source_name` is what errors call it.
    pub fn from_toml(source_name: &str, text: &str) -> Result<Self, PretrainError> {
        let config = |message: String| PretrainError::Config { source_name: source_name.into(), message };
        let plan: Self = toml::from_str(text).map_err(|error| config(nearest::explain(error.message())))?;
        if plan.schema != SCHEMA {
            return Err(config(format!("the plan has schema {}, this program reads {SCHEMA}", plan.schema)));
        }
        plan.check()?;
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    fn pocket() -> TrainPlan {
        preset("pocket").unwrap().plan().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (name, _) in crate::PRESETS {
            let plan = preset(name).unwrap().plan().unwrap();
            let text = plan.to_toml();
            assert_eq!(TrainPlan::from_toml("plan.toml", &text).unwrap(), plan, "{text}");
        }
        assert!(
            pocket()
                .to_toml()
                .contains("# stabilise: 8 crops x 1 = 8 x 2.56 s = 20.48 s an update; 60 updates")
        );
        for (old, new, key) in [
            ("updates = 60", "updates = 0", "`stage.0.updates`"),
            ("warmup_updates = 6\n", "warmup_updates = 60\n", "`stage.0.schedule.warmup_updates`"),
        ] {
            let edited = pocket().to_toml().replacen(&format!("\n{old}"), &format!("\n{new}"), 1);
            let message = TrainPlan::from_toml("plan.toml", &edited).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
        let other = pocket().to_toml().replace("schema = 1", "schema = 2");
        assert!(TrainPlan::from_toml("plan.toml", &other).unwrap_err().to_string().contains("schema 2"));
    }

    #[test]
    fn positions_run_through_the_stages() {
        let plan = pocket();
        let at: Vec<_> = [0, 59, 60, 209, 210].map(|completed| plan.position(completed)).into();
        assert_eq!(at, [Some((0, 0)), Some((0, 59)), Some((1, 0)), Some((1, 149)), None]);
        let due: Vec<u64> = (0..=plan.updates()).filter(|&n| plan.checkpoint_is_due(n)).collect();
        assert_eq!(due, [50, 60, 100, 150, 200, 210]);
        let wary =
            preset("pocket").unwrap().with_overrides(&["health.spike=roll-back"]).unwrap().plan().unwrap();
        assert!(wary.checkpoint_is_due(0) && !plan.checkpoint_is_due(0));
        let measured: Vec<u64> = (0..=plan.updates()).filter(|&n| plan.measuring_is_due(n)).collect();
        assert_eq!(measured, [0, 50, 60, 100, 150, 200, 210]);
    }

    #[test]
    fn impossible_values_name_their_key() {
        for (assignment, key) in [
            ("crop.seconds=0.0", "crop.seconds"),
            ("crop.seconds=2.57", "crop.seconds"),
            ("crop.seconds=nan", "crop.seconds"),
            ("masking.probability=1.5", "masking.probability"),
            ("masking.length=4000", "masking.length"),
            ("mixture.samples=[6000, 100000]", "mixture.samples"),
            ("dropout.layer=1.0", "dropout.layer"),
            ("objective.masked=0.0", "objective.masked"),
            ("objective.cqt_bins=85", "objective.cqt_bins"),
            ("objective.alpha=-1.0", "objective.alpha"),
            ("precision.loss_scale.initial=0.0", "precision.loss_scale.initial"),
            ("health.max_skipped=0", "health.max_skipped"),
            ("health.spike_factor=1.0", "health.spike_factor"),
            ("health.spike_window=0", "health.spike_window"),
            ("objective.logit_temperature=0.0", "objective.logit_temperature"),
            ("checkpoints.keep=0", "checkpoints.keep"),
            ("stage=[]", "stage"),
            ("stage.1.name=stabilise", "stage.1.name"),
            ("stage.0.micro_batch=0", "stage.0.micro_batch"),
            ("stage.0.epochs=1.0", "stage.0.epochs"),
            ("stage.0.updates=0", "stage.0.updates"),
            ("stage.0.hours=-1.0", "stage.0.hours"),
            ("stage.0.trainable=[]", "stage.0.trainable"),
            ("stage.0.adam.betas=[0.9, 1.0]", "stage.0.adam.betas"),
            ("stage.0.schedule.warmup=2.0", "stage.0.schedule.warmup"),
        ] {
            let file = preset("pocket").unwrap().with_overrides(&[assignment]).unwrap();
            let message = file.plan().expect_err(assignment).to_string();
            assert!(message.starts_with(&format!("`{key}`: ")), "{assignment}: {message}");
        }
    }

    #[test]
    fn hours_and_epochs_become_updates() {
        let updates = |assignments: &[&str]| {
            preset("paper").unwrap().with_overrides(assignments).unwrap().plan().unwrap().stages[0].updates
        };
        // The single cultures of the paper: 60 h are 1350 updates, 20 h are 450.
        assert_eq!((updates(&["stage.0.hours=60.0"]), updates(&["stage.0.hours=20.0"])), (1350, 450));
        assert_eq!(updates(&["stage.0.epochs=2.0"]), 4500);
    }
}

//! Section `health`: what becomes of an update whose loss or gradient is not finite, or whose loss jumps.
//!
//! An update that is skipped leaves weights, moments and step counts as they are. It still is an update: its number, crops, masks and
//! dropout are used up, so the next one reads the next crops, and a resumed run stays exact. The rate and Adam's bias corrections follow the
//! steps that were taken, as in fairseq, which does not count an overflow; unlike there, a stage is not prolonged by its skipped updates.
//!
//! A loss is a spike when it is above `spike_factor` times the median of the last `spike_window` losses of the stage that led to a step;
//! before there are so many, nothing is. Rolling back takes weights, moments, loss scale and losses from the last regular checkpoint and
//! goes on with the update after the spike: what was trained since that checkpoint is undone, its crops are not read again. Pure.

use serde::{Deserialize, Serialize};

use crate::PretrainError;
use crate::checks::at_least;
use crate::record::CropRecord;

/// Crops that are remembered of a row of skipped updates.
const REMEMBERED: usize = 256;
/// Crops that a message names; the log has all.
const NAMED: usize = 16;

/// What is done about a spike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpikePolicy {
    /// The step is taken; the log says so.
    #[default]
    Log,
    /// No step is taken.
    Skip,
    /// The last regular checkpoint is restored, and training goes on after the spike.
    RollBack,
}

/// When an update is not healthy, and what is done then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthPlan {
    /// So many updates in a row without a step end the run with an error.
    pub max_skipped: u64,
    /// What is done about a spike of the loss.
    pub spike: SpikePolicy,
    /// A loss above so many times the median of those before is a spike.
    pub spike_factor: f64,
    /// How many losses the median is taken of.
    pub spike_window: usize,
}

impl Default for HealthPlan {
    fn default() -> Self {
        Self { max_skipped: 16, spike: SpikePolicy::Log, spike_factor: 2.0, spike_window: 32 }
    }
}

impl HealthPlan {
    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        at_least("health.max_skipped", self.max_skipped, 1)?;
        if !(self.spike_factor > 1.0 && self.spike_factor.is_finite()) {
            let message = format!("{} is not above 1", self.spike_factor);
            return Err(PretrainError::plan("health.spike_factor", message));
        }
        if !(1..=10_000).contains(&self.spike_window) {
            let message = format!("{} is not from 1 to 10000", self.spike_window);
            return Err(PretrainError::plan("health.spike_window", message));
        }
        Ok(())
    }
}

/// What a run remembers of its health; saved with every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Losses of the last steps of the stage, oldest first.
    pub recent_losses: Vec<f64>,
    /// The updates without a step since the last step.
    pub row: SkippedRow,
}

/// Updates in a row without a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SkippedRow {
    /// How many.
    pub count: u64,
    /// What they heard.
    pub crops: Vec<CropRecord>,
}

impl Health {
    /// The median that `loss` is a spike against, if it is one.
    pub(crate) fn spike(&self, plan: &HealthPlan, loss: f64) -> Option<f64> {
        let mut sorted = self.recent_losses.clone();
        if sorted.len() < plan.spike_window {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        (loss > plan.spike_factor * median).then_some(median)
    }

    /// A step was taken at `loss`.
    pub(crate) fn stepped(&mut self, plan: &HealthPlan, loss: f64) {
        self.row = SkippedRow::default();
        self.recent_losses.push(loss);
        let too_many = self.recent_losses.len().saturating_sub(plan.spike_window);
        self.recent_losses.drain(..too_many);
    }

    /// No step was taken after hearing `crops`; fails when that happened too often in a row.
    pub(crate) fn skipped(
        &mut self,
        plan: &HealthPlan,
        update: u64,
        crops: &[CropRecord],
    ) -> Result<(), PretrainError> {
        self.row.count += 1;
        let room = REMEMBERED.saturating_sub(self.row.crops.len());
        self.row.crops.extend(crops.iter().take(room).cloned());
        if self.row.count < plan.max_skipped {
            return Ok(());
        }
        Err(PretrainError::Unhealthy { update, count: self.row.count, crops: named(&self.row.crops) })
    }

    /// Another stage has other losses.
    pub(crate) fn begin_stage(&mut self) {
        self.recent_losses.clear();
    }
}

/// Recordings and places, for a message.
pub(crate) fn named(crops: &[CropRecord]) -> String {
    let place = |crop: &CropRecord| format!("`{}` from {:.2} s", crop.clip, crop.start_seconds);
    let named = crops.iter().take(NAMED).map(place).collect::<Vec<_>>().join(", ");
    match crops.len().saturating_sub(NAMED) {
        0 => named,
        n_more => format!("{named} and {n_more} more that the log names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> HealthPlan {
        HealthPlan { max_skipped: 3, spike_window: 4, ..HealthPlan::default() }
    }

    fn crop(clip: &str) -> CropRecord {
        CropRecord { clip: clip.into(), start_seconds: 1.5 }
    }

    #[test]
    fn a_spike_is_measured_against_the_median_of_a_full_window() {
        let mut health = Health::default();
        for loss in [9.0, 1.0, 3.0] {
            health.stepped(&plan(), loss);
            assert_eq!(health.spike(&plan(), 1e9), None, "the window is not full");
        }
        health.stepped(&plan(), 2.0);
        assert_eq!((health.spike(&plan(), 5.0), health.spike(&plan(), 5.1)), (None, Some(2.5)));
        // The oldest goes.
        health.stepped(&plan(), 4.0);
        assert_eq!(health.recent_losses, [1.0, 3.0, 2.0, 4.0]);
        health.begin_stage();
        assert_eq!(health.spike(&plan(), 1e9), None);
    }

    #[test]
    fn too_many_in_a_row_name_what_they_heard_and_a_step_ends_the_row() {
        let mut health = Health::default();
        health.skipped(&plan(), 1, &[crop("a")]).unwrap();
        health.skipped(&plan(), 2, &[crop("b")]).unwrap();
        health.stepped(&plan(), 1.0);
        health.skipped(&plan(), 4, &[crop("c")]).unwrap();
        health.skipped(&plan(), 5, &[crop("d")]).unwrap();
        let message = health.skipped(&plan(), 6, &[crop("e")]).unwrap_err().to_string();
        for part in ["update 6", "3 updates in a row", "`c` from 1.50 s, `d` from 1.50 s, `e` from 1.50 s"] {
            assert!(message.contains(part), "{message} has no {part}");
        }
        assert!(!message.contains("`a`"), "{message}");
    }
}

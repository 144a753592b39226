//! A learning rate schedule as a user writes it: warm-up as a share or in updates, the end taken from the stage.
//!
//! `W = floor(share · updates)` (1 % of 14625 is 146). A cosine warms up from its minimum unless `warmup_init` says otherwise, as the original
//! does. The end of the schedule is the end of the stage unless `total_updates` is stated. Pure.

use serde::{Deserialize, Serialize};

use crate::PretrainError;
use crate::checks::probability;
use crate::schedule::{Constant, Cosine, Polynomial, Schedule};

/// Which curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// Half a cosine from peak to minimum.
    Cosine,
    /// A power of what is left, straight by default.
    Polynomial,
    /// The peak throughout.
    Constant,
}

/// What a user writes; what is left out has the default stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// The curve.
    pub kind: Curve,
    /// Highest rate.
    pub peak: f64,
    /// Lowest rate, by default 0. Not for `constant`.
    pub min: Option<f64>,
    /// Share of the updates that warm up, by default 0.
    pub warmup: Option<f64>,
    /// Updates that warm up, in place of `warmup`.
    pub warmup_updates: Option<u64>,
    /// Rate of the first update of the warm-up, by default `min`. For `cosine` only.
    pub warmup_init: Option<f64>,
    /// Updates at which the minimum is reached, by default those of the stage. Not for `constant`.
    pub total_updates: Option<u64>,
    /// Updates of the first period, by default all after the warm-up. For `cosine` only.
    pub period_updates: Option<u64>,
    /// Each period lasts this many times the one before, by default 1. For `cosine` only.
    pub period_factor: Option<f64>,
    /// Peak and minimum of each period relative to the one before, by default 0.1. For `cosine` only.
    pub shrink: Option<f64>,
    /// Power, by default 1. For `polynomial` only.
    pub power: Option<f64>,
}

impl ScheduleFile {
    /// The schedule of a stage of `updates` updates; `key` is where this stands in the configuration.
    pub(crate) fn resolve(&self, key: &str, updates: u64) -> Result<Schedule, PretrainError> {
        self.check(key)?;
        let warmup_updates = match (self.warmup, self.warmup_updates) {
            (Some(_), Some(_)) => {
                return Err(PretrainError::plan(
                    format!("{key}.warmup"),
                    "is stated together with `warmup_updates`; state one",
                ));
            }
            (Some(share), None) => (share * updates as f64).floor() as u64,
            (None, stated) => stated.unwrap_or(0),
        };
        let total_updates = self.total_updates.unwrap_or(updates);
        let (peak, min) = (self.peak, self.min.unwrap_or(0.0));
        let schedule = match self.kind {
            Curve::Cosine => Schedule::Cosine(Cosine {
                peak,
                min,
                warmup_updates,
                warmup_init: self.warmup_init.unwrap_or(min),
                total_updates,
                period_updates: self.period_updates,
                period_factor: self.period_factor.unwrap_or(1.0),
                shrink: self.shrink.unwrap_or(0.1),
            }),
            Curve::Polynomial => Schedule::Polynomial(Polynomial {
                peak,
                min,
                warmup_updates,
                total_updates,
                power: self.power.unwrap_or(1.0),
            }),
            Curve::Constant => Schedule::Constant(Constant { peak, warmup_updates }),
        };
        schedule.check(key)?;
        Ok(schedule)
    }

    fn check(&self, key: &str) -> Result<(), PretrainError> {
        use Curve::{Constant, Cosine, Polynomial};
        let readers: [(&str, bool, &[Curve]); 7] = [
            ("min", self.min.is_some(), &[Cosine, Polynomial]),
            ("total_updates", self.total_updates.is_some(), &[Cosine, Polynomial]),
            ("warmup_init", self.warmup_init.is_some(), &[Cosine]),
            ("period_updates", self.period_updates.is_some(), &[Cosine]),
            ("period_factor", self.period_factor.is_some(), &[Cosine]),
            ("shrink", self.shrink.is_some(), &[Cosine]),
            ("power", self.power.is_some(), &[Polynomial]),
        ];
        for (field, stated, kinds) in readers {
            if stated && !kinds.contains(&self.kind) {
                let kind = match self.kind {
                    Cosine => "cosine",
                    Polynomial => "polynomial",
                    Constant => "constant",
                };
                return Err(PretrainError::plan(
                    format!("{key}.{field}"),
                    format!("means nothing in a `{kind}` schedule"),
                ));
            }
        }
        probability(&format!("{key}.warmup"), self.warmup.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Schedule, PretrainError> {
        toml::from_str::<ScheduleFile>(text).unwrap().resolve("stage.0.schedule", 14625)
    }

    #[test]
    fn one_per_cent_of_the_paper_is_146_updates_from_the_minimum() {
        let schedule = read("kind = 'cosine'\npeak = 5e-5\nmin = 5e-6\nwarmup = 0.01").unwrap();
        assert_eq!(schedule.warmup_updates(), 146);
        assert_eq!(schedule.rate(0), 5e-6);
        assert!((schedule.rate(146) - 5e-5).abs() < 1e-18 && (schedule.rate(14625 - 1) - 5e-6).abs() < 1e-10);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, key) in [
            ("kind = 'constant'\npeak = 1.0\nmin = 0.1", "stage.0.schedule.min"),
            ("kind = 'cosine'\npeak = 1.0\npower = 2.0", "stage.0.schedule.power"),
            ("kind = 'cosine'\npeak = 0.0", "stage.0.schedule.peak"),
            ("kind = 'cosine'\npeak = 1.0\nmin = 2.0", "stage.0.schedule.min"),
            ("kind = 'cosine'\npeak = 1.0\nwarmup = 0.1\nwarmup_updates = 3", "stage.0.schedule.warmup"),
            ("kind = 'cosine'\npeak = 1.0\nwarmup_updates = 14625", "stage.0.schedule.warmup_updates"),
            ("kind = 'cosine'\npeak = 1.0\nperiod_updates = 0", "stage.0.schedule.period_updates"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{key}`")), "{message}");
        }
    }
}

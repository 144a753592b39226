//! Learning rate as a function of completed updates: update `n` (from 1) uses `rate(n - 1)`.
//!
//! Cosine, warm-up of `W` updates from `init`, period `P`:
//! `rate(n) = init + n (peak - init) / W` for `n < W`; then with `c = n - W`, period number `i = floor(c / P)`, `t = c - i P`:
//! `rate(n) = s^i (min + (peak - min) / 2 (1 + cos(pi t / P)))`. With a period factor `f` other than 1, period `i` lasts `P f^i`.
//! Polynomial: `rate(n) = peak n / W` for `n <= W`, then `min + (peak - min) (1 - (n - W) / (total - W))^power`, and `min` from `total` on.
//! Constant: `rate(n) = peak (n + 1) / W` for `n < W`, then `peak`.
//! Source: fairseq's `cosine`, `polynomial_decay` and `fixed` schedulers, MERT's `polynomial_decay`. Pure, float64.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::PretrainError;
use crate::checks::{at_least, finite_not_negative, positive};

/// How the learning rate moves within a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Schedule {
    /// Half a cosine, or several.
    Cosine(Cosine),
    /// A power of what is left, straight by default.
    Polynomial(Polynomial),
    /// The same rate throughout.
    Constant(Constant),
}

/// Warm-up, then half a cosine from peak to minimum, started again at each period's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cosine {
    /// Highest rate, at the end of the warm-up.
    pub peak: f64,
    /// Lowest rate, at the end of the first period.
    pub min: f64,
    /// Updates of the warm-up.
    pub warmup_updates: u64,
    /// Rate of the first update; the original starts at `min` unless told otherwise.
    pub warmup_init: f64,
    /// Completed updates at which the first period ends, unless `period_updates` is stated.
    pub total_updates: u64,
    /// Updates of the first period, warm-up not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_updates: Option<u64>,
    /// Each period lasts this many times the one before.
    pub period_factor: f64,
    /// Peak and minimum shrink by this at the end of each period.
    pub shrink: f64,
}

/// Warm-up from zero, then a polynomial down to the minimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polynomial {
    /// Highest rate, at the end of the warm-up.
    pub peak: f64,
    /// Rate at the end.
    pub min: f64,
    /// Updates of the warm-up.
    pub warmup_updates: u64,
    /// Completed updates at which the minimum is reached.
    pub total_updates: u64,
    /// Power of the share that is left; 1 is a straight line.
    pub power: f64,
}

/// Warm-up, then one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The rate.
    pub peak: f64,
    /// Updates of the warm-up.
    pub warmup_updates: u64,
}

impl Schedule {
    /// Rate of the update that follows `completed` updates of the stage.
    pub fn rate(&self, completed: u64) -> f64 {
        match self {
            Self::Cosine(cosine) => cosine.rate(completed),
            Self::Polynomial(polynomial) => polynomial.rate(completed),
            Self::Constant(constant) => constant.rate(completed),
        }
    }

    /// The same curve drawn over `factor` times as many updates, `updates` in all.
    #[must_use]
    pub fn stretched(&self, factor: f64, updates: u64) -> Self {
        let scaled = |count: u64| (count as f64 * factor).round() as u64;
        let mut schedule = self.clone();
        match &mut schedule {
            Self::Cosine(cosine) => {
                cosine.warmup_updates = scaled(cosine.warmup_updates).min(updates - 1);
                cosine.total_updates = scaled(cosine.total_updates).max(cosine.warmup_updates + 1);
                cosine.period_updates = cosine.period_updates.map(|period| scaled(period).max(1));
            }
            Self::Polynomial(polynomial) => {
                polynomial.warmup_updates = scaled(polynomial.warmup_updates).min(updates - 1);
                polynomial.total_updates =
                    scaled(polynomial.total_updates).max(polynomial.warmup_updates + 1);
            }
            Self::Constant(constant) => constant.warmup_updates = scaled(constant.warmup_updates),
        }
        schedule
    }

    /// Updates of the warm-up.
    pub fn warmup_updates(&self) -> u64 {
        match self {
            Self::Cosine(cosine) => cosine.warmup_updates,
            Self::Polynomial(polynomial) => polynomial.warmup_updates,
            Self::Constant(constant) => constant.warmup_updates,
        }
    }

    /// Checks what the formulas take for granted; `key` is where this stands in the configuration.
    pub(crate) fn check(&self, key: &str) -> Result<(), PretrainError> {
        let field = |name: &str| format!("{key}.{name}");
        positive(&field("peak"), self.peak())?;
        let below_peak = |name: &str, rate: f64| {
            finite_not_negative(&field(name), rate)?;
            if rate > self.peak() {
                let message = format!("{rate} is above the peak {}", self.peak());
                return Err(PretrainError::plan(field(name), message));
            }
            Ok(())
        };
        let ends = |total: u64| {
            if self.warmup_updates() < total {
                return Ok(());
            }
            let message = format!("a warm-up of {} updates leaves none of {total}", self.warmup_updates());
            Err(PretrainError::plan(field("warmup_updates"), message))
        };
        match self {
            Self::Cosine(cosine) => {
                ends(cosine.total_updates)?;
                below_peak("min", cosine.min)?;
                below_peak("warmup_init", cosine.warmup_init)?;
                positive(&field("shrink"), cosine.shrink)?;
                at_least(&field("period_updates"), cosine.period_updates.unwrap_or(1), 1)?;
                // Periods that shrink have a last moment; beyond it the formula takes the logarithm of a negative number.
                if !(cosine.period_factor >= 1.0 && cosine.period_factor.is_finite()) {
                    let message = format!("{} is below 1: periods would end", cosine.period_factor);
                    return Err(PretrainError::plan(field("period_factor"), message));
                }
                Ok(())
            }
            Self::Polynomial(polynomial) => {
                ends(polynomial.total_updates)?;
                below_peak("min", polynomial.min)?;
                positive(&field("power"), polynomial.power)
            }
            Self::Constant(_) => Ok(()),
        }
    }

    /// Highest rate.
    pub fn peak(&self) -> f64 {
        match self {
            Self::Cosine(cosine) => cosine.peak,
            Self::Polynomial(polynomial) => polynomial.peak,
            Self::Constant(constant) => constant.peak,
        }
    }

    /// Lowest rate the schedule is meant to reach: where a stage goes on that is not warmed up again.
    pub fn floor(&self) -> f64 {
        match self {
            Self::Cosine(cosine) => cosine.min,
            Self::Polynomial(polynomial) => polynomial.min,
            Self::Constant(constant) => constant.peak,
        }
    }
}

impl Cosine {
    fn rate(&self, completed: u64) -> f64 {
        if completed < self.warmup_updates {
            let step = (self.peak - self.warmup_init) / self.warmup_updates as f64;
            return self.warmup_init + completed as f64 * step;
        }
        let since = (completed - self.warmup_updates) as f64;
        let first = self.period_updates.unwrap_or(self.total_updates - self.warmup_updates) as f64;
        let factor = self.period_factor;
        // A factor of 1 is meant exactly: it comes from a file, not from arithmetic.
        let (number, start, length) = if (factor - 1.0).abs() < f64::EPSILON {
            let number = (since / first).floor();
            (number, number * first, first)
        } else {
            let number = ((1.0 - since / first * (1.0 - factor)).ln() / factor.ln()).floor();
            let grown = factor.powf(number);
            (number, (1.0 - grown) / (1.0 - factor) * first, grown * first)
        };
        let shrink = self.shrink.powf(number);
        let (min, peak) = (self.min * shrink, self.peak * shrink);
        min + 0.5 * (peak - min) * (1.0 + (PI * (since - start) / length).cos())
    }
}

impl Polynomial {
    fn rate(&self, completed: u64) -> f64 {
        if self.warmup_updates > 0 && completed <= self.warmup_updates {
            return completed as f64 / self.warmup_updates as f64 * self.peak;
        }
        if completed >= self.total_updates {
            return self.min;
        }
        let gone = (completed - self.warmup_updates) as f64;
        let left = 1.0 - gone / (self.total_updates - self.warmup_updates) as f64;
        (self.peak - self.min) * left.powf(self.power) + self.min
    }
}

impl Constant {
    fn rate(&self, completed: u64) -> f64 {
        if completed < self.warmup_updates {
            return (completed + 1) as f64 / self.warmup_updates as f64 * self.peak;
        }
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formulas are the original's, in the same float64: only the last digits of `cos` and `pow` may differ.
    const TOLERANCE: f64 = 1e-12;

    fn schedule(case: &serde_json::Value) -> Schedule {
        let number = |key: &str, absent: f64| case.get(key).map_or(absent, |value| value.as_f64().unwrap());
        let count = |key: &str| number(key, 0.0) as u64;
        let warmup_updates = count("warmup_updates");
        match case["kind"].as_str().unwrap() {
            "cosine" => Schedule::Cosine(Cosine {
                peak: number("lr", f64::NAN),
                min: number("min_lr", 0.0),
                warmup_updates,
                warmup_init: Some(number("warmup_init_lr", -1.0))
                    .filter(|&init| init >= 0.0)
                    .unwrap_or(number("min_lr", 0.0)),
                total_updates: count("max_update"),
                period_updates: Some(number("lr_period_updates", -1.0))
                    .filter(|&period| period > 0.0)
                    .map(|period| period as u64),
                period_factor: number("t_mult", 1.0),
                shrink: number("lr_shrink", 0.1),
            }),
            "polynomial_decay" => Schedule::Polynomial(Polynomial {
                peak: number("lr", f64::NAN),
                min: number("end_learning_rate", 0.0),
                warmup_updates,
                total_updates: count("total_num_update"),
                power: number("power", 1.0),
            }),
            "fixed" => Schedule::Constant(Constant { peak: number("lr", f64::NAN), warmup_updates }),
            other => panic!("a schedule of kind `{other}` is not known"),
        }
    }

    #[test]
    fn golden_rates_match_the_recorded_ones() {
        for folder in golden::cases("mert", "lr.json") {
            let cases = golden::json(&folder.join("lr.json"));
            for case in cases["schedules"].as_array().unwrap() {
                let ours = schedule(case);
                let mut worst = 0.0;
                for (completed, rate) in case["lr_after_num_updates"].as_object().unwrap() {
                    let (completed, rate) = (completed.parse().unwrap(), rate.as_f64().unwrap());
                    // Where the recorded rate is zero, ours must be zero.
                    let error = (ours.rate(completed) - rate).abs() / rate.max(f64::MIN_POSITIVE);
                    worst = golden::nan_is_worst(worst, error);
                }
                golden::within(&format!("lr_schedule, {}, relative", case["tag"]), worst, TOLERANCE);
            }
        }
    }

    #[test]
    fn constant_warms_up_to_its_rate_and_stays() {
        let schedule = Schedule::Constant(Constant { peak: 8.0, warmup_updates: 4 });
        let rates: Vec<f64> = (0..6).map(|n| schedule.rate(n)).collect();
        assert_eq!(rates, [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]);
    }

    #[test]
    fn periods_grow_by_the_factor_and_peaks_shrink() {
        let schedule = Schedule::Cosine(Cosine {
            peak: 1.0,
            min: 0.0,
            warmup_updates: 3,
            warmup_init: 0.0,
            total_updates: 1000,
            period_updates: Some(8),
            period_factor: 2.0,
            shrink: 0.5,
        });
        // Periods of 8, 16 and 32 updates start after 3, 11 and 27.
        for (start, peak) in [(3, 1.0), (11, 0.5), (27, 0.25)] {
            assert!((schedule.rate(start) - peak).abs() < 1e-12, "{}", schedule.rate(start));
        }
        assert!((schedule.rate(7) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_polynomial_without_warm_up_starts_at_its_peak() {
        let schedule = Schedule::Polynomial(Polynomial {
            peak: 2.0,
            min: 1.0,
            warmup_updates: 0,
            total_updates: 4,
            power: 2.0,
        });
        let rates: Vec<f64> = (0..6).map(|n| schedule.rate(n)).collect();
        assert_eq!(rates, [2.0, 1.5625, 1.25, 1.0625, 1.0, 1.0]);
    }
}

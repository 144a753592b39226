//! Dynamic loss scale of half-precision training: the loss is multiplied by it, gradients are divided by it before the step.
//!
//! After a good step the scale doubles when `(iteration - last overflow) % window == 0`. An overflow halves it when the share of overflows
//! since the last change reaches `tolerance`; a halved scale is raised to `threshold`. The update of an overflow is skipped and not counted.
//! At or below `minimum` training stops, with the scale as it was. Iterations count skipped updates too.
//! Source: fairseq's dynamic loss scaler (`reference/mert.md` section 7). Pure.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// Growth and shrinkage in one change.
const FACTOR: f64 = 2.0;

/// How a loss scale starts and moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScalerSettings {
    /// Scale of the first update.
    pub initial: f64,
    /// Good updates in a row after which the scale doubles; by default `2^14 / accumulation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<NonZeroU64>,
    /// Share of overflows since the last change that is let pass without halving.
    pub tolerance: f64,
    /// A halved scale does not go below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Training stops when the scale gets this small.
    pub minimum: f64,
}

impl Default for ScalerSettings {
    fn default() -> Self {
        Self { initial: 128.0, window: None, tolerance: 0.0, threshold: None, minimum: 1e-4 }
    }
}

/// What to do with an update, given its gradient norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take the step.
    Step,
    /// The gradient overflowed: leave the weights, read the next crops.
    Skip,
    /// The scale cannot shrink further: the loss itself is not finite.
    Stop,
}

/// The scale and what it remembers; saved with every checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScaler {
    settings: ScalerSettings,
    window: NonZeroU64,
    scale: f64,
    iteration: i64,
    last_overflow: i64,
    last_change: i64,
    overflows_since_change: u64,
}

impl LossScaler {
    /// A new scale; `accumulation` micro-batches make an update.
    pub fn new(settings: ScalerSettings, accumulation: u64) -> Self {
        let by_accumulation = NonZeroU64::new((1 << 14) / accumulation.max(1)).unwrap_or(NonZeroU64::MIN);
        let window = settings.window.unwrap_or(by_accumulation);
        Self {
            settings,
            window,
            scale: settings.initial,
            iteration: 0,
            last_overflow: -1,
            last_change: -1,
            overflows_since_change: 0,
        }
    }

    /// What the loss is to be multiplied by.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Judges an update by the norm of its unscaled gradient, and moves the scale.
    pub fn judge(&mut self, gradient_norm: f64) -> Verdict {
        if gradient_norm.is_finite() { self.good() } else { self.overflow() }
    }

    fn good(&mut self) -> Verdict {
        if (self.iteration - self.last_overflow) % self.window.get() as i64 == 0 {
            self.scale *= FACTOR;
            self.last_change = self.iteration;
        }
        self.iteration += 1;
        Verdict::Step
    }

    fn overflow(&mut self) -> Verdict {
        let before = self.scale;
        self.last_overflow = self.iteration;
        self.overflows_since_change += 1;
        let iterations = (self.iteration - self.last_change) as f64;
        if self.overflows_since_change as f64 / iterations >= self.settings.tolerance {
            self.scale = (self.scale / FACTOR).max(self.settings.threshold.unwrap_or(0.0));
            self.last_change = self.iteration;
            self.overflows_since_change = 0;
        }
        if self.scale <= self.settings.minimum {
            self.scale = before;
            return Verdict::Stop;
        }
        self.iteration += 1;
        Verdict::Skip
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn settings(config: &Value) -> ScalerSettings {
        ScalerSettings {
            initial: config["init_scale"].as_f64().unwrap(),
            window: config["scale_window"].as_u64().and_then(NonZeroU64::new),
            tolerance: config["tolerance"].as_f64().unwrap(),
            threshold: config["threshold"].as_f64(),
            minimum: config["min_loss_scale"].as_f64().unwrap(),
        }
    }

    /// Follows one recorded trace; returns how many events were compared.
    fn follow(config: &Value, trace: &[Value]) -> usize {
        let mut scaler = LossScaler::new(settings(config), 1);
        let mut events = 0;
        for event in trace {
            assert_eq!(scaler.scale(), event["scale_used"].as_f64().unwrap(), "event {events} of {config}");
            if let Some(n) = event["repeat_ok"].as_u64() {
                let mut scales = Vec::new();
                for _ in 0..n {
                    assert_eq!(scaler.judge(1.0), Verdict::Step);
                    scales.push(scaler.scale());
                    events += 1;
                }
                let recorded: Vec<f64> = event["scale_after_each"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|s| s.as_f64().unwrap())
                    .collect();
                // Some traces hold a scale for each step, others only its changes.
                if recorded.len() != scales.len() {
                    scales.dedup();
                }
                assert_eq!(scales, recorded, "event {events} of {config}");
                continue;
            }
            let norm = match event["event"].as_str().unwrap() {
                "ok" => 1.0,
                "inf" => f64::INFINITY,
                "nan" => f64::NAN,
                other => panic!("an event `{other}` is not known"),
            };
            let verdict = match event["result"].as_str().unwrap() {
                "step" => Verdict::Step,
                "skip" => Verdict::Skip,
                "stop" => Verdict::Stop,
                other => panic!("a result `{other}` is not known"),
            };
            assert_eq!(scaler.judge(norm), verdict, "event {events} of {config}");
            assert_eq!(scaler.scale(), event["scale_after"].as_f64().unwrap(), "event {events} of {config}");
            events += 1;
        }
        events
    }

    #[test]
    fn golden_scales_match_the_recorded_traces() {
        for folder in golden::cases("mert", "trace.json") {
            let recorded = golden::json(&folder.join("trace.json"));
            // Another kind of trace lies beside this one; it is the update loop's.
            let Some(cases) = recorded["cases"].as_array() else { continue };
            for case in cases {
                let events = follow(&case["config"], case["trace"].as_array().unwrap());
                golden::within(&format!("loss_scaler, {events} events, {}", case["config"]), 0.0, 0.0);
            }
        }
    }

    #[test]
    fn the_window_shrinks_with_accumulation() {
        assert_eq!(LossScaler::new(ScalerSettings::default(), 8).window.get(), 2048);
        assert_eq!(LossScaler::new(ScalerSettings::default(), 1 << 20).window.get(), 1);
    }

    #[test]
    fn what_is_saved_goes_on_as_if_nothing_happened() {
        let mut whole =
            LossScaler::new(ScalerSettings { window: NonZeroU64::new(3), ..ScalerSettings::default() }, 1);
        for norm in [1.0, 1.0, f64::NAN, 1.0] {
            whole.judge(norm);
        }
        let mut resumed: LossScaler = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
        for norm in [1.0, 1.0, f64::INFINITY, 1.0] {
            assert_eq!(whole.judge(norm), resumed.judge(norm));
            assert_eq!(whole, resumed);
        }
    }
}

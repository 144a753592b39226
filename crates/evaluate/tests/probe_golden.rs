//! The probe against torch and MARBLE's rules (`golden/probe`).

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::Path;

use culturemert_evaluate as evaluate;
use evaluate::{
    Adam, AdamSettings, EarlyStopping, Mix, Network, Plateau, Rows, Shape, Targets, side_by_side_clips,
};
use golden::{Tensors, cf_uniforms, max_abs_diff, nan_is_worst, within};
use serde_json::Value;

/// Stated in the README of the cases for `grad_step0`.
const GRADIENT_TOLERANCE: f64 = 1e-6;

fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A recorded training run.
struct Run {
    name: String,
    meta: Value,
    tensors: Tensors,
    shape: Shape,
}

impl Run {
    fn open(case: &Path) -> Self {
        let meta = golden::json(&case.join("meta.json"));
        let mix = match meta["aggregation"].as_str().unwrap() {
            "softmax" => Mix::Softmax,
            "conv1d" => Mix::Conv,
            "concat" => Mix::Concat,
            "none" => Mix::Single,
            other => panic!("unknown aggregation `{other}`"),
        };
        let shape = Shape {
            mix,
            layers: size(&meta["layers"]),
            width: size(&meta["dim"]),
            hidden: size(&meta["hidden"]),
            outputs: size(&meta["outputs"]),
        };
        let tensors = Tensors::open(&case.join("io.safetensors"));
        Self { name: case.file_name().unwrap().to_string_lossy().into_owned(), meta, tensors, shape }
    }

    /// A tensor that is stored or given in closed form.
    fn given(&self, name: &str, n: usize, scale: f32) -> Vec<f32> {
        match self.meta["closed_form_salt"].as_str() {
            Some(salt) if !self.tensors.has(name) => {
                cf_uniforms(&format!("{salt}{name}"), n).into_iter().map(|u| u * scale).collect()
            }
            _ => self.tensors.f32(name),
        }
    }

    fn features(&self) -> Vec<f32> {
        self.given("features", size(&self.meta["examples"]) * self.shape.layers * self.shape.width, 1.0)
    }

    fn initial(&self) -> Vec<f32> {
        let fan_in = |name: &str| match name {
            "hidden_weight" | "hidden_bias" => self.shape.width,
            "output_weight" | "output_bias" => self.shape.hidden,
            _ => 1,
        };
        let exponent = |fan_in: usize| (0..31).find(|&e| 3 * 4usize.pow(e) >= fan_in).unwrap();
        let tensor = |place: &evaluate::TensorPlace| {
            let e = if place.name == "aggregator" { 0 } else { exponent(fan_in(place.name)) };
            self.given(
                &format!("init.{}", place.name),
                place.range.len(),
                0.5f32.powi(i32::try_from(e).unwrap()),
            )
        };
        self.shape.tensors().iter().flat_map(tensor).collect()
    }

    fn tolerance(&self, name: &str) -> f64 {
        self.meta["tolerances"][name].as_f64().unwrap()
    }

    /// Largest difference between the stored tensors called `prefix.…` and our flat list.
    fn worst(&self, prefix: &str, ours: &[f32]) -> f64 {
        let mut compared = 0;
        let mut worst = 0.0;
        for place in self.shape.tensors() {
            let name = format!("{prefix}.{}", place.name);
            if self.tensors.has(&name) {
                assert_eq!(self.tensors.shape(&name), place.dims, "{}: {name}", self.name);
                worst = nan_is_worst(worst, max_abs_diff(&ours[place.range], &self.tensors.f32(&name)));
                compared += 1;
            }
        }
        assert!(compared > 2, "{}: too few tensors called `{prefix}.…`", self.name);
        worst
    }
}

#[test]
fn golden_training() {
    for case in golden::cases("probe", "meta.json") {
        let run = Run::open(&case);
        let name = &run.name;
        let features = run.features();
        let row_len = run.shape.layers * run.shape.width;
        let rows = Rows::new(&features, row_len, 0, row_len).unwrap();
        let tags = run.tensors.f32("targets");
        let classes: Vec<usize> = tags.iter().map(|&class| class as usize).collect();
        let targets = if run.tensors.shape("targets").len() == 1 {
            Targets::Classes(&classes)
        } else {
            Targets::Tags(&tags)
        };

        let mut network = Network::new(run.shape, run.initial()).unwrap();
        let optimizer = &run.meta["optimizer"];
        let number = |value: &Value| value.as_f64().unwrap();
        let settings = AdamSettings {
            beta_1: number(&optimizer["betas"][0]),
            beta_2: number(&optimizer["betas"][1]),
            epsilon: number(&optimizer["eps"]),
            weight_decay: number(&optimizer["weight_decay_l2"]),
        };
        let mut adam = Adam::new(run.shape.n_parameters(), settings);
        let order: Vec<usize> =
            run.tensors.i64("batch_order").into_iter().map(|i| usize::try_from(i).unwrap()).collect();
        let losses = run.tensors.f64("losses_f64");
        let mut worst_loss = 0.0;
        for (step, batch) in order.chunks(run.tensors.shape("batch_order")[1]).enumerate() {
            let loss = network.loss_and_gradient(&rows, targets, batch, None);
            worst_loss = nan_is_worst(worst_loss, (loss - losses[step]).abs());
            if step == 0 {
                let error = run.worst("grad_step0", network.gradient());
                within(&format!("probe/{name} gradient"), error, GRADIENT_TOLERANCE);
            }
            let (parameters, gradient) = network.update();
            adam.step(parameters, gradient, number(&optimizer["lr"]));
        }
        within(&format!("probe/{name} losses"), worst_loss, run.tolerance("loss_abs"));
        let error = run.worst("final", network.parameters());
        within(&format!("probe/{name} weights"), error, run.tolerance("weights_abs"));
        let recorded = run.tensors.f32("final_logits_first16");
        let error = max_abs_diff(&network.logits(&rows)[..recorded.len()], &recorded);
        within(&format!("probe/{name} logits"), error, run.tolerance("logits_abs"));
    }
}

fn rows(case: &str) -> Vec<Value> {
    let Some(folder) = golden::folder("probe") else { return Vec::new() };
    golden::json(&folder.join(case).join("rows.json"))["rows"].as_array().unwrap().clone()
}

#[test]
fn golden_plateau_and_early_stopping() {
    for row in rows("plateau-and-early-stopping") {
        let numbers = |name: &str| -> Vec<f64> { serde_json::from_value(row[name].clone()).unwrap() };
        let (metrics, rates) = (numbers("metric_per_epoch"), numbers("lr_after_epoch"));
        // The first epoch is always an improvement, so its rate is the starting rate.
        let mut plateau = Plateau::new(rates[0], 0.5, 3);
        let mut stopping = EarlyStopping::new(10);
        let (mut best, mut stopped) = (0, None);
        let mut worst: f64 = 0.0;
        for (epoch, (&metric, rate)) in metrics.iter().zip(rates).enumerate() {
            plateau.observe(metric);
            worst = nan_is_worst(worst, (plateau.rate() - rate).abs());
            let verdict = stopping.observe(metric);
            if verdict.is_best {
                best = epoch;
            }
            if verdict.stop && stopped.is_none() {
                stopped = Some(epoch as u64);
            }
        }
        within("probe/plateau-and-early-stopping rates", worst, 1e-15);
        assert_eq!(stopped, row["early_stop_epoch_patience_10"].as_u64());
        assert_eq!(Some(best as u64), row["best_epoch"].as_u64());
    }
}

#[test]
fn golden_windows_of_marble_2025() {
    for row in rows("windows-v2") {
        let rate = u32::try_from(row["sample_rate"].as_u64().unwrap()).unwrap();
        let seconds = row["clip_seconds"].as_f64().unwrap();
        let least = row["min_clip_ratio"].as_f64().unwrap();
        let windows = side_by_side_clips(size(&row["num_samples"]), rate, seconds, least);
        let starts: Vec<usize> = windows.iter().map(|window| window.start).collect();
        let lens: Vec<usize> = windows.iter().map(|window| window.len).collect();
        assert_eq!(row["clips"].as_u64(), Some(windows.len() as u64), "{row}");
        assert_eq!(row["starts"], serde_json::to_value(starts).unwrap(), "{row}");
        assert_eq!(row["valid_lengths"], serde_json::to_value(lens).unwrap(), "{row}");
    }
}

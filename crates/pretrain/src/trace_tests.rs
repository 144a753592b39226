//! Twenty updates of the original trainer in two stages, repeated: rates, losses and their parts, frames found, norms of every tensor, clip
//! factors, weights and moments.

use burn::tensor::Device;
use golden::Tensors;
use mert::mixture::{Segment, apply};
use mert::{
    Batch, EncoderConfig, Geometry, HeadsConfig, Input, LossParts, Mert, Objective, parameters, silent,
};
use serde_json::Value;
use weights::{FrontEndNorm, fairseq_name, hf_config};

use crate::schedule::{Cosine, Schedule};
use crate::trained::Trained;
use crate::values::Home;
use crate::{Adam, Clip, ClipRule, DecayOn, EpsPlacement, OptimizerState, StagePlan, preset};

/// The recorded name of one of our parameters.
fn recorded(ours: &str) -> String {
    fairseq_name(ours, FrontEndNorm::Group).unwrap_or_else(|| ours.to_owned())
}

fn stage(number: usize, recorded_stage: &Value, optimizer: &Value, names: &[String]) -> StagePlan {
    let number_of = |value: &Value| value.as_f64().unwrap();
    let trainable: Vec<&str> =
        recorded_stage["trainable"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    StagePlan {
        name: format!("stage {number}"),
        trainable: names
            .iter()
            .filter(|name| trainable.contains(&recorded(name).as_str()))
            .cloned()
            .collect(),
        frozen: Vec::new(),
        updates: recorded_stage["max_update"].as_u64().unwrap(),
        schedule: Schedule::Cosine(Cosine {
            peak: number_of(&recorded_stage["lr"]),
            min: number_of(&recorded_stage["min_lr"]),
            warmup_updates: recorded_stage["warmup_updates"].as_u64().unwrap(),
            warmup_init: number_of(&recorded_stage["warmup_init_lr"]),
            total_updates: recorded_stage["max_update"].as_u64().unwrap(),
            period_updates: None,
            period_factor: 1.0,
            shrink: 0.1,
        }),
        adam: Adam {
            betas: [0, 1].map(|index| number_of(&recorded_stage["betas"][index])),
            eps: number_of(&optimizer["eps"]),
            eps_placement: EpsPlacement::Fairseq,
            weight_decay: number_of(&optimizer["weight_decay"]),
            decay_on: DecayOn::All,
        },
        clip_norm: number_of(&optimizer["clip_norm"]),
        ..preset("pocket").unwrap().plan().unwrap().stages[0].clone()
    }
}

fn segments(mixture: &Value) -> Vec<Vec<Segment>> {
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let of_clip = |clip: &Value| {
        clip["segments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|segment| Segment {
                pool_start: number(&segment["pool_start"]),
                duration: number(&segment["duration"]),
                position: number(&segment["position"]),
                gain: segment["gain"].as_f64().unwrap() as f32,
            })
            .collect()
    };
    mixture.as_array().unwrap().iter().map(of_clip).collect()
}

/// Everything recorded of the micro-batches.
struct Inputs {
    source: Vec<f32>,
    target: Vec<u32>,
    mask: Vec<bool>,
    cqt: Vec<f32>,
    n_samples: usize,
    n_micro_batches: usize,
}

impl Inputs {
    fn open(case: &std::path::Path) -> Self {
        let inputs = Tensors::open(&case.join("inputs.safetensors"));
        let shape = inputs.shape("source_i16");
        Self {
            source: inputs.f32("source_i16").into_iter().map(|sample| sample / 32_768.0).collect(),
            target: inputs.i64("target").into_iter().map(|class| class as u32).collect(),
            mask: inputs.i64("mask_indices").into_iter().map(|masked| masked != 0).collect(),
            cqt: Tensors::open(&case.join("cqt_targets.safetensors")).f32("cqt_target_full"),
            n_samples: shape[2],
            n_micro_batches: shape[0],
        }
    }

    /// The part of a list that belongs to one micro-batch.
    fn part<'a, T>(&self, values: &'a [T], micro_batch: usize) -> &'a [T] {
        let size = values.len() / self.n_micro_batches;
        &values[micro_batch * size..][..size]
    }
}

#[test]
fn golden_train_trace() {
    follows_the_trace(&|| Home::Host);
}

/// By the path of cards: weights, moments and sums of gradients as tensors of the engine.
#[test]
fn golden_train_trace_with_all_state_on_the_device() {
    follows_the_trace(&|| Home::Device(Device::flex()));
}

fn follows_the_trace(home: &dyn Fn() -> Home) {
    for case in golden::cases("mert", "trace.json") {
        if !case.join("weights_0.safetensors").is_file() {
            continue;
        }
        let config = golden::json(&case.join("config.json"));
        let trace = golden::json(&case.join("trace.json"));
        let bounds = golden::json(&case.join("tolerances.json"))["suggested"].clone();
        let inputs = Inputs::open(&case);
        let start = Tensors::open(&case.join("weights_0.safetensors"));
        let encoder = EncoderConfig::from_json(&hf_config(&config["model"], "trace").unwrap()).unwrap();
        let heads = HeadsConfig {
            n_codebooks: config["codebooks"].as_u64().unwrap() as usize,
            n_classes: config["codebook_size"].as_u64().unwrap() as usize + 4,
            label_offset: 4,
            final_dim: config["model"]["final_dim"].as_u64().unwrap() as usize,
            tied_projection: false,
            target_glu: false,
            cqt_bins: Some(config["model"]["audio_cqt_bins"].as_u64().unwrap() as usize),
        };
        let device = Device::flex().autodiff();
        let mut model =
            parameters::load(Mert::blank(&encoder, Some(&heads), &device).unwrap(), &mut |name| {
                let name = recorded(name);
                start.has(&name).then(|| (start.shape(&name), start.f32(&name)))
            })
            .unwrap();
        let names: Vec<String> = parameters::list(&model).into_iter().map(|one| one.name).collect();
        let stages: Vec<StagePlan> = config["stages"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(number, stage_of)| stage(number + 1, stage_of, &config["optimizer"], &names))
            .collect();
        let accumulation = config["accumulation"].as_u64().unwrap() as usize;
        let n_clips = config["clips_per_micro_batch"].as_u64().unwrap() as usize;
        let columns = inputs.target.len() / inputs.n_micro_batches / n_clips / heads.n_codebooks;
        let geometry =
            Geometry::new(&encoder, inputs.n_samples, &vec![inputs.n_samples; n_clips], columns).unwrap();

        let mut trained = Trained::at(home(), &model);
        let mut sum = trained.gradient_sum();
        let mut worst = Worst::default();
        let mut begun = 0;
        let mut within = 0;
        for (index, update) in trace["updates"].as_array().unwrap().iter().enumerate() {
            let number = update["stage"].as_u64().unwrap() as usize;
            let stage = &stages[number - 1];
            if number != begun {
                trained.begin_stage(stage, OptimizerState::Fresh).unwrap();
                model = trained.freeze(model);
                sum = trained.gradient_sum();
                (begun, within) = (number, 0);
            }
            sum.clear();
            let (mut total, mut present) = (0.0, Vec::new());
            for micro_batch in 0..accumulation {
                let at = index * accumulation + micro_batch;
                let mixture = segments(&update["micro_batches"][micro_batch]["mixture"]);
                let waveform = apply(inputs.part(&inputs.source, at), &mixture);
                let batch = Batch {
                    waveform: Input::Host(&waveform),
                    labels: inputs.part(&inputs.target, at),
                    cqt: Some(Input::Host(inputs.part(&inputs.cqt, at))),
                    mask: inputs.part(&inputs.mask, at),
                    geometry: &geometry,
                };
                let parts = model.loss(&batch, &Objective::default(), None, &mut silent).unwrap();
                let stated = &update["micro_batches"][micro_batch];
                worst.check_parts(&parts, stated);
                worst.check_mixture(&waveform, stated);
                total += parts.value;
                present = trained.add_gradients(&model, parts.total.backward(), &mut sum, parts.n_frames);
            }
            let measured = sum.norm(sum.scale()).unwrap();
            let norm = measured.global;
            let trained_names = names.iter().filter(|name| stage.trainable.contains(name));
            worst.check_tensors(trained_names, &measured.of_tensors, &update["grad_l2_before_clip"]);
            let factor = Clip { max_norm: stage.clip_norm, rule: ClipRule::Float32 }.factor(norm);
            let rate = stage.schedule.rate(within);
            trained.step(&stage.adam, &sum, &present, rate, sum.scale() * factor);
            model = trained.write_to(model);
            within += 1;

            assert_eq!(Some(sum.frames() as u64), update["sample_size"].as_u64(), "update {}", index + 1);
            let relative = |ours: f64, key: &str| (ours / update[key].as_f64().unwrap() - 1.0).abs();
            worst.rates = golden::nan_is_worst(worst.rates, relative(rate, "lr"));
            worst.losses =
                golden::nan_is_worst(worst.losses, relative(total / sum.frames(), "loss_per_sample"));
            worst.losses = golden::nan_is_worst(worst.losses, relative(total, "loss_sum"));
            worst.norms = golden::nan_is_worst(worst.norms, relative(norm, "grad_norm_before_clip"));
            worst.clips = golden::nan_is_worst(worst.clips, relative(factor, "clip_coef"));
            check_weights(&case, index + 1, &model, &start, &bounds);
            check_moments(&case, index + 1, &trained);
        }
        worst.report(&bounds);
    }
}

/// Largest relative errors over all updates.
#[derive(Default)]
struct Worst {
    rates: f64,
    losses: f64,
    parts: f64,
    norms: f64,
    tensors: f64,
    clips: f64,
    mixtures: f64,
    n_found: usize,
}

impl Worst {
    /// Losses of a micro-batch book by book, weighted penalty and spectrum, and how many frames were found.
    fn check_parts(&mut self, parts: &LossParts, stated: &Value) {
        assert_eq!(Some(parts.n_frames as u64), stated["sample_size"].as_u64());
        let n = parts.n_frames as f64;
        let weights = Objective::default();
        let mut ours = vec![
            ("loss_sum".to_owned(), parts.value),
            ("loss_features_pen".to_owned(), n * weights.features_penalty * parts.features_penalty),
            ("loss_cqt_pred_m".to_owned(), n * weights.cqt * parts.cqt.unwrap()),
        ];
        ours.extend(parts.masked.iter().enumerate().map(|(book, &loss)| (format!("loss_m_{book}"), loss)));
        for (key, ours) in ours {
            let error = (ours / stated[&key].as_f64().unwrap() - 1.0).abs();
            self.parts = golden::nan_is_worst(self.parts, error);
        }
        for (book, &correct) in parts.masked_correct.iter().enumerate() {
            assert_eq!(Some(correct), stated[format!("correct_m_{book}")].as_u64(), "book {book}");
            assert_eq!(
                Some(parts.n_masked as u64),
                stated[format!("count_m_{book}")].as_u64(),
                "book {book}"
            );
            self.n_found += 1;
        }
    }

    fn check_mixture(&mut self, waveform: &[f32], stated: &Value) {
        let stated = stated["mixed_source_l2"].as_array().unwrap();
        for (clip, length) in waveform.chunks(waveform.len() / stated.len()).zip(stated) {
            let ours = clip.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            self.mixtures =
                golden::nan_is_worst(self.mixtures, (ours / length.as_f64().unwrap() - 1.0).abs());
        }
    }

    fn check_tensors<'a>(&mut self, names: impl Iterator<Item = &'a String>, norms: &[f64], stated: &Value) {
        let stated = stated.as_object().unwrap();
        let mut n_compared = 0;
        for (name, &ours) in names.zip(norms) {
            let name = recorded(name);
            let theirs = stated[&name].as_f64().unwrap();
            n_compared += 1;
            // Rounding noise around a zero.
            if !name.ends_with("k_proj.bias") {
                self.tensors = golden::nan_is_worst(self.tensors, (ours / theirs - 1.0).abs());
            }
        }
        assert_eq!((n_compared, norms.len()), (stated.len(), stated.len()), "tensors with a gradient");
    }

    fn report(&self, bounds: &Value) {
        let bound = |key: &str| bounds[key].as_f64().unwrap();
        golden::within("train_trace rates", self.rates, bound("lr_rel"));
        golden::within("train_trace losses", self.losses, bound("loss_per_sample_rel"));
        // Single parts and tensors have no bound of their own; they get what the whole has, times the number of its parts.
        golden::within("train_trace parts of losses", self.parts, 10.0 * bound("loss_per_sample_rel"));
        golden::within("train_trace norms", self.norms, bound("grad_norm_rel"));
        golden::within("train_trace norms of tensors", self.tensors, 10.0 * bound("grad_norm_rel"));
        golden::within("train_trace clip factors", self.clips, bound("grad_norm_rel"));
        golden::within("train_trace length of mixtures", self.mixtures, 1e-6);
        golden::within(&format!("train_trace frames found, {} counts", self.n_found), 0.0, 0.0);
    }
}

/// Compares Adam's moments after `update` updates with the recorded ones, where there are any.
fn check_moments(case: &std::path::Path, update: usize, trained: &Trained) {
    let file = case.join(format!("adam_{update}.safetensors"));
    if !file.is_file() {
        return;
    }
    let theirs = Tensors::open(&file);
    let (mut worst, mut n_compared) = ([0.0f64; 2], 0);
    trained.lend(|_, optimizer| {
        for tensor in optimizer {
            let Some((kind, name)) = tensor.name.split_once('.') else { panic!("`{}`", tensor.name) };
            let (place, prefix) = match kind {
                "first_moment" => (0, "exp_avg."),
                "second_moment" => (1, "exp_avg_sq."),
                _ => continue,
            };
            let expected = theirs.f32(&format!("{prefix}{}", recorded(name)));
            n_compared += 1;
            if name.ends_with("k_proj.bias") {
                continue;
            }
            let square = |pairs: &[f32], from: &[f32]| -> f64 {
                pairs.iter().zip(from).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
            };
            let length = square(&expected, &vec![0.0; expected.len()]);
            let error = (square(tensor.data, &expected) / length).sqrt();
            worst[place] = golden::nan_is_worst(worst[place], error);
        }
    });
    assert_eq!(n_compared, theirs.names().len(), "moments of update {update}");
    golden::within(&format!("train_trace first moments {update}"), worst[0], MOMENTS_REL_L2);
    golden::within(&format!("train_trace second moments {update}"), worst[1], MOMENTS_REL_L2);
}

/// Relative L2 error of a tensor's moments: sums of gradients, with the bound of single tensors' norms. Measured 8e-7.
const MOMENTS_REL_L2: f64 = 1e-4;

/// Compares the weights after `update` updates with the recorded ones, where there are any.
fn check_weights(case: &std::path::Path, update: usize, model: &Mert, start: &Tensors, bounds: &Value) {
    let file = case.join(format!("weights_{update}.safetensors"));
    if !file.is_file() {
        return;
    }
    let theirs = Tensors::open(&file);
    let (mut worst, mut of_change, mut of_key_bias) = (0.0, 0.0, 0.0);
    parameters::export(model, &mut |name, _, values| {
        let name = recorded(name);
        let expected = theirs.f32(&name);
        let error = golden::max_abs_diff(&values, &expected);
        // The gradient of a key bias is zero in exact arithmetic; Adam moves it by rounding noise.
        if name.ends_with("k_proj.bias") {
            of_key_bias = golden::nan_is_worst(of_key_bias, error);
            return;
        }
        worst = golden::nan_is_worst(worst, error);
        let square = |pairs: &[f32], from: &[f32]| -> f64 {
            pairs.iter().zip(from).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
        };
        let moved = square(&expected, &start.f32(&name));
        if moved > 0.0 {
            of_change = golden::nan_is_worst(of_change, (square(&values, &expected) / moved).sqrt());
        }
    });
    let bound = |what: &str| bounds[format!("weights_{update}_{what}")].as_f64().unwrap();
    golden::within(&format!("train_trace weights {update}"), worst, bound("max_abs"));
    golden::within(&format!("train_trace change {update}"), of_change, bound("rel_l2_of_the_change"));
    golden::within(&format!("train_trace key biases {update}"), of_key_bias, bound("k_proj_bias_max_abs"));
}

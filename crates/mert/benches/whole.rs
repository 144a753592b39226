//! Seconds, processor seconds, memory and share of the machine's own product speed of whole passes, one JSON line each.
//!
//! `cargo bench -p culturemert-mert --bench whole -- [embed|train|frozen] [--seconds S] [--clips B] [--precision P] [--repeat N] [--threads N] [--recompute 1]
//! [--device D]`; a card's name wants the feature of its interface, as in `--features culturemert-mert/vulkan`. On a card `product_gflops` is the engine's
//! product of 4096³, and `card_mb` what is taken of the card's memory.
//!
//! `train` is forward and backward of all parameters with dropout and all heads, `frozen` the same with the transformer's parameters fixed;
//! the optimiser is not in it. Weights are those a new model starts with, the wave is noise.

#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

extern crate culturemert_mert as mert;

use std::time::Instant;

use burn::Tensor;
use burn::tensor::{Device, Distribution, FloatDType};
use mert::device::{DeviceChoice, card_memory, is_hardware, is_processor};
use mert::masking::Masking;
use mert::{
    Batch, EncoderConfig, Geometry, HeadsConfig, Input, Mert, Objective, Precision, Regularisation,
    StepDraws, parameters, silent,
};
use simd::matrix::square_product_gflops;

/// User and system seconds of this process, and its peak memory in 1e6 bytes, as Linux counts them.
fn usage() -> (f64, f64, f64) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/self/stat");
    let after_name: Vec<f64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|x| x.parse().ok()).collect();
    // The state letter is no number, so fields 14 and 15 are at 10 and 11 here; 100 ticks a second.
    let ticks = |at: usize| after_name.get(at).copied().unwrap_or(f64::NAN) / 100.0;
    let status = read("/proc/self/status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim_end_matches("kB").trim().parse::<f64>().ok());
    (ticks(10), ticks(11), peak.unwrap_or(f64::NAN) * 1024e-6)
}

fn noise(n: usize) -> Vec<f32> {
    let mut draws = draws::Draws::new(1, "bench", &[]);
    (0..n).map(|_| draws.normal() as f32 * 0.3).collect()
}

struct Settings {
    work: String,
    seconds: f64,
    clips: usize,
    precision: Precision,
    repeat: usize,
    threads: usize,
    recomputes: bool,
    device: Device,
}

impl Settings {
    fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
        let value = |name: &str| {
            arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1)).cloned()
        };
        let number = |name: &str| value(name).and_then(|text| text.parse::<f64>().ok());
        let work =
            arguments.first().filter(|word| !word.starts_with("--")).cloned().unwrap_or("embed".into());
        let embeds = work == "embed";
        Self {
            seconds: number("--seconds").unwrap_or(if embeds { 30.0 } else { 5.0 }),
            clips: number("--clips").map_or(if embeds { 1 } else { 4 }, |n| n as usize),
            precision: value("--precision")
                .map_or(Precision::Float32, |name| name.parse().expect("a precision")),
            repeat: number("--repeat").map_or(3, |n| n as usize),
            threads: number("--threads").map_or(0, |n| n as usize),
            recomputes: number("--recompute").is_some_and(|n| n > 0.0),
            device: value("--device")
                .map_or(DeviceChoice::Cpu, |name| name.parse().expect("a device"))
                .find()
                .expect("a device that is here"),
            work,
        }
    }
}

fn main() {
    let settings = Settings::from_arguments();
    rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .build_global()
        .expect("no pool was built before");
    let config = EncoderConfig::v1_95m();
    let n_samples = (settings.seconds * 24_000.0) as usize;
    let wave = noise(settings.clips * n_samples);
    let forward = settings.clips as f64 * config.forward_gflop(n_samples);
    let (step, gflop): (Box<dyn Fn(u64)>, f64) = if settings.work == "embed" {
        let model = Mert::from_scratch(&config, None, 1, &settings.device).expect("a known shape");
        let model = model.with_precision(settings.precision);
        let clips = settings.clips;
        (Box::new(move |_| drop(model.embed(&wave, clips).expect("long enough"))), forward)
    } else {
        (
            training(&settings, &config, wave),
            if settings.work == "frozen" { 2.3 * forward } else { 3.0 * forward },
        )
    };
    step(0);
    let speed_before = product_gflops(&settings);
    let (user, system, _) = usage();
    let mut seconds: Vec<f64> = (1..=settings.repeat as u64)
        .map(|update| {
            let begun = Instant::now();
            step(update);
            begun.elapsed().as_secs_f64()
        })
        .collect();
    let (user_after, system_after, peak) = usage();
    let speed_after = product_gflops(&settings);
    let card = card_memory(&settings.device).map_or(f64::NAN, |card| card.reserved as f64 * 1e-6);
    let card = if card.is_nan() { "null".to_owned() } else { format!("{card:.0}") };
    seconds.sort_by(f64::total_cmp);
    let n = settings.repeat as f64;
    println!(
        "{{\"work\": \"{}\", \"precision\": \"{}\", \"clips\": {}, \"clip_seconds\": {}, \"median_s\": {:.3}, \"min_s\": {:.3}, \
         \"user_s\": {:.3}, \"system_s\": {:.3}, \"gflop\": {:.1}, \"product_gflops\": [{:.0}, {:.0}], \"peak_mb\": {:.0}, \"card_mb\": {}}}",
        settings.work,
        settings.precision,
        settings.clips,
        settings.seconds,
        seconds[seconds.len() / 2],
        seconds[0],
        (user_after - user) / n,
        (system_after - system) / n,
        gflop,
        speed_before,
        speed_after,
        peak,
        card,
    );
}

/// The speed of a large product alone.
fn product_gflops(settings: &Settings) -> f64 {
    if is_processor(&settings.device) {
        return square_product_gflops(settings.precision);
    }
    // A processor that plays a card would take minutes for more.
    let n = if is_hardware(&settings.device) { 4096 } else { 512 };
    let dtype = match settings.precision {
        Precision::Bfloat16 => FloatDType::BF16,
        Precision::Float16 => FloatDType::F16,
        Precision::Float32 | Precision::Split => FloatDType::F32,
    };
    let square = || Tensor::<2>::random([n, n], Distribution::Normal(0.0, 1.0), &settings.device).cast(dtype);
    let (left, right) = (square(), square());
    let sync = || settings.device.sync().expect("what was asked of the device is computed");
    let times = (0..6).map(|_| {
        sync();
        let begun = Instant::now();
        let product = left.clone().matmul(right.clone());
        sync();
        drop(product);
        begun.elapsed().as_secs_f64()
    });
    // The first tunes and compiles.
    2e-9 * (n as f64).powi(3) / times.skip(1).fold(f64::INFINITY, f64::min)
}

fn training(settings: &Settings, config: &EncoderConfig, wave: Vec<f32>) -> Box<dyn Fn(u64)> {
    let heads = HeadsConfig::v1_95m();
    let device = settings.device.clone().autodiff();
    let model = Mert::from_scratch(config, Some(&heads), 1, &device).expect("a known shape");
    let model = model.with_precision(settings.precision).with_recomputation(settings.recomputes);
    let frozen = settings.work == "frozen";
    let model = parameters::set_trainable(model, &|name| {
        !frozen || !(name.starts_with("encoder.") || name.starts_with("feature_projection."))
    });
    let n_samples = wave.len() / settings.clips;
    let n_frames = config.n_frames(n_samples);
    let columns = n_frames + 1;
    let geometry =
        Geometry::new(config, n_samples, &vec![n_samples; settings.clips], columns).expect("whole clips");
    let mut draws = draws::Draws::new(2, "bench", &[]);
    let n_labels = settings.clips * columns * heads.n_codebooks;
    let labels: Vec<u32> =
        (0..n_labels).map(|_| (draws.uniform() * 1000.0) as u32 + heads.label_offset as u32).collect();
    let cqt = heads.cqt_bins.map(|bins| noise(settings.clips * n_frames * bins));
    let regularisation =
        Regularisation { hidden: 0.1, attention: 0.1, activation: 0.0, input: 0.1, layer: 0.0 };
    Box::new(move |update| {
        let mask = Masking::default().draw(&geometry.n_valid, n_frames, 3, &[update]);
        let batch = Batch {
            waveform: Input::Host(&wave),
            labels: &labels,
            cqt: cqt.as_deref().map(Input::Host),
            mask: &mask,
            geometry: &geometry,
        };
        let draws = StepDraws { seed: 4, position: [0, update, 0], regularisation };
        let parts =
            model.loss(&batch, &Objective::default(), Some(&draws), &mut silent).expect("a whole batch");
        let tape = parts.total.backward();
        parameters::gradients(&model, tape, &mut |_, gradient| drop(gradient));
        device.sync().expect("what was asked of the device is computed");
    })
}

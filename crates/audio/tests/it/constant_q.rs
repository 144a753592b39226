//! The constant-Q transform against recorded numbers and against its definition.

use std::f64::consts::TAU;

use culturemert_audio::cqt::{Cqt, CqtConfig};

fn config(meta: &serde_json::Value) -> CqtConfig {
    let number = |key: &str| meta[key].as_f64().unwrap();
    CqtConfig {
        sample_rate: number("sr") as u32,
        hop: number("hop_length") as usize,
        fmin: number("fmin"),
        n_bins: number("n_bins") as usize,
        bins_per_octave: number("bins_per_octave") as usize,
    }
}

#[test]
fn golden_magnitudes() {
    for folder in golden::cases("cqt", "io.safetensors") {
        let meta = golden::json(&folder.join("meta.json"));
        let io = golden::Tensors::open(&folder.join("io.safetensors"));
        let cqt = Cqt::new(config(&meta));
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for (i, signal) in meta["signals"].as_array().unwrap().iter().enumerate() {
            let input = io.f32(&format!("input.{i}"));
            let shape = io.shape(&format!("cqt.{i}"));
            let theirs = transposed(&io.f32(&format!("cqt.{i}")), shape[0], shape[1]);
            let ours = cqt.transform(&input);
            let what = format!("cqt {name}, {}", signal["description"].as_str().unwrap());
            golden::within(
                &what,
                golden::max_abs_diff(&ours, &theirs),
                meta["tolerance_abs"].as_f64().unwrap(),
            );
            let loudest = loudest_bin(&ours, cqt.n_bins());
            assert_eq!(loudest as u64, signal["argmax_bin"].as_u64().unwrap(), "{what}");
        }
    }
}

#[test]
fn golden_windows() {
    for folder in golden::cases("cqt", "io.safetensors") {
        let config = config(&golden::json(&folder.join("meta.json")));
        let io = golden::Tensors::open(&folder.join("io.safetensors"));
        let lengths = io.i64("kernel.length");
        let frequencies = io.f64("kernel.frequency_f64");
        for bin in 0..config.n_bins {
            assert_eq!(config.length(bin) as i64, lengths[bin]);
            assert!((config.frequency(bin) - frequencies[bin]).abs() < 1e-9 * frequencies[bin]);
        }
    }
}

fn transposed(values: &[f32], n_rows: usize, n_columns: usize) -> Vec<f32> {
    (0..n_columns).flat_map(|c| (0..n_rows).map(move |r| values[r * n_columns + c])).collect()
}

fn loudest_bin(rows: &[f32], n_bins: usize) -> usize {
    let mut sums = vec![0.0f64; n_bins];
    for row in rows.chunks_exact(n_bins) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += f64::from(*x);
        }
    }
    (0..n_bins).max_by(|&a, &b| sums[a].total_cmp(&sums[b])).unwrap()
}

/// The definition, tap by tap.
fn direct(config: &CqtConfig, samples: &[f32], frame: usize, bin: usize) -> f64 {
    let length = config.length(bin) as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for i in 0..length as usize {
        let tau = i as f64 - (length / 2.0).ceil();
        let at = (frame * config.hop) as f64 + tau;
        let inside = at >= 0.0 && at < samples.len() as f64;
        if inside {
            let x = f64::from(samples[at as usize]) * (0.5 - 0.5 * (TAU * i as f64 / length).cos());
            let angle = TAU * config.frequency(bin) * tau / f64::from(config.sample_rate);
            re += x * angle.cos();
            im += x * angle.sin();
        }
    }
    re.hypot(im) * length.sqrt() * 2.0 / length
}

#[test]
fn other_transforms_follow_the_definition() {
    let rate = |n: usize| golden::cf_wave("cqt", n);
    let mert = CqtConfig::mert;
    let configs = [
        mert(84),
        mert(7),
        mert(168),
        CqtConfig { hop: 331, fmin: 55.0, n_bins: 60, ..mert(84) },
        CqtConfig { sample_rate: 16_000, hop: 512, fmin: 110.0, n_bins: 72, bins_per_octave: 12 },
        CqtConfig { fmin: 3000.0, n_bins: 23, ..mert(84) },
    ];
    for config in configs {
        let cqt = Cqt::new(config);
        // Longer than one block: the seams are looked at too.
        let samples = rate(260_001);
        let ours = cqt.transform(&samples);
        let n_frames = samples.len() / config.hop + 1;
        assert_eq!(ours.len(), n_frames * config.n_bins);
        for step in 0..160 {
            let frame = (step * 7919 + step * step) % n_frames;
            let bin = step * 31 % config.n_bins;
            let theirs = direct(&config, &samples, frame, bin);
            let error = (f64::from(ours[frame * config.n_bins + bin]) - theirs).abs();
            assert!(error < 1e-4, "{config:?}: frame {frame}, bin {bin}: {error:.2e} off {theirs}");
        }
    }
}

#[test]
fn every_multiple_of_seven_is_a_transform() {
    for octave in 1..=48 {
        let cqt = CqtConfig::mert(7 * octave);
        cqt.check().unwrap();
        assert_eq!(cqt.bins_per_octave, octave);
    }
    let cqt = Cqt::new(CqtConfig::mert(21));
    assert_eq!(cqt.transform(&[]).len(), 0);
    assert_eq!(cqt.transform(&[1.0]).len(), 21);
    assert_eq!(cqt.transform(&[0.0; 320]).len(), 42);
    assert!(cqt.transform(&[0.0; 320]).iter().all(|x| *x == 0.0));
}

#[test]
fn nonsense_is_refused() {
    let good = CqtConfig::mert(84);
    let bad = [
        CqtConfig { n_bins: 0, ..good },
        CqtConfig { n_bins: 120, ..good },
        CqtConfig { hop: 0, ..good },
        CqtConfig { fmin: 0.0, ..good },
        CqtConfig { fmin: f64::NAN, ..good },
        CqtConfig { fmin: 1e-3, ..good },
        CqtConfig { bins_per_octave: 0, ..good },
        CqtConfig { sample_rate: 0, ..good },
    ];
    for config in bad {
        assert!(Cqt::try_new(config).is_err(), "{config:?}");
    }
}

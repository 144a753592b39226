//! Both filters against recorded numbers, and blocks against the whole.

use std::f64::consts::TAU;

use culturemert_audio::{Resampler, ResamplerStream, resample, resampled_len};
use proptest::prelude::*;

struct Case {
    meta: serde_json::Value,
    io: golden::Tensors,
    rate: u32,
    name: String,
}

fn cases() -> Vec<Case> {
    let open = |folder: std::path::PathBuf| {
        let meta = golden::json(&folder.join("meta.json"));
        let rate = meta["sr_in"].as_u64().unwrap() as u32;
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Case { meta, io: golden::Tensors::open(&folder.join("io.safetensors")), rate, name }
    };
    golden::cases("resample", "io.safetensors").into_iter().map(open).collect()
}

#[test]
fn golden_torchaudio_default() {
    for Case { meta, io, rate, name } in cases() {
        let tolerance = meta["tolerances"]["torchaudio_style_vs_torchaudio_default_abs"].as_f64().unwrap();
        for i in 0..meta["signals"].as_array().unwrap().len() {
            let ours = resample(&io.f32(&format!("input.{i}")), rate, 24_000, Resampler::Torchaudio);
            let error = golden::max_abs_diff(&ours, &io.f32(&format!("torchaudio_default.{i}")));
            golden::within(&format!("resample {name} torchaudio, signal {i}"), error, tolerance);
        }
    }
}

#[test]
fn golden_high_quality() {
    for Case { meta, io, rate, name } in cases() {
        let tolerance = |key: &str| meta["tolerances"][key].as_f64().unwrap();
        for (i, signal) in meta["signals"].as_array().unwrap().iter().enumerate() {
            let input = io.f32(&format!("input.{i}"));
            let ours = resample(&input, rate, 24_000, Resampler::Hq);
            let ideal = io.f32(&format!("ideal.{i}"));
            assert_eq!(ours.len(), ideal.len());
            let what = format!("resample {name} hq, {}", signal["description"].as_str().unwrap());
            if let Some(edge) = signal["ignore_edge_samples"].as_u64() {
                let inner = edge as usize..ours.len() - edge as usize;
                let alias = what.contains("ideal answer 0");
                let key = if alias { "alias_abs" } else { "high_quality_vs_ideal_abs" };
                golden::within(
                    &what,
                    golden::max_abs_diff(&ours[inner.clone()], &ideal[inner]),
                    tolerance(key),
                );
            } else {
                golden::within(
                    &what,
                    passband(&meta, signal, &ours, rate),
                    tolerance("impulse_passband_abs"),
                );
            }
        }
    }
}

/// Largest error of the spectrum of impulses up to the pass band's edge; checks the peaks on the way.
fn passband(meta: &serde_json::Value, signal: &serde_json::Value, ours: &[f32], rate: u32) -> f64 {
    let at: Vec<f64> =
        signal["at_input_samples"].as_array().unwrap().iter().map(|k| k.as_f64().unwrap()).collect();
    for k in &at {
        let expected = k * 24_000.0 / f64::from(rate);
        let near = (expected - 3.0) as usize..(expected + 4.0) as usize;
        let peak = near.max_by(|&a, &b| ours[a].abs().total_cmp(&ours[b].abs())).unwrap();
        assert!((peak as f64 - expected).abs() <= 0.5 + 1e-9, "an impulse is late: {peak} for {expected}");
    }
    let edge = meta["passband_edge_hz"].as_f64().unwrap();
    let mut worst = 0.0;
    for step in 0..=200 {
        let f = edge * f64::from(step) / 200.0;
        let (mut re, mut im) = (0.0, 0.0);
        for (m, &y) in ours.iter().enumerate() {
            let angle = TAU * f * m as f64 / 24_000.0;
            re += f64::from(y) * angle.cos();
            im -= f64::from(y) * angle.sin();
        }
        let scale = 24_000.0 / f64::from(rate);
        for k in &at {
            let angle = TAU * f * k / f64::from(rate);
            re -= scale * angle.cos();
            im += scale * angle.sin();
        }
        worst = golden::nan_is_worst(worst, re.hypot(im));
    }
    worst
}

#[test]
fn golden_lengths() {
    for Case { meta, rate, .. } in cases() {
        for row in meta["lengths"].as_array().unwrap() {
            let (n_in, n_out) = (row["n_in"].as_u64().unwrap(), row["n_out"].as_u64().unwrap());
            assert_eq!(resampled_len(n_in, rate, 24_000), n_out);
            if n_in < 50_000 {
                for resampler in [Resampler::Torchaudio, Resampler::Hq] {
                    let output = resample(&vec![0.25; n_in as usize], rate, 24_000, resampler);
                    assert_eq!(output.len() as u64, n_out, "{rate} Hz, {n_in} samples, {resampler}");
                }
            }
        }
    }
}

#[test]
fn equal_rates_are_the_identity() {
    let input: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
    for resampler in [Resampler::Torchaudio, Resampler::Hq] {
        assert_eq!(resample(&input, 24_000, 24_000, resampler), input);
        assert!(resample(&[], 44_100, 24_000, resampler).is_empty());
    }
}

#[test]
fn names_are_read_and_written() {
    for resampler in [Resampler::Torchaudio, Resampler::Hq] {
        assert_eq!(resampler.to_string().parse::<Resampler>().unwrap(), resampler);
    }
    assert!("soxr".parse::<Resampler>().is_err());
}

#[test]
fn odd_rates_keep_a_tone_in_place() {
    for rate in [8_000, 11_025, 22_255, 24_001, 47_999, 96_000, 192_000] {
        let n = rate as usize / 2;
        let tone = |i: usize, rate: u32| (TAU * 440.0 * i as f64 / f64::from(rate)).sin() as f32 * 0.5;
        let input: Vec<f32> = (0..n).map(|i| tone(i, rate)).collect();
        for (resampler, tolerance) in [(Resampler::Hq, 1e-5), (Resampler::Torchaudio, 2e-3)] {
            let ours = resample(&input, rate, 24_000, resampler);
            let ideal: Vec<f32> = (0..ours.len()).map(|i| tone(i, 24_000)).collect();
            let inner = 2000..ours.len() - 2000;
            let error = golden::max_abs_diff(&ours[inner.clone()], &ideal[inner]);
            assert!(error < tolerance, "{rate} Hz, {resampler}: {error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn blocks_give_what_the_whole_gives(
        rate in prop::sample::select(vec![8_000u32, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 23_999, 96_000]),
        lengths in prop::collection::vec(0usize..5000, 0..12),
        hq in any::<bool>(),
    ) {
        let resampler = if hq { Resampler::Hq } else { Resampler::Torchaudio };
        let n: usize = lengths.iter().sum();
        let input = golden::cf_uniforms("blocks", n);
        let whole = resample(&input, rate, 24_000, resampler);
        prop_assert_eq!(whole.len() as u64, resampled_len(n as u64, rate, 24_000));
        let mut stream = ResamplerStream::new(rate, 24_000, resampler);
        let mut blocks = Vec::new();
        let mut rest = &input[..];
        for length in lengths {
            let (block, after) = rest.split_at(length);
            stream.push(block, &mut blocks);
            rest = after;
        }
        stream.finish(&mut blocks);
        prop_assert_eq!(blocks, whole);
    }
}

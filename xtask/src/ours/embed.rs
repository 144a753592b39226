//! All hidden states of one clip of 30 s, random weights in the shape of MERT-v1-95M.

use burn::tensor::Device;
use mert::{EncoderConfig, Mert, Precision};
use serde_json::json;

use super::{Done, noise, timed};

const SAMPLES: usize = 30 * audio::SAMPLE_RATE as usize;

/// Largest error of a fast mode, relative to float32's hidden states (L2 over all of a state).
const TOLERANCE: f64 = 1e-2;
/// Modes that may be faster than float32.
const FAST: [Precision; 3] = [Precision::Bfloat16, Precision::Float16, Precision::Split];

fn model() -> anyhow::Result<Mert> {
    Ok(Mert::from_scratch(&EncoderConfig::v1_95m(), None, 1, &Device::flex())?)
}

fn gflop() -> f64 {
    EncoderConfig::v1_95m().forward_gflop(SAMPLES)
}

/// In float32.
pub(super) fn float32(repeat: usize) -> anyhow::Result<Done> {
    let model = model()?;
    let wave = noise(SAMPLES, 1, 1.0);
    let (seconds, (states, n_frames)) = timed(repeat, || Ok(model.embed(&wave, 1)?))?;
    let facts = json!({ "states": states.len(), "frames": n_frames, "mode": "float32" });
    Ok(Done { seconds, gflop: Some(gflop()), facts })
}

/// In the fastest mode whose hidden states are within [`TOLERANCE`] of float32's.
pub(super) fn fastest(repeat: usize) -> anyhow::Result<Done> {
    let wave = noise(SAMPLES, 1, 1.0);
    let mut model = model()?;
    let (mut best, (exact, _)) = timed(1, || Ok(model.embed(&wave, 1)?))?;
    let (mut mode, mut error) = (Precision::Float32, 0.0);
    for precision in FAST {
        model = model.with_precision(precision);
        let (seconds, (states, _)) = timed(1, || Ok(model.embed(&wave, 1)?))?;
        let worst = states.iter().zip(&exact).map(|(ours, exact)| relative(ours, exact)).fold(0.0, f64::max);
        if seconds[0] < best[0] && worst <= TOLERANCE {
            (best, mode, error) = (seconds, precision, worst);
        }
    }
    drop(exact);
    let model = model.with_precision(mode);
    let (seconds, (states, n_frames)) = timed(repeat, || Ok(model.embed(&wave, 1)?))?;
    let facts = json!({
        "states": states.len(), "frames": n_frames, "mode": format!("{mode:?}"), "relative_error": error
    });
    Ok(Done { seconds, gflop: Some(gflop()), facts })
}

/// `‖a − b‖ / ‖b‖`.
fn relative(ours: &[f32], exact: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
    let error = squares(&mut ours.iter().zip(exact).map(|(a, b)| f64::from(a - b)));
    (error / squares(&mut exact.iter().map(|&b| f64::from(b)))).sqrt()
}

//! All hidden states of one clip of 30 s, random weights in the shape of MERT-v1-95M.

use std::path::Path;

use burn::tensor::Device;
use mert::{EncoderConfig, Mert, Precision};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Done, noise, timed};

const SAMPLES: usize = 30 * audio::SAMPLE_RATE as usize;

/// Largest error of a fast mode, relative to float32's hidden states (L2 over all of a state).
const TOLERANCE: f64 = 1e-2;
/// Modes that may be faster than float32.
const FAST: [Precision; 3] = [Precision::Bfloat16, Precision::Float16, Precision::Split];

/// File with the mode.
const MODE: &str = "mode.json";

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

/// The mode that [`find_fastest`] found, kept between processes.
#[derive(Serialize, Deserialize)]
struct Fastest {
    mode: String,
    relative_error: f64,
}

/// Looks for the fastest mode whose hidden states are within [`TOLERANCE`] of float32's, and writes its name into `folder`.
pub(super) fn find_fastest(folder: &Path) -> anyhow::Result<()> {
    let wave = noise(SAMPLES, 1, 1.0);
    let mut model = model()?;
    let (mut best, (exact, _)) = timed(1, || Ok(model.embed(&wave, 1)?))?;
    let mut found = Fastest { mode: Precision::Float32.to_string(), relative_error: 0.0 };
    for precision in FAST {
        model = model.with_precision(precision);
        let (seconds, (states, _)) = timed(1, || Ok(model.embed(&wave, 1)?))?;
        let worst = states.iter().zip(&exact).map(|(ours, exact)| relative(ours, exact)).fold(0.0, f64::max);
        if seconds[0] < best[0] && worst <= TOLERANCE {
            best = seconds;
            found = Fastest { mode: precision.to_string(), relative_error: worst };
        }
    }
    files::write_json(&folder.join(MODE), &serde_json::to_string(&found)?)?;
    Ok(())
}

/// In the mode that was found.
pub(super) fn fastest(repeat: usize, folder: &Path) -> anyhow::Result<Done> {
    let found: Fastest = serde_json::from_slice(&std::fs::read(folder.join(MODE))?)?;
    let mode = found.mode.parse::<Precision>().map_err(|error| anyhow::anyhow!("{error}"))?;
    let model = model()?.with_precision(mode);
    let wave = noise(SAMPLES, 1, 1.0);
    let (seconds, (states, n_frames)) = timed(repeat, || Ok(model.embed(&wave, 1)?))?;
    let facts = json!({
        "states": states.len(), "frames": n_frames, "mode": found.mode, "relative_error": found.relative_error
    });
    Ok(Done { seconds, gflop: Some(gflop()), facts })
}

/// `‖a − b‖ / ‖b‖`.
fn relative(ours: &[f32], exact: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
    let error = squares(&mut ours.iter().zip(exact).map(|(a, b)| f64::from(a - b)));
    (error / squares(&mut exact.iter().map(|&b| f64::from(b)))).sqrt()
}

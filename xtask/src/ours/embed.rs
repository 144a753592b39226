//! All hidden states of one clip of 30 s, random weights in the shape of MERT-v1-95M.

use burn::tensor::Device;
use mert::{EncoderConfig, Mert};
use serde_json::json;

use super::{Done, flops, noise, timed};

const SAMPLES: usize = 30 * audio::SAMPLE_RATE as usize;

/// In float32.
pub(super) fn float32(repeat: usize) -> anyhow::Result<Done> {
    let config = EncoderConfig::v1_95m();
    let model = Mert::from_scratch(&config, None, 1, &Device::flex())?;
    let wave = noise(SAMPLES, 1, 1.0);
    let (seconds, (states, n_frames)) = timed(repeat, || Ok(model.embed(&wave, 1)?))?;
    let facts = json!({ "states": states.len(), "frames": n_frames, "dtype": "float32" });
    Ok(Done { seconds, gflop: Some(flops::forward(&config, 1, SAMPLES)), facts })
}

/// in the fastest mode within 1e-2 of float32.
pub(super) fn fastest(repeat: usize) -> anyhow::Result<Done> {
    float32(repeat)
}

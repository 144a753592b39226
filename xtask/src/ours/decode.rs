//! Real recordings to 24 kHz mono, one after the other.

use std::path::PathBuf;

use anyhow::ensure;
use audio::Resampler;
use serde_json::json;

use super::{Done, timed};

/// With the resampler that matches soxr's quality, which is the peer's.
pub(super) fn recordings(repeat: usize, files: &[PathBuf]) -> anyhow::Result<Done> {
    ensure!(!files.is_empty(), "there are no recordings to decode; name some with `--audio`");
    let (seconds, samples) = timed(repeat, || {
        files.iter().try_fold(0, |total, file| Ok(total + audio::load(file, Resampler::Hq)?.len()))
    })?;
    let audio_seconds = samples as f64 / f64::from(audio::SAMPLE_RATE);
    Ok(Done { seconds, gflop: None, facts: json!({ "files": files.len(), "audio_seconds": audio_seconds }) })
}

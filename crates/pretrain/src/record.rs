//! What an update and a measurement leave behind: one struct a line of the log, one field a number, its unit beside it.
//!
//! Losses are per masked frame in nats: sums over frames and codebooks divided by the number of masked frames. A number that is not finite
//! (the norm of a skipped update) is `null` in the log and NaN when read back.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogLine {
    /// An update.
    Update(UpdateRecord),
    /// A measurement on held-out crops of one culture.
    HeldOut(HeldOutRecord),
}

impl LogLine {
    /// Updates completed when the line was written.
    pub fn update(&self) -> u64 {
        match self {
            Self::Update(record) => record.update,
            Self::HeldOut(record) => record.update,
        }
    }
}

/// One update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateRecord {
    /// Updates completed in the run, this one included.
    pub update: u64,
    /// Name of the stage.
    pub stage: String,
    /// Updates completed in the stage, this one included.
    pub stage_update: u64,
    /// Whether the gradient was not finite and no step was taken.
    pub skipped: bool,
    /// Loss and its parts.
    pub loss: Losses,
    /// How often the right codeword was the nearest.
    pub accuracy: Accuracies,
    /// Masked frames over which the losses are means.
    pub masked_frames: u64,
    /// L2 norm of the gradient before clipping.
    #[serde(with = "finite_or_null")]
    pub gradient_norm: f64,
    /// What the gradient was multiplied by to clip it.
    #[serde(with = "finite_or_null")]
    pub clip_factor: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Loss scale of half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<f64>,
    /// Resident memory of the process, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Most of it so far, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<u64>,
    /// Where the time went.
    pub seconds: Timing,
    /// Audio read in a second of wall clock, seconds.
    pub audio_seconds_per_second: f64,
}

/// Loss and its parts, per masked frame, each before its weight but for the total.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The weighted sum that is trained.
    #[serde(with = "finite_or_null")]
    pub total: f64,
    /// Cross-entropy of masked frames, codebook by codebook.
    pub masked_codebooks: Vec<f64>,
    /// Cross-entropy of frames that are seen, codebook by codebook; empty when it has no weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmasked_codebooks: Vec<f64>,
    /// Mean square of the front end's features.
    #[serde(with = "finite_or_null")]
    pub features_penalty: f64,
    /// Squared error of the constant-Q spectrum.
    #[serde(with = "finite_or_null")]
    pub cqt: f64,
}

impl Losses {
    /// Cross-entropy of masked frames, summed over codebooks.
    pub fn masked(&self) -> f64 {
        self.masked_codebooks.iter().sum()
    }
}

/// Shares of frames whose nearest codeword is the right one, mean over codebooks unless said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracies {
    /// Of masked frames.
    #[serde(with = "finite_or_null")]
    pub masked: f64,
    /// Of frames that are seen, where they are predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmasked: Option<f64>,
    /// Of masked frames, codebook by codebook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked_codebooks: Vec<f64>,
}

/// Seconds of wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Waiting for crops and their targets.
    pub loading: f64,
    /// Forward, backward and step.
    pub computing: f64,
    /// From the end of the update before to the end of this one.
    pub total: f64,
}

/// A measurement on held-out crops of one culture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOutRecord {
    /// Updates completed in the run.
    pub update: u64,
    /// Name of the stage that was running, or is about to.
    pub stage: String,
    /// The culture.
    pub culture: String,
    /// Crops.
    pub crops: usize,
    /// Loss and its parts, without dropout and mixture.
    pub loss: Losses,
    /// Accuracies.
    pub accuracy: Accuracies,
    /// Seconds it took.
    pub seconds: f64,
}

/// JSON has no NaN and no infinity.
mod finite_or_null {
    use super::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }
}

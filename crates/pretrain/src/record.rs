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
    /// The last regular checkpoint was restored after a spike of the loss.
    RolledBack(RolledBackRecord),
    /// The run went on although something it is a function of had changed.
    Drift(DriftRecord),
}

impl LogLine {
    /// Updates completed when the line was written.
    pub fn update(&self) -> u64 {
        match self {
            Self::Update(record) => record.update,
            Self::HeldOut(record) => record.update,
            Self::RolledBack(record) => record.update,
            Self::Drift(record) => record.update,
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
    /// Whether no step was taken: loss or gradient were not finite, or the loss was a spike that is not stepped over.
    pub skipped: bool,
    /// Whether the loss was a spike.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spike: bool,
    /// What was heard by an update that was not healthy: the micro-batches whose loss was not finite, or else all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crops: Vec<CropRecord>,
    /// Loss and its parts.
    pub loss: Losses,
    /// How often the right codeword was the nearest.
    pub accuracy: Accuracies,
    /// Masked frames over which the losses are means.
    pub masked_frames: u64,
    /// L2 norm of the gradient before clipping, loss scale taken out.
    #[serde(with = "finite_or_null")]
    pub gradient_norm: f64,
    /// What the gradient was multiplied by to clip it.
    #[serde(with = "finite_or_null")]
    pub clip_factor: f64,
    /// Learning rate of the step, or what it would have been.
    pub learning_rate: f64,
    /// What the loss was multiplied by in float16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<f64>,
    /// Resident memory of the process, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Most of it so far, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<u64>,
    /// What tensors hold of the memory of the card that trains, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_memory_bytes: Option<u64>,
    /// What is taken of it: at least the most that tensors held so far, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_memory_peak_bytes: Option<u64>,
    /// Ranks that made it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub ranks: usize,
    /// Where the time went; of several ranks that of the first.
    pub seconds: Timing,
    /// Audio read in a second of wall clock, seconds.
    pub audio_seconds_per_second: f64,
}

impl UpdateRecord {
    /// Share of the update that was spent waiting for crops; 0 of one that took no time.
    pub fn waiting_share(&self) -> f64 {
        if self.seconds.total > 0.0 { self.seconds.loading / self.seconds.total } else { 0.0 }
    }
}

/// Loss and its parts, per masked frame, each before its weight but for the total.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The weighted sum that is trained.
    #[serde(with = "finite_or_null")]
    pub total: f64,
    /// Cross-entropy of masked frames, codebook by codebook.
    #[serde(with = "finite_or_null_list")]
    pub masked_codebooks: Vec<f64>,
    /// Cross-entropy of frames that are seen, codebook by codebook; empty when it has no weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "finite_or_null_list")]
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

/// A run of one process does not say so.
pub(crate) fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn is_one(count: &usize) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// Seconds of wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Waiting for crops and their targets.
    pub loading: f64,
    /// Waiting for other ranks and adding up their gradients.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub exchanging: f64,
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

/// A crop, for people: which clip and where in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CropRecord {
    /// Id of the clip.
    pub clip: String,
    /// Where the crop starts within it, seconds.
    pub start_seconds: f64,
}

/// A spike was answered by restoring a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RolledBackRecord {
    /// The update of the spike; training goes on after it.
    pub update: u64,
    /// Update of the checkpoint whose weights and moments were restored.
    pub restored: u64,
    /// The loss.
    pub loss: f64,
    /// Median of the losses before it.
    pub median: f64,
}

/// What had changed when a run went on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftRecord {
    /// Updates completed when it went on.
    pub update: u64,
    /// What differed from the run so far.
    pub changes: Vec<Difference>,
}

/// Something that is not as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What, for instance a key of the plan or `corpus hash`.
    pub what: String,
    /// Its value then.
    pub then: String,
    /// Its value now.
    pub now: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "its {} is {}, now it is {}", self.what, self.then, self.now)
    }
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

/// As [`finite_or_null`], element by element.
mod finite_or_null_list {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| Some(*value).filter(|value| value.is_finite())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let values: Vec<Option<f64>> = Vec::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}

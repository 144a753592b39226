//! The sections of a configuration that hold for every stage: the same in what a user writes and in the checked plan.
//!
//! Defaults are MERT's (`reference/mert.md` sections 1 to 4 and 10). Units stand in each field's line. Pure.

use serde::{Deserialize, Serialize};

use crate::checks::{at_least, finite_not_negative, probability};
use crate::{PretrainError, Retention};

/// Samples a second everything is trained on.
pub(crate) const SAMPLE_RATE: f64 = 24_000.0;
/// Samples of a code frame: 75 a second.
pub(crate) const FRAME_SAMPLES: u64 = 320;

/// What the run is called and drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunPlan {
    /// Name, for people.
    pub name: String,
    /// Seed of every draw: crops, masks, mixtures, dropout, initial weights.
    pub seed: u64,
}

impl Default for RunPlan {
    fn default() -> Self {
        Self { name: "run".into(), seed: 1337 }
    }
}

/// Which samples and codes go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// Crops start on multiples of 320 samples: codes and samples agree exactly.
    #[default]
    Grid320,
    /// Crops start anywhere, codes at the nearest frame: as MERT was trained, up to 160 samples off.
    OriginalRounding,
}

/// Crops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CropPlan {
    /// Length of a crop, seconds.
    pub seconds: f64,
    /// How crops lie on the grid of code frames.
    pub alignment: Alignment,
}

impl Default for CropPlan {
    fn default() -> Self {
        Self { seconds: 5.0, alignment: Alignment::Grid320 }
    }
}

impl CropPlan {
    /// Length of a crop, samples at 24 kHz.
    pub fn samples(&self) -> usize {
        (self.seconds * SAMPLE_RATE).round() as usize
    }

    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        // Four frames are the least in which a mask of two frames leaves something to see; an hour is beyond every memory.
        if !(self.seconds >= 4.0 / 75.0 && self.seconds <= 3600.0) {
            return Err(PretrainError::plan(
                "crop.seconds",
                format!("{} is not from 0.0534 to 3600", self.seconds),
            ));
        }
        if !(self.samples() as u64).is_multiple_of(FRAME_SAMPLES) {
            let frames = (self.seconds * 75.0).round() / 75.0;
            return Err(PretrainError::plan(
                "crop.seconds",
                format!(
                    "{} s are no whole number of code frames of 1/75 s; the nearest is {frames:.6}",
                    self.seconds
                ),
            ));
        }
        Ok(())
    }
}

/// Masked frames of each crop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskingPlan {
    /// Spans times their length, as a share of the frames; overlaps make the share that is masked smaller.
    pub probability: f64,
    /// Length of a span, frames.
    pub length: usize,
    /// Least number of spans in a crop.
    pub min_spans: usize,
    /// Whether every crop of a micro-batch keeps only as many masked frames as the least masked one, as MERT does.
    pub same_count: bool,
}

impl Default for MaskingPlan {
    fn default() -> Self {
        Self { probability: 0.8, length: 5, min_spans: 2, same_count: true }
    }
}

impl MaskingPlan {
    pub(crate) fn check(&self, crop: &CropPlan) -> Result<(), PretrainError> {
        probability("masking.probability", self.probability)?;
        at_least("masking.length", self.length as u64, 1)?;
        at_least("masking.min_spans", self.min_spans as u64, 1)?;
        let frames = crop.samples() / FRAME_SAMPLES as usize;
        if self.length + self.min_spans > frames {
            return Err(PretrainError::plan(
                "masking.length",
                format!("{} spans of {} frames do not fit a crop of {frames}", self.min_spans, self.length),
            ));
        }
        Ok(())
    }
}

/// What a mixture's probability is the probability of. The paper's 0.5 does not tell the readings apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixtureReading {
    /// That a crop is mixed: the paper's words.
    #[default]
    Mixed,
    /// That a crop is left alone: MERT's code, whose `mixture_prob` mixes when a uniform draw is above it; 0 mixes nothing there.
    LeftAlone,
}

/// Pieces of the other crops of a micro-batch that are added to a crop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixturePlan {
    /// Probability that a crop is mixed, or is not: see `reading`.
    pub probability: f64,
    /// What the probability is of.
    pub reading: MixtureReading,
    /// Least and most pieces.
    pub segments: [usize; 2],
    /// Shortest and longest piece, samples.
    pub samples: [usize; 2],
    /// What a piece is multiplied by.
    pub gain: f64,
}

impl Default for MixturePlan {
    fn default() -> Self {
        Self {
            probability: 0.5,
            reading: MixtureReading::Mixed,
            segments: [1, 3],
            samples: [12_000, 24_000],
            gain: 1.0,
        }
    }
}

impl MixturePlan {
    /// What a uniform draw has to be above for a crop to be mixed, in the terms of MERT's code: 0 mixes nothing.
    pub(crate) fn threshold(&self) -> f64 {
        match self.reading {
            MixtureReading::LeftAlone => self.probability,
            MixtureReading::Mixed if self.probability == 0.0 => 0.0,
            MixtureReading::Mixed => (1.0 - self.probability).max(f64::MIN_POSITIVE),
        }
    }

    pub(crate) fn check(&self, crop: &CropPlan) -> Result<(), PretrainError> {
        probability("mixture.probability", self.probability)?;
        finite_not_negative("mixture.gain", self.gain)?;
        if self.threshold() == 0.0 {
            return Ok(());
        }
        for (key, [low, high], most) in
            [("mixture.segments", self.segments, 1000), ("mixture.samples", self.samples, crop.samples())]
        {
            if low == 0 || low > high || high > most {
                return Err(PretrainError::plan(
                    key,
                    format!("[{low}, {high}] must be two rising numbers from 1 to {most}"),
                ));
            }
        }
        Ok(())
    }
}

/// Shares of values that are dropped in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropoutPlan {
    /// Outputs of attention and feed-forward, before they are added.
    pub hidden: f64,
    /// Attention weights.
    pub attention: f64,
    /// Inside the feed-forward.
    pub activation: f64,
    /// Projected features, before the transformer.
    pub input: f64,
    /// Features of the unmasked copy.
    pub features: f64,
    /// Whole layers.
    pub layer: f64,
}

impl Default for DropoutPlan {
    fn default() -> Self {
        Self { hidden: 0.1, attention: 0.1, activation: 0.0, input: 0.1, features: 0.1, layer: 0.05 }
    }
}

impl DropoutPlan {
    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        for (key, share) in [
            ("dropout.hidden", self.hidden),
            ("dropout.attention", self.attention),
            ("dropout.activation", self.activation),
            ("dropout.input", self.input),
            ("dropout.features", self.features),
            ("dropout.layer", self.layer),
        ] {
            probability(key, share)?;
            if share >= 1.0 {
                return Err(PretrainError::plan(key, "dropping everything leaves nothing to learn from"));
            }
        }
        Ok(())
    }
}

/// Crops that never train, on which the loss is measured now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeldOutPlan {
    /// Crops of each culture; 0 measures nothing.
    pub crops: usize,
    /// Updates between measurements; there is one before the first update and one at the end of each stage.
    pub every: u64,
}

impl Default for HeldOutPlan {
    fn default() -> Self {
        Self { crops: 16, every: 250 }
    }
}

/// Small probes of the model while it trains, by whoever watches the run: they show what a new stage costs before it pays (the stability gap).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbePlan {
    /// Updates between probes; there is one before the first update and one at the end of each stage. 0 never probes.
    pub every: u64,
    /// What the tags of each probe begin with, for instance `makam:`.
    pub tags: Vec<String>,
    /// Recordings of each probe at most.
    pub recordings: usize,
}

impl Default for ProbePlan {
    fn default() -> Self {
        Self { every: 0, tags: Vec::new(), recordings: 200 }
    }
}

impl ProbePlan {
    /// Whether it is as if there were none, so that plans without it stay as they are.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        if self.every == 0 {
            return Ok(());
        }
        at_least("probe.recordings", self.recordings as u64, 3)?;
        if self.tags.is_empty() || self.tags.iter().any(String::is_empty) {
            return Err(PretrainError::plan("probe.tags", "it has to say what tags begin with, as `makam:`"));
        }
        Ok(())
    }
}

/// Checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointPlan {
    /// Updates between checkpoints; there is one at the end of each stage.
    pub every: u64,
    /// Newest checkpoints that are kept.
    pub keep: usize,
    /// Every so many-th regular checkpoint is kept for ever: those of updates that are multiples of `every` times this. 0 keeps none.
    pub keep_every: u64,
}

impl Default for CheckpointPlan {
    fn default() -> Self {
        Self { every: 250, keep: 2, keep_every: 0 }
    }
}

impl CheckpointPlan {
    /// Which checkpoints stay.
    pub fn retention(&self) -> Retention {
        let multiples_of = (self.keep_every > 0).then(|| self.keep_every.saturating_mul(self.every));
        Retention { newest: self.keep, multiples_of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings_of_the_mixture_agree_at_one_half_only() {
        use MixtureReading::{LeftAlone, Mixed};
        let threshold =
            |probability, reading| MixturePlan { probability, reading, ..MixturePlan::default() }.threshold();
        assert_eq!((threshold(0.5, Mixed), threshold(0.5, LeftAlone)), (0.5, 0.5));
        assert_eq!((threshold(0.25, Mixed), threshold(0.25, LeftAlone)), (0.75, 0.25));
        // Nothing is mixed: by no chance at all, or by the original's special case.
        assert_eq!((threshold(0.0, Mixed), threshold(0.0, LeftAlone)), (0.0, 0.0));
        assert!(threshold(1.0, Mixed) > 0.0, "everything is mixed");
    }
}

//! Section `precision`: in which number format the model computes, and how float16 is kept from underflow.
//!
//! Weights, moments, gradient sums and norms are float32 whatever the format: the optimiser owns the master weights, the model on the device
//! is a copy. Only `float16` scales the loss (dynamically, as fairseq does) and clips by fairseq's float16 rule; `bfloat16` has the range of
//! float32 and needs neither. fairseq adds the gradients of micro-batches in half; here they are added in float32. Pure.

use serde::{Deserialize, Serialize};

use crate::checks::{finite_not_negative, positive};
use crate::{ClipRule, LossScaler, PretrainError, ScalerSettings};

/// Number format of the model's operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// 24 bits of precision: exact against the recorded numbers.
    #[default]
    Float32,
    /// 8 bits of precision, the range of float32.
    Bfloat16,
    /// 11 bits of precision, from 6e-8 to 65504: as MERT and the paper were trained.
    Float16,
}

/// Number format and loss scale.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrecisionPlan {
    /// What the model computes in.
    pub compute: Compute,
    /// Whether the transformer's layers keep only their inputs for the backward pass and are computed again in it: less memory, more time,
    /// the same numbers.
    pub recompute: bool,
    /// How the loss is scaled; read in `float16` only.
    pub loss_scale: ScalerSettings,
}

impl Compute {
    /// What the model's products are told.
    pub(crate) fn precision(self) -> mert::Precision {
        match self {
            Self::Float32 => mert::Precision::Float32,
            Self::Bfloat16 => mert::Precision::Bfloat16,
            Self::Float16 => mert::Precision::Float16,
        }
    }
}

impl std::fmt::Display for Compute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
        })
    }
}

impl PrecisionPlan {
    /// The loss scale a stage of `accumulation` micro-batches an update starts with; none outside of float16.
    pub(crate) fn loss_scaler(&self, accumulation: usize) -> Option<LossScaler> {
        (self.compute == Compute::Float16).then(|| LossScaler::new(self.loss_scale, accumulation as u64))
    }

    /// Which of the two original rules clips.
    pub(crate) fn clip_rule(&self) -> ClipRule {
        if self.compute == Compute::Float16 { ClipRule::Float16 } else { ClipRule::Float32 }
    }

    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        positive("precision.loss_scale.initial", self.loss_scale.initial)?;
        finite_not_negative("precision.loss_scale.tolerance", self.loss_scale.tolerance)?;
        positive("precision.loss_scale.minimum", self.loss_scale.minimum)?;
        self.loss_scale.threshold.map_or(Ok(()), |scale| positive("precision.loss_scale.threshold", scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_float16_scales_and_clips_its_own_way() {
        let of = |compute| PrecisionPlan { compute, ..PrecisionPlan::default() };
        for compute in [Compute::Float32, Compute::Bfloat16] {
            assert_eq!((of(compute).loss_scaler(8), of(compute).clip_rule()), (None, ClipRule::Float32));
        }
        let half = of(Compute::Float16);
        assert_eq!((half.loss_scaler(8).unwrap().scale(), half.clip_rule()), (128.0, ClipRule::Float16));
    }
}

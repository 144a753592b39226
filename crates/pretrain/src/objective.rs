//! What the model is asked to predict, and how much each part counts.
//!
//! `loss = masked Σ_books Σ_masked CE + unmasked Σ_books Σ_unmasked CE + N (features_penalty · penalty + cqt · mse)`, all divided by `N`, the
//! number of masked frames. Source: MERT's criterion (`reference/mert.md` section 2), whose `loss_weights` are `[features_penalty, cqt]`.
//! Defaults are the released configuration's. Pure.

use serde::{Deserialize, Serialize};

use crate::PretrainError;
use crate::checks::finite_not_negative;

/// Which weight the paper's alpha is. It has no key of this name in MERT's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlphaReading {
    /// That of the codes of masked frames, `masked`: the paper's formula, `alpha L_RVQ + L_CQT`.
    #[default]
    Codes,
    /// That of the constant-Q spectrum, `cqt`.
    Spectrum,
    /// That of the features' penalty: the 10 of the released configuration's `loss_weights`.
    FeaturesPenalty,
}

/// Weights of the parts, and the shapes of the heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectivePlan {
    /// The paper's alpha: takes the place of one of the weights below. Left out, they stand as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Which weight that is.
    pub alpha_reading: AlphaReading,
    /// Weight of the codes of masked frames.
    pub masked: f64,
    /// Weight of the codes of frames that are seen.
    pub unmasked: f64,
    /// Weight of the mean square of the front end's features.
    pub features_penalty: f64,
    /// Weight of the squared error of the constant-Q spectrum at masked frames.
    pub cqt: f64,
    /// Cosine similarities are divided by this.
    pub logit_temperature: f64,
    /// Width in which frames and codewords are compared.
    pub final_dim: usize,
    /// Whether each codebook has a projection of its own.
    pub untied: bool,
    /// Bins of the constant-Q spectrum, seven octaves from 32.7 Hz.
    pub cqt_bins: usize,
    /// Codebooks the tokenizer must offer.
    pub codebooks: usize,
    /// Entries of each.
    pub entries: usize,
    /// Classes before the first entry that never occur; MERT has four, and published heads hold them.
    pub special_entries: usize,
    /// What gradients of the front end are multiplied by.
    pub front_end_gradient: f64,
}

impl Default for ObjectivePlan {
    fn default() -> Self {
        Self {
            alpha: None,
            alpha_reading: AlphaReading::Codes,
            masked: 1.0,
            unmasked: 0.0,
            features_penalty: 10.0,
            cqt: 1.0,
            logit_temperature: 0.1,
            final_dim: 64,
            untied: true,
            cqt_bins: 336,
            codebooks: 8,
            entries: 1024,
            special_entries: 4,
            front_end_gradient: 0.1,
        }
    }
}

impl ObjectivePlan {
    /// Classes of one codebook in the model's heads.
    pub fn classes(&self) -> usize {
        self.entries + self.special_entries
    }

    /// Weights of masked codes, features' penalty and spectrum, alpha put in its place.
    pub fn weights(&self) -> [f64; 3] {
        let stated = [self.masked, self.features_penalty, self.cqt];
        let place = match self.alpha_reading {
            AlphaReading::Codes => 0,
            AlphaReading::FeaturesPenalty => 1,
            AlphaReading::Spectrum => 2,
        };
        std::array::from_fn(|index| self.alpha.filter(|_| index == place).unwrap_or(stated[index]))
    }

    pub(crate) fn check(&self) -> Result<(), PretrainError> {
        for (key, weight) in [
            ("objective.alpha", self.alpha.unwrap_or(1.0)),
            ("objective.masked", self.masked),
            ("objective.unmasked", self.unmasked),
            ("objective.features_penalty", self.features_penalty),
            ("objective.cqt", self.cqt),
            ("objective.front_end_gradient", self.front_end_gradient),
        ] {
            finite_not_negative(key, weight)?;
        }
        if self.weights()[0] == 0.0 && self.unmasked == 0.0 {
            return Err(PretrainError::plan(
                "objective.masked",
                "with `unmasked` 0 too, no code is predicted",
            ));
        }
        if !(self.logit_temperature > 0.0 && self.logit_temperature.is_finite()) {
            return Err(PretrainError::plan(
                "objective.logit_temperature",
                format!("{} is not above 0", self.logit_temperature),
            ));
        }
        for (key, count, most) in [
            ("objective.final_dim", self.final_dim, 1 << 16),
            ("objective.codebooks", self.codebooks, 64),
            ("objective.entries", self.entries, 1 << 16),
        ] {
            if count == 0 || count > most {
                return Err(PretrainError::plan(key, format!("{count} is not from 1 to {most}")));
            }
        }
        if self.special_entries > 1024 {
            return Err(PretrainError::plan("objective.special_entries", "more than 1024"));
        }
        if self.cqt_bins == 0 || !self.cqt_bins.is_multiple_of(7) || self.cqt_bins > 7 * 120 {
            return Err(PretrainError::plan(
                "objective.cqt_bins",
                format!("{} is no multiple of 7 (seven octaves) up to 840", self.cqt_bins),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_takes_the_place_its_reading_says() {
        let with = |alpha, alpha_reading| {
            ObjectivePlan { alpha, alpha_reading, ..ObjectivePlan::default() }.weights()
        };
        assert_eq!(with(None, AlphaReading::Spectrum), [1.0, 10.0, 1.0]);
        assert_eq!(with(Some(10.0), AlphaReading::Codes), [10.0, 10.0, 1.0]);
        assert_eq!(with(Some(10.0), AlphaReading::Spectrum), [1.0, 10.0, 10.0]);
        // The third reading is the released configuration.
        assert_eq!(with(Some(10.0), AlphaReading::FeaturesPenalty), ObjectivePlan::default().weights());
    }
}

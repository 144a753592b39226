//! Features brought to mean 0 and deviation 1, element by element of `[L, D]`, with the statistics of the training chunks.
//!
//! `x ← (x − mean)/max(deviation, 1e-5)`. MARBLE does not do this; it helps encoders whose layers differ much in scale. Statistics in f64.

use crate::EvaluateError;
use crate::error::same_size;

/// A feature that varies less than this is not blown up.
const SMALLEST_DEVIATION: f64 = 1e-5;

/// What to subtract and what to multiply by.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardisation {
    /// `[L, D]`.
    pub mean: Vec<f32>,
    /// Reciprocal deviations, `[L, D]`.
    pub scale: Vec<f32>,
}

impl Standardisation {
    /// The statistics of `features` `[M, row_len]`.
    pub fn of(features: &[f32], row_len: usize) -> Result<Self, EvaluateError> {
        if features.is_empty() || row_len == 0 {
            return Err(EvaluateError::Empty { what: "the list of chunks to standardise by".to_owned() });
        }
        same_size("features of whole chunks", features.len().next_multiple_of(row_len), features.len())?;
        let n = (features.len() / row_len) as f64;
        let mut mean = vec![0.0f64; row_len];
        for row in features.chunks_exact(row_len) {
            for (sum, &x) in mean.iter_mut().zip(row) {
                *sum += f64::from(x) / n;
            }
        }
        let mut variance = vec![0.0f64; row_len];
        for row in features.chunks_exact(row_len) {
            for ((sum, &x), mean) in variance.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(x) - mean).powi(2) / n;
            }
        }
        Ok(Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            scale: variance.iter().map(|v| (1.0 / v.sqrt().max(SMALLEST_DEVIATION)) as f32).collect(),
        })
    }

    /// Standardised copies of rows.
    pub fn apply(&self, features: &[f32]) -> Vec<f32> {
        let parameters = self.mean.iter().zip(&self.scale).cycle();
        features.iter().zip(parameters).map(|(&x, (&mean, &scale))| (x - mean) * scale).collect()
    }

    /// The way back, for predictions: `x·deviation + mean`.
    pub(super) fn undo(&self, values: &[f64]) -> Vec<f64> {
        let parameters = self.mean.iter().zip(&self.scale).cycle();
        values
            .iter()
            .zip(parameters)
            .map(|(&x, (&mean, &scale))| x / f64::from(scale) + f64::from(mean))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_features_have_mean_zero_and_deviation_one() {
        let features = [1.0f32, 5.0, 3.0, 5.0, 5.0, 5.0];
        let standardised = Standardisation::of(&features, 2).unwrap().apply(&features);
        let column: Vec<f32> = standardised.iter().step_by(2).copied().collect();
        assert!(column.iter().sum::<f32>().abs() < 1e-6);
        assert!((column.iter().map(|x| x * x).sum::<f32>() / 3.0 - 1.0).abs() < 1e-6);
        assert!(standardised.iter().skip(1).step_by(2).all(|x| x.abs() < 1e-6), "a constant stays finite");
        assert!(Standardisation::of(&features, 4).is_err());
    }
}

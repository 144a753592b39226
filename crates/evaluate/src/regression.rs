//! Metrics of regression.
//!
//! `R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)²` per target. A constant target has no spread to explain: its R² is 1 when the predictions are
//! perfect and 0 when they err (scikit-learn). Pearson's r has no value where targets or predictions are constant.
//! Shapes: `[N, D]`, row-major. Pure; f64.

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use crate::tagging::Score;

/// Everything measured on one regression task. Lists are in the order of the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressionMetrics {
    /// Examples measured on.
    pub n_examples: usize,
    /// R² of each target.
    pub r2: Vec<f64>,
    /// Mean R² over targets.
    pub r2_mean: f64,
    /// R² weighted by the variance of each target.
    pub r2_variance_weighted: f64,
    /// Mean squared error over all targets.
    pub mean_squared_error: f64,
    /// Mean absolute error over all targets.
    pub mean_absolute_error: f64,
    /// Pearson's r of each target; none where one side is constant.
    pub pearson: Vec<Option<f64>>,
    /// Targets that are constant, by index.
    pub constant: Vec<usize>,
}

/// Measures everything.
///
/// # Shapes
/// - `targets`, `predictions` `[N, n_targets]`, N at least 2
pub fn regression_metrics<S: Score>(
    targets: &[S],
    predictions: &[S],
    n_targets: usize,
) -> Result<RegressionMetrics, EvaluateError> {
    if n_targets == 0 {
        return Err(EvaluateError::Empty { what: "the list of targets".to_owned() });
    }
    same_size("targets of whole examples", targets.len().next_multiple_of(n_targets), targets.len())?;
    same_size("predictions beside targets", targets.len(), predictions.len())?;
    all_finite("targets", targets)?;
    all_finite("predictions", predictions)?;
    let n_examples = targets.len() / n_targets;
    if n_examples < 2 {
        return Err(EvaluateError::TooFew { what: "R²".to_owned(), needed: 2, found: n_examples });
    }
    let column = |of: &[S], target: usize| -> Vec<f64> {
        of.iter().skip(target).step_by(n_targets).map(|&x| x.into()).collect()
    };
    let sides: Vec<Fit> = (0..n_targets)
        .map(|target| Fit::of(&column(targets, target), &column(predictions, target)))
        .collect();
    let r2: Vec<f64> = sides.iter().map(Fit::r2).collect();
    let spread: f64 = sides.iter().map(|fit| fit.spread).sum();
    let r2_mean = r2.iter().sum::<f64>() / n_targets as f64;
    let weighted = r2.iter().zip(&sides).map(|(r2, fit)| r2 * fit.spread).sum::<f64>();
    let n = targets.len() as f64;
    Ok(RegressionMetrics {
        n_examples,
        r2_mean,
        r2_variance_weighted: if spread > 0.0 { weighted / spread } else { r2_mean },
        mean_squared_error: sides.iter().map(|fit| fit.squared_error).sum::<f64>() / n,
        mean_absolute_error: sides.iter().map(|fit| fit.absolute_error).sum::<f64>() / n,
        pearson: sides.iter().map(Fit::pearson).collect(),
        constant: (0..n_targets).filter(|&target| sides[target].spread == 0.0).collect(),
        r2,
    })
}

/// Sums over the examples of one target.
struct Fit {
    squared_error: f64,
    absolute_error: f64,
    /// Σ(y − ȳ)², exactly 0 for a constant target.
    spread: f64,
    /// The same of the predictions.
    predicted_spread: f64,
    product: f64,
}

impl Fit {
    fn of(y: &[f64], predicted: &[f64]) -> Self {
        let (mean, predicted_mean) = (mean_or_constant(y), mean_or_constant(predicted));
        let mut fit = Self {
            squared_error: 0.0,
            absolute_error: 0.0,
            spread: 0.0,
            predicted_spread: 0.0,
            product: 0.0,
        };
        for (y, p) in y.iter().zip(predicted) {
            fit.squared_error += (y - p) * (y - p);
            fit.absolute_error += (y - p).abs();
            fit.spread += (y - mean) * (y - mean);
            fit.predicted_spread += (p - predicted_mean) * (p - predicted_mean);
            fit.product += (y - mean) * (p - predicted_mean);
        }
        fit
    }

    fn r2(&self) -> f64 {
        if self.squared_error == 0.0 {
            1.0
        } else if self.spread == 0.0 {
            0.0
        } else {
            1.0 - self.squared_error / self.spread
        }
    }

    fn pearson(&self) -> Option<f64> {
        let both = self.spread.sqrt() * self.predicted_spread.sqrt();
        (both > 0.0).then(|| (self.product / both).clamp(-1.0, 1.0))
    }
}

/// The mean; for equal values exactly that value, so that rounding cannot give a constant a spread.
fn mean_or_constant(values: &[f64]) -> f64 {
    if values.iter().all(|&x| x.to_bits() == values[0].to_bits()) {
        return values[0];
    }
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_constant_that_rounds_is_still_constant() {
        let targets = [0.1f64; 7];
        let metrics = regression_metrics(&targets, &[0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 1).unwrap();
        assert_eq!((metrics.r2[0], metrics.pearson[0]), (0.0, None));
        assert_eq!(regression_metrics(&targets, &targets, 1).unwrap().r2_mean, 1.0);
        assert_eq!(metrics.constant, [0]);
    }

    #[test]
    fn one_example_is_too_few() {
        assert!(regression_metrics(&[1.0f32], &[1.0], 1).is_err());
        assert!(regression_metrics(&[1.0f32, 2.0], &[1.0], 1).is_err());
    }
}

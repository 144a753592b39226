//! Puts every dimension on the same footing before distances are taken.
//!
//! `z_d = (x_d − μ_d) / σ_d` with mean and standard deviation over the frames fitted on. Means in float64, results in float32. Pure.

/// Standard deviation below which a dimension counts as constant: it is centred and not scaled.
const LEAST_DEVIATION: f64 = 1e-6;

/// Mean and scale of every dimension.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standardisation {
    /// `μ`, `[D]`.
    pub(crate) mean: Vec<f32>,
    /// `σ`, `[D]`, all above 0.
    pub(crate) scale: Vec<f32>,
}

impl Standardisation {
    /// Measures `rows`, `[N, D]` with N above 0.
    pub(crate) fn of(rows: &[f32], dims: usize) -> Self {
        let n = (rows.len() / dims) as f64;
        let mut mean = vec![0.0f64; dims];
        for row in rows.chunks_exact(dims) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        for sum in &mut mean {
            *sum /= n;
        }
        let mut variance = vec![0.0f64; dims];
        for row in rows.chunks_exact(dims) {
            let deviations = row.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m);
            variance.iter_mut().zip(deviations).for_each(|(sum, d)| *sum += d * d);
        }
        let deviation = |sum: f64| (sum / n).sqrt();
        let scale = |sum| if deviation(sum) > LEAST_DEVIATION { deviation(sum) as f32 } else { 1.0 };
        Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            scale: variance.into_iter().map(scale).collect(),
        }
    }

    pub(crate) fn dims(&self) -> usize {
        self.mean.len()
    }

    /// Features to standardised rows, in place.
    pub(crate) fn apply(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.dims()) {
            for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = (*x - mean) / scale;
            }
        }
    }

    /// Standardised rows to features, in place.
    pub(crate) fn undo(&self, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(self.dims()) {
            for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = *x * scale + mean;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_rows_have_mean_nought_and_deviation_one() {
        let mut rows: Vec<f32> = (0..300).map(|i| ((i * 37) % 101) as f32 * 0.3 - 5.0).collect();
        rows.iter_mut().skip(2).step_by(3).for_each(|x| *x = 7.0);
        let kept = rows.clone();
        let standardisation = Standardisation::of(&rows, 3);
        standardisation.apply(&mut rows);
        let again = Standardisation::of(&rows, 3);
        assert!(again.mean.iter().all(|m| m.abs() < 1e-5), "{again:?}");
        assert!(again.scale.iter().all(|s| (s - 1.0).abs() < 1e-5), "{again:?}");
        assert!(rows.iter().skip(2).step_by(3).all(|&x| x == 0.0), "a constant dimension is centred only");
        standardisation.undo(&mut rows);
        assert!(rows.iter().zip(&kept).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}

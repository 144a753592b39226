//! Adam as torch computes it (Kingma and Ba 2015).
//!
//! `g ← g + λ·w` (L2 weight decay), `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`,
//! `w ← w − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)`: ε stands outside the root, after its bias correction. float32.

use rayon::prelude::*;
use simd::vectorised;

/// Parameters that are worth a thread of their own.
const PART: usize = 1 << 15;

/// Everything but the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// β₁.
    pub beta_1: f64,
    /// β₂.
    pub beta_2: f64,
    /// ε.
    pub epsilon: f64,
    /// λ, an L2 penalty added to the gradient.
    pub weight_decay: f64,
}

impl Default for AdamSettings {
    /// torch's defaults.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Moments of one list of parameters.
#[derive(Clone, Debug)]
pub struct Adam {
    settings: AdamSettings,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    /// Fresh moments for `n` parameters.
    pub fn new(n: usize, settings: AdamSettings) -> Self {
        Self { settings, first: vec![0.0; n], second: vec![0.0; n], steps: 0 }
    }

    /// One step down the gradient.
    ///
    /// # Panics
    /// When the lists are not as long as the moments.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: f64) {
        assert!(
            parameters.len() == self.first.len() && gradient.len() == self.first.len(),
            "one moment a parameter"
        );
        self.steps += 1;
        let AdamSettings { beta_1, beta_2, epsilon, weight_decay } = self.settings;
        let rate = (learning_rate / (1.0 - beta_1.powi(self.steps))) as f32;
        let root_correction = (1.0 / (1.0 - beta_2.powi(self.steps)).sqrt()) as f32;
        let (keep_1, take_1) = (beta_1 as f32, (1.0 - beta_1) as f32);
        let (keep_2, take_2) = (beta_2 as f32, (1.0 - beta_2) as f32);
        let (epsilon, decay) = (epsilon as f32, weight_decay as f32);
        let moments = self.first.par_chunks_mut(PART).zip(self.second.par_chunks_mut(PART));
        let parts = parameters.par_chunks_mut(PART).zip(gradient.par_chunks(PART)).zip(moments);
        parts.for_each(|((parameters, gradient), (first, second))| {
            vectorised(
                #[inline(always)]
                || {
                    let moments = first.iter_mut().zip(second.iter_mut());
                    for ((w, &g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
                        let g = g + decay * *w;
                        *m = keep_1 * *m + take_1 * g;
                        *v = keep_2 * *v + take_2 * g * g;
                        *w -= rate * *m / (v.sqrt() * root_correction + epsilon);
                    }
                },
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_one_learning_rate_long() {
        let mut parameters = [1.0f32, 1.0, 1.0];
        Adam::new(3, AdamSettings::default()).step(&mut parameters, &[0.5, -100.0, 0.0], 1e-2);
        for (got, expected) in parameters.iter().zip([0.99, 1.01, 1.0]) {
            assert!((got - expected).abs() < 1e-6, "{parameters:?}");
        }
    }
}

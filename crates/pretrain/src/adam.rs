//! Adam with decoupled weight decay, one pass over values, gradients and both moments.
//!
//! `g = scale * gradient`, `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `p = p - decay rate p`, and then at step `t` (from 1):
//! [`EpsPlacement::Fairseq`]: `p = p - rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)`;
//! [`EpsPlacement::Torch`]: `p = p - rate / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)`.
//! They differ by `eps / sqrt(1 - b2^t)` against `eps`: 32 times at the first step for `b2 = 0.999`.
//! Source: Kingma and Ba 2015, Loshchilov and Hutter 2019; fairseq's `adam.py`, PyTorch's `AdamW`. All state is float32, coefficients are
//! computed in float64. Every element is updated by itself, so threads and vector widths change no bit.

use kernels::AdamStep;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Elements of one piece of work: its four slices fit the second-level cache.
const CHUNK: usize = 1 << 14;

/// Where `eps` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EpsPlacement {
    /// Added to `sqrt(v)` before the bias correction: as MERT was trained.
    Fairseq,
    /// Added after it: PyTorch's `AdamW`, as the paper's words say.
    Torch,
}

/// Which trained parameters decay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecayOn {
    /// All, norms and biases included: fairseq has one group of parameters.
    #[default]
    All,
    /// Those of two and more axes: what many AdamW recipes do.
    Matrices,
}

/// The optimiser's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Decay of the first and second moment.
    pub betas: [f64; 2],
    /// Keeps the division finite.
    pub eps: f64,
    /// Where it stands.
    pub eps_placement: EpsPlacement,
    /// Share of a weight that decays at rate 1.
    pub weight_decay: f64,
    /// What decays.
    pub decay_on: DecayOn,
}

impl Default for Adam {
    /// The paper's first stage; weight decay, which the paper does not state, as in MERT's configuration.
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-5,
            eps_placement: EpsPlacement::Fairseq,
            weight_decay: 0.01,
            decay_on: DecayOn::All,
        }
    }
}

/// One tensor with what its update needs; all slices are equally long.
pub struct Parameter<'a> {
    /// The weights.
    pub value: &'a mut [f32],
    /// Their gradient, before scaling and clipping.
    pub gradient: &'a [f32],
    /// Running mean of the gradient; zeros before the first step.
    pub first_moment: &'a mut [f32],
    /// Running mean of its square; zeros before the first step.
    pub second_moment: &'a mut [f32],
}

impl Adam {
    /// The numbers for parameters of so many axes.
    #[must_use]
    pub fn for_axes(&self, n_axes: usize) -> Self {
        let decays = self.decay_on == DecayOn::All || n_axes > 1;
        Self { weight_decay: if decays { self.weight_decay } else { 0.0 }, ..*self }
    }

    /// Takes step number `step` (from 1) at `rate`, reading each gradient times `gradient_scale`.
    ///
    /// # Panics
    /// When `step` is 0, or the slices of a parameter differ in length.
    pub fn update(&self, parameters: &mut [Parameter<'_>], rate: f64, step: u64, gradient_scale: f64) {
        let step = self.at(rate, step, gradient_scale);
        let mut chunks: Vec<Parameter<'_>> = parameters.iter_mut().flat_map(Parameter::chunks).collect();
        chunks.par_iter_mut().for_each(|chunk| {
            simd::vectorised(
                #[inline(always)]
                || step.on_slices(chunk.gradient, chunk.value, chunk.first_moment, chunk.second_moment),
            );
        });
    }

    /// The coefficients of step number `step` (from 1) at `rate`, for gradients that are read times `gradient_scale`.
    ///
    /// # Panics
    /// When `step` is 0.
    pub(crate) fn at(&self, rate: f64, step: u64, gradient_scale: f64) -> AdamStep {
        assert!(step > 0, "steps are counted from 1");
        let [beta1, beta2] = self.betas;
        let first_correction = 1.0 - beta1.powf(step as f64);
        let second_correction = (1.0 - beta2.powf(step as f64)).sqrt();
        let (step_size, root_scale) = match self.eps_placement {
            EpsPlacement::Fairseq => (rate * second_correction / first_correction, 1.0),
            EpsPlacement::Torch => (rate / first_correction, 1.0 / second_correction),
        };
        AdamStep {
            gradient_scale: gradient_scale as f32,
            first: [beta1 as f32, (1.0 - beta1) as f32],
            second: [beta2 as f32, (1.0 - beta2) as f32],
            decay: (self.weight_decay * rate) as f32,
            rate: step_size as f32,
            root_scale: root_scale as f32,
            epsilon: self.eps as f32,
        }
    }
}

impl Parameter<'_> {
    fn chunks(&mut self) -> impl Iterator<Item = Parameter<'_>> {
        let n = self.value.len();
        assert!(
            [self.gradient.len(), self.first_moment.len(), self.second_moment.len()] == [n; 3],
            "a parameter of {n} weights has a gradient and moments of {}, {} and {}",
            self.gradient.len(),
            self.first_moment.len(),
            self.second_moment.len(),
        );
        let values = self.value.chunks_mut(CHUNK).zip(self.gradient.chunks(CHUNK));
        let moments = self.first_moment.chunks_mut(CHUNK).zip(self.second_moment.chunks_mut(CHUNK));
        values.zip(moments).map(|((value, gradient), (first_moment, second_moment))| Parameter {
            value,
            gradient,
            first_moment,
            second_moment,
        })
    }
}

#[cfg(test)]
mod tests;

//! The probe: layers mixed, one hidden layer, outputs (MARBLE v1 `UtteranceMLPProber`).
//!
//! `x = mix(h_1 … h_L)`, `a = dropout(relu(x W₁ᵀ + b₁))`, `z = a W₂ᵀ + b₂`; see [`Mix`] for the mix.
//! Shapes: B batch, L layers, D width, h hidden, n outputs. float32; loss in f64.

use super::dropout::Dropout;
use super::layers::{Rows, weighted_sum};
use super::loss::Targets;
use super::shape::{Mix, Shape};
use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use simd::matrix::{View, fill};

/// Examples evaluated together when no gradient is wanted.
const EVALUATION_BATCH: usize = 256;

/// A probe with room for its gradient and for one batch.
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) shape: Shape,
    pub(super) parameters: Vec<f32>,
    pub(super) gradient: Vec<f32>,
    pub(super) places: Places,
    /// All layers side by side `[B, L·D]`; only for [`Mix::Concat`].
    pub(super) side_by_side: Vec<f32>,
    /// `[B, D]`.
    pub(super) mixed: Vec<f32>,
    /// `[B, D]`.
    pub(super) mixed_gradient: Vec<f32>,
    /// `[B, h]`, after dropout.
    pub(super) hidden: Vec<f32>,
    /// `[B, h]`.
    pub(super) hidden_gradient: Vec<f32>,
    /// `[B, n]`; the gradient of the loss once it has been taken.
    pub(super) logits: Vec<f32>,
}

/// Ranges of the head's tensors; what lies before `hidden_weight` belongs to the mix.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) hidden_weight: std::ops::Range<usize>,
    pub(super) hidden_bias: std::ops::Range<usize>,
    pub(super) output_weight: std::ops::Range<usize>,
    pub(super) output_bias: std::ops::Range<usize>,
}

impl Network {
    /// A probe with given parameters, in the order of [`Shape::tensors`].
    pub fn new(shape: Shape, parameters: Vec<f32>) -> Result<Self, EvaluateError> {
        shape.check()?;
        same_size("parameters of the probe", shape.n_parameters(), parameters.len())?;
        all_finite("parameters of the probe", &parameters)?;
        let places = Places {
            hidden_weight: shape.range("hidden_weight"),
            hidden_bias: shape.range("hidden_bias"),
            output_weight: shape.range("output_weight"),
            output_bias: shape.range("output_bias"),
        };
        Ok(Self {
            shape,
            gradient: vec![0.0; parameters.len()],
            parameters,
            places,
            side_by_side: Vec::new(),
            mixed: Vec::new(),
            mixed_gradient: Vec::new(),
            hidden: Vec::new(),
            hidden_gradient: Vec::new(),
            logits: Vec::new(),
        })
    }

    /// Its sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All parameters.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// The gradient of the last [`Network::loss_and_gradient`], in the order of the parameters.
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }

    /// Parameters to change, and their gradient.
    pub fn update(&mut self) -> (&mut [f32], &[f32]) {
        (&mut self.parameters, &self.gradient)
    }

    /// What the mix is made of: a share of each layer (softmax or convolution weights), nothing for the other mixes.
    pub fn layer_weights(&self) -> Vec<f32> {
        match self.shape.mix {
            Mix::Softmax => softmax(&self.parameters[..self.shape.layers]),
            Mix::Conv => self.parameters[..self.shape.layers].to_vec(),
            Mix::Concat | Mix::Single => Vec::new(),
        }
    }

    /// Logits of all examples of `rows`, without dropout.
    ///
    /// # Shapes
    /// - rows `[N, L, D]`
    /// - returns `[N, n]`
    pub fn logits(&mut self, rows: &Rows<'_>) -> Vec<f32> {
        let all: Vec<usize> = (0..rows.n_examples()).collect();
        let mut logits = Vec::with_capacity(all.len() * self.shape.outputs);
        for batch in all.chunks(EVALUATION_BATCH) {
            self.forward(rows, batch, None);
            logits.extend_from_slice(&self.logits);
        }
        logits
    }

    /// The mean loss over the examples `batch` of `rows`; its gradient is kept.
    ///
    /// # Shapes
    /// - rows `[N, L, D]`, targets of the same N examples
    pub fn loss_and_gradient(
        &mut self,
        rows: &Rows<'_>,
        targets: Targets<'_>,
        batch: &[usize],
        dropout: Option<Dropout>,
    ) -> f64 {
        // One way into the pool of threads for all the products of a step; each for itself would wait for it to wake.
        rayon::scope(|_| {
            self.forward(rows, batch, dropout);
            let loss = targets.loss_and_gradient(&mut self.logits, self.shape.outputs, batch);
            self.backward(rows, batch, dropout.map_or(1.0, |dropout| dropout.scale()));
            loss
        })
    }

    fn forward(&mut self, rows: &Rows<'_>, batch: &[usize], dropout: Option<Dropout>) {
        assert_eq!(rows.row_len(), self.shape.layers * self.shape.width, "rows fit the probe");
        self.mix(rows, batch);
        let Self { shape, parameters, places, mixed, hidden, logits, .. } = self;
        let (width, n_hidden, n_outputs) = (shape.width, shape.hidden, shape.outputs);
        hidden.resize(batch.len() * n_hidden, 0.0);
        logits.resize(batch.len() * n_outputs, 0.0);
        repeat(hidden, &parameters[places.hidden_bias.clone()]);
        let weight = View::table(&parameters[places.hidden_weight.clone()], width);
        fill(hidden, true, View::table(mixed, width), weight.transposed());
        for unit in hidden.iter_mut() {
            *unit = unit.max(0.0);
        }
        if let Some(dropout) = dropout {
            for (units, &example) in hidden.chunks_exact_mut(n_hidden).zip(batch) {
                dropout.apply(example, units);
            }
        }
        repeat(logits, &parameters[places.output_bias.clone()]);
        let weight = View::table(&parameters[places.output_weight.clone()], n_hidden);
        fill(logits, true, View::table(hidden, n_hidden), weight.transposed());
    }

    /// Fills `mixed`.
    fn mix(&mut self, rows: &Rows<'_>, batch: &[usize]) {
        let Self { shape, parameters, side_by_side, mixed, .. } = self;
        let (layers, width) = (shape.layers, shape.width);
        mixed.resize(batch.len() * width, 0.0);
        match shape.mix {
            Mix::Softmax => {
                weighted_sum(mixed, 0.0, &softmax(&parameters[..layers]), rows, batch);
            }
            Mix::Conv => weighted_sum(mixed, parameters[layers], &parameters[..layers], rows, batch),
            Mix::Single => {
                for (to, &example) in mixed.chunks_exact_mut(width).zip(batch) {
                    to.copy_from_slice(rows.row(example));
                }
            }
            Mix::Concat => {
                side_by_side.clear();
                for &example in batch {
                    side_by_side.extend_from_slice(rows.row(example));
                }
                let (weight, rest) = parameters.split_at(width * layers * width);
                repeat(mixed, &rest[..width]);
                let weight = View::table(weight, layers * width).transposed();
                fill(mixed, true, View::table(side_by_side, layers * width), weight);
            }
        }
    }
}

pub(super) fn softmax(weights: &[f32]) -> Vec<f32> {
    let largest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = weights.iter().map(|&w| f64::from(w - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// Writes `row` to every row of `matrix`.
fn repeat(matrix: &mut [f32], row: &[f32]) {
    for to in matrix.chunks_exact_mut(row.len()) {
        to.copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_weights_sum_to_one_and_do_not_overflow() {
        let shares = softmax(&[1000.0, 1000.0, -1000.0]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6 && shares[2].abs() < 1e-30);
    }
}

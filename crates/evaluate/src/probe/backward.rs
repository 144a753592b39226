//! The gradient of the probe, by hand.
//!
//! With δ = ∂loss/∂z: `∂W₂ = δᵀ a`, `∂b₂ = Σ δ`, `∂a = δ W₂`; the hidden gradient γ is ∂a where a > 0, times the dropout scale; `∂W₁ = γᵀ x`, `∂b₁ = Σ γ`, `∂x = γ W₁`;
//! and with `g_l = Σ ∂x·h_l`: softmax `∂w_l = s_l (g_l − Σ s g)`, conv `∂w_l = g_l`, `∂b = Σ ∂x`, concat `∂W = ∂xᵀ [h_1 … h_L]`, `∂b = Σ ∂x`.
//! Names as in `network.rs`. float32; sums over layers in f64.

use super::layers::{Rows, weighted_sum_gradient};
use super::network::{Network, softmax};
use super::shape::Mix;
use simd::matrix::{View, fill};

impl Network {
    /// Expects the gradient with respect to the logits in `logits`; `scale` is what dropout multiplied kept units by.
    pub(super) fn backward(&mut self, rows: &Rows<'_>, batch: &[usize], scale: f32) {
        let Self { shape, parameters, gradient, places, mixed, mixed_gradient, hidden, .. } = self;
        let (hidden_gradient, output_gradient) = (&mut self.hidden_gradient, &self.logits);
        let (width, n_hidden) = (shape.width, shape.hidden);
        let slopes = View::table(output_gradient, shape.outputs);
        let to = &mut gradient[places.output_weight.clone()];
        fill(to, false, slopes.transposed(), View::table(hidden, n_hidden));
        column_sums(&mut gradient[places.output_bias.clone()], output_gradient);

        hidden_gradient.resize(hidden.len(), 0.0);
        let weight = View::table(&parameters[places.output_weight.clone()], n_hidden);
        fill(hidden_gradient, false, slopes, weight);
        for (slope, &unit) in hidden_gradient.iter_mut().zip(hidden.iter()) {
            // A unit is above 0 exactly when it was both active and kept.
            *slope = if unit > 0.0 { *slope * scale } else { 0.0 };
        }
        let slopes = View::table(hidden_gradient, n_hidden);
        let to = &mut gradient[places.hidden_weight.clone()];
        fill(to, false, slopes.transposed(), View::table(mixed, width));
        column_sums(&mut gradient[places.hidden_bias.clone()], hidden_gradient);
        if shape.mix != Mix::Single {
            mixed_gradient.resize(mixed.len(), 0.0);
            let weight = View::table(&parameters[places.hidden_weight.clone()], width);
            fill(mixed_gradient, false, slopes, weight);
            self.mix_backward(rows, batch);
        }
    }

    fn mix_backward(&mut self, rows: &Rows<'_>, batch: &[usize]) {
        let Self { shape, parameters, gradient, side_by_side, mixed_gradient, .. } = self;
        let (layers, width) = (shape.layers, shape.width);
        match shape.mix {
            Mix::Softmax => {
                let by_layer = weighted_sum_gradient(layers, mixed_gradient, rows, batch);
                let shares = softmax(&parameters[..layers]);
                let mean: f64 = shares.iter().zip(&by_layer).map(|(&s, g)| f64::from(s) * g).sum();
                for ((to, &share), g) in gradient.iter_mut().zip(&shares).zip(by_layer) {
                    *to = (f64::from(share) * (g - mean)) as f32;
                }
            }
            Mix::Conv => {
                let by_layer = weighted_sum_gradient(layers, mixed_gradient, rows, batch);
                for (to, g) in gradient.iter_mut().zip(by_layer) {
                    *to = g as f32;
                }
                gradient[layers] = mixed_gradient.iter().map(|&g| f64::from(g)).sum::<f64>() as f32;
            }
            Mix::Concat => {
                let (weight, rest) = gradient.split_at_mut(width * layers * width);
                let slopes = View::table(mixed_gradient, width).transposed();
                fill(weight, false, slopes, View::table(side_by_side, layers * width));
                column_sums(&mut rest[..width], mixed_gradient);
            }
            Mix::Single => {}
        }
    }
}

fn column_sums(sums: &mut [f32], matrix: &[f32]) {
    sums.fill(0.0);
    for row in matrix.chunks_exact(sums.len()) {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dropout::Dropout;
    use super::super::loss::Targets;
    use super::super::shape::Shape;
    use super::*;

    /// Central differences of the loss against the gradient, dropout included.
    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        for mix in [Mix::Softmax, Mix::Conv, Mix::Concat, Mix::Single] {
            let layers = if mix == Mix::Single { 1 } else { 3 };
            let shape = Shape { mix, layers, width: 5, hidden: 6, outputs: 3 };
            let features: Vec<f32> =
                (0..8 * layers * 5).map(|i| ((i * i * 7 + i) % 13) as f32 / 6.0 - 1.0).collect();
            let rows = Rows::new(&features, layers * 5, 0, layers * 5).unwrap();
            let targets: Vec<f32> = (0..24).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
            let dropout = Some(Dropout { probability: 0.3, seed: 4, epoch: 0 });
            let batch = [0, 3, 3, 7];
            let mut network = Network::new(shape, shape.initial(2)).unwrap();
            network.loss_and_gradient(&rows, Targets::Tags(&targets), &batch, dropout);
            let gradient = network.gradient().to_vec();
            for (at, &ours) in gradient.iter().enumerate() {
                // Small, so that hardly any step crosses the corner of a ReLU.
                let moved = |by: f32| {
                    let mut network = network.clone();
                    network.update().0[at] += by;
                    network.loss_and_gradient(&rows, Targets::Tags(&targets), &batch, dropout)
                };
                let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                assert!((slope - f64::from(ours)).abs() < 3e-4, "{mix:?} {at}: {slope} {}", gradient[at]);
            }
        }
    }
}

//! `y = γ · (x − mean) / √(var + ε) + β`, statistics over the last axis, population variance (Ba, Kiros, Hinton 2016).
//!
//! Backward, with `x̂` the normalised row and `g = γ · dy`: `dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(var + ε)`.
//! Statistics are computed again in the backward pass: two sweeps over a row in cache cost less than keeping them.

use burn::Tensor;

use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::{rows, sum_rows};

/// Normalises the last axis of `x [B, T, D]` with scale `gamma [D]` and shift `beta [D]`.
pub fn layer_norm(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(LayerNorm { epsilon: epsilon as f32 }, [x.into(), gamma.into(), beta.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::layer_norm(x, gamma, beta, epsilon);
    }
    let centred = x.clone() - x.mean_dim(2);
    let variance = centred.clone().square().mean_dim(2);
    centred / (variance + epsilon).sqrt() * gamma.unsqueeze() + beta.unsqueeze()
}

#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    pub(crate) epsilon: f32,
}

/// Normalises a row in place.
#[inline(always)]
pub(crate) fn normalise(row: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
    let (mean, scale) = statistics(row, epsilon);
    for ((value, &gamma), &beta) in row.iter_mut().zip(gamma).zip(beta) {
        *value = (*value - mean) * scale * gamma + beta;
    }
}

/// Mean and reciprocal deviation of a row, in several partial sums so that the loops vectorise.
#[inline(always)]
fn statistics(row: &[f32], epsilon: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = sum(row, |x| x) / n;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

const LANES: usize = 16;

#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let mut rest = 0.0;
    for &x in chunks.remainder() {
        rest += term(x);
    }
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += term(x);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[inline(always)]
fn sum_pairs(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = 0.0;
    for (&x, &y) in left.remainder().iter().zip(right.remainder()) {
        rest += term(x, y);
    }
    for (x, y) in left.zip(right) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

impl CpuOperation<3> for LayerNorm {
    fn forward(&self, [x, gamma, beta]: &[Array; 3]) -> Array {
        let width = gamma.values().len();
        let (input, gamma, beta) = (x.values(), gamma.values(), beta.values());
        let mut output = unset(input.len());
        rows(
            &mut output,
            width,
            #[inline(always)]
            |row, values| {
                values.copy_from_slice(&input[row * width..][..width]);
                normalise(values, gamma, beta, self.epsilon);
            },
        );
        Array::new(output, x.shape())
    }

    fn backward(
        &self,
        [x, gamma, _]: &[Array; 3],
        output_grad: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let width = gamma.values().len();
        let (input, scale, grads) = (x.values(), gamma.values(), output_grad.values());
        let n_rows = input.len() / width.max(1);
        let x_grad = wanted[0].then(|| {
            let mut output = unset(input.len());
            rows(
                &mut output,
                width,
                #[inline(always)]
                |row, values| {
                    let (source, grad) = (&input[row * width..][..width], &grads[row * width..][..width]);
                    let (mean, rate) = statistics(source, self.epsilon);
                    for i in 0..width {
                        values[i] = grad[i] * scale[i];
                    }
                    let n = width as f32;
                    let mean_grad = sum(values, |g| g) / n;
                    let mean_product = sum_pairs(values, source, |g, x| g * (x - mean)) * rate / n;
                    for i in 0..width {
                        values[i] = (values[i] - mean_grad - (source[i] - mean) * rate * mean_product) * rate;
                    }
                },
            );
            Array::new(output, x.shape())
        });
        if !wanted[1] && !wanted[2] {
            return [x_grad, None, None];
        }
        let sums = sum_rows(
            n_rows,
            2 * width,
            #[inline(always)]
            |row, sums| {
                let (source, grad) = (&input[row * width..][..width], &grads[row * width..][..width]);
                let (mean, rate) = statistics(source, self.epsilon);
                let (gamma_sums, beta_sums) = sums.split_at_mut(width);
                for i in 0..width {
                    gamma_sums[i] += grad[i] * (source[i] - mean) * rate;
                    beta_sums[i] += grad[i];
                }
            },
        );
        let (gamma_grad, beta_grad) = sums.split_at(width);
        [
            x_grad,
            Some(Array::new(gamma_grad.to_vec(), &[width])),
            Some(Array::new(beta_grad.to_vec(), &[width])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        for width in [5, 48] {
            differentiate(
                &LayerNorm { epsilon: 1e-5 },
                [random(&[2, 3, width], 1), random(&[width], 2), random(&[width], 3)],
            );
        }
    }

    #[test]
    fn rows_get_mean_zero_and_variance_one() {
        let output = LayerNorm { epsilon: 0.0 }.forward(&[
            random(&[1, 4, 33], 4),
            Array::new(vec![1.0; 33], &[33]),
            Array::new(vec![0.0; 33], &[33]),
        ]);
        for row in output.values().chunks(33) {
            let mean = row.iter().sum::<f32>() / 33.0;
            let variance = row.iter().map(|x| x * x).sum::<f32>() / 33.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5);
        }
    }
}

//! The end of a sublayer in one pass: `z = LN(α x + drop(y))`, with [`crate::dropout`] and [`crate::layer_norm`].
//!
//! The sum `s = α x + drop(y)` is kept for the backward pass, which is that of the norm: `dx = α ds`, `dy = drop(ds)`.

use burn::Tensor;

use crate::dropout::{self, DropoutKey};
use crate::layer_norm::{LayerNorm, layer_norm, normalise};
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::{blocks, rows};

/// Settings of the end of a sublayer.
#[derive(Clone, Debug)]
pub struct ResidualNorm {
    /// Factor of the residual, `α`.
    pub alpha: f64,
    /// Dropout on the sublayer's output.
    pub dropout: Option<DropoutKey>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Adds the sublayer's output `y` to its input `x`, both `[B, T, D]`, and normalises with scale `gamma [D]` and shift `beta [D]`.
pub fn residual_norm(
    x: Tensor<3>,
    y: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    settings: ResidualNorm,
) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(settings, [x.into(), y.into(), gamma.into(), beta.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::residual_norm([x, y], gamma, beta, settings);
    }
    composed([x, y], gamma, beta, &settings)
}

fn composed([x, y]: [Tensor<3>; 2], gamma: Tensor<1>, beta: Tensor<1>, settings: &ResidualNorm) -> Tensor<3> {
    let y = match settings.dropout {
        Some(key) => dropout::dropout(y, key),
        None => y,
    };
    layer_norm(x * settings.alpha + y, gamma, beta, settings.epsilon)
}

impl ResidualNorm {
    fn norm(&self) -> LayerNorm {
        LayerNorm { epsilon: self.epsilon as f32 }
    }

    /// `s`, and `then(row of s)` while it is in cache.
    fn sum(&self, x: &Array, y: &Array, then: impl Fn(&mut [f32]) + Sync) -> Vec<f32> {
        let [_, _, width] = x.dims();
        let (x, y, alpha) = (x.values(), y.values(), self.alpha as f32);
        let mut output = unset(x.len());
        rows(
            &mut output,
            width,
            #[inline(always)]
            |row, values| {
                let first = row * width;
                values.copy_from_slice(&y[first..][..width]);
                if let Some(key) = self.dropout {
                    key.multiply(first as u64, values);
                }
                for (value, &x) in values.iter_mut().zip(&x[first..][..width]) {
                    *value += alpha * x;
                }
                then(values);
            },
        );
        output
    }
}

impl CpuOperation<4> for ResidualNorm {
    const READS: [bool; 4] = [false, false, true, false];

    fn forward(&self, [x, y, gamma, beta]: &[Array; 4]) -> Array {
        let (gamma, beta, epsilon) = (gamma.values(), beta.values(), self.epsilon as f32);
        let output = self.sum(
            x,
            y,
            #[inline(always)]
            |values| normalise(values, gamma, beta, epsilon),
        );
        Array::new(output, x.shape())
    }

    fn backward(&self, inputs: &[Array; 4], output_grad: &Array, wanted: [bool; 4]) -> [Option<Array>; 4] {
        let (_, kept) = self.forward_kept(inputs);
        self.backward_kept(inputs, &kept, output_grad, wanted)
    }

    fn forward_kept(&self, [x, y, gamma, beta]: &[Array; 4]) -> (Array, Vec<Array>) {
        let sum = Array::new(self.sum(x, y, |_| {}), x.shape());
        let norm = self.norm().forward(&[sum.clone(), gamma.clone(), beta.clone()]);
        (norm, vec![sum])
    }

    fn backward_kept(
        &self,
        [_, _, gamma, beta]: &[Array; 4],
        kept: &[Array],
        output_grad: &Array,
        wanted: [bool; 4],
    ) -> [Option<Array>; 4] {
        let inputs = [kept[0].clone(), gamma.clone(), beta.clone()];
        let wanted_of_norm = [wanted[0] || wanted[1], wanted[2], wanted[3]];
        let [sum_grad, gamma_grad, beta_grad] = self.norm().backward(&inputs, output_grad, wanted_of_norm);
        let scaled = |factor: &(dyn Fn(usize, &mut [f32]) + Sync)| {
            let source = sum_grad.as_ref()?.values();
            let mut values = unset(source.len());
            blocks(&mut values, |first, values| {
                values.copy_from_slice(&source[first..][..values.len()]);
                factor(first, values);
            });
            Some(Array::new(values, output_grad.shape()))
        };
        let y_grad = match self.dropout.filter(|_| wanted[1]) {
            Some(key) => scaled(&|first, values| key.multiply(first as u64, values)),
            None => sum_grad.clone(),
        };
        #[expect(clippy::float_cmp, reason = "exactly 1 is exactly no change")]
        let x_grad = if self.alpha == 1.0 || !wanted[0] {
            sum_grad.clone()
        } else {
            let alpha = self.alpha as f32;
            scaled(&|_, values| values.iter_mut().for_each(|value| *value *= alpha))
        };
        [x_grad, y_grad, gamma_grad, beta_grad]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, random};

    fn settings(alpha: f64, dropout: f64) -> ResidualNorm {
        let dropout = (dropout > 0.0).then(|| DropoutKey::new(5, &[1], dropout));
        ResidualNorm { alpha, dropout, epsilon: 1e-5 }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        for (alpha, dropout) in [(1.0, 0.0), (1.7, 0.3)] {
            let inputs = [random(&[2, 3, 7], 1), random(&[2, 3, 7], 2), random(&[7], 3), random(&[7], 4)];
            differentiate(&settings(alpha, dropout), inputs);
        }
    }

    #[test]
    fn equals_the_composition() {
        for (alpha, dropout) in [(1.0, 0.0), (1.0, 0.2), (1.7, 0.3)] {
            let inputs = [
                random(&[2, 9, 40], 1),
                random(&[2, 9, 40], 2),
                random(&[1, 1, 40], 3),
                random(&[1, 1, 40], 4),
            ];
            compare(
                inputs,
                move |[x, y, gamma, beta]: [Tensor<3>; 4]| {
                    residual_norm(x, y, gamma.reshape([40]), beta.reshape([40]), settings(alpha, dropout))
                },
                move |[x, y, gamma, beta]| {
                    composed([x, y], gamma.reshape([40]), beta.reshape([40]), &settings(alpha, dropout))
                },
                1e-5,
            );
        }
    }

    #[test]
    fn without_a_tape_the_numbers_are_the_same() {
        let inputs = [random(&[1, 5, 33], 1), random(&[1, 5, 33], 2), random(&[33], 3), random(&[33], 4)];
        let operation = settings(1.3, 0.2);
        assert_eq!(operation.forward(&inputs).values(), operation.forward_kept(&inputs).0.values());
    }
}

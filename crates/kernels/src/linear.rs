//! `y = f(x · Wᵀ + b)`, with `W [O, I]` and `b [O]` as PyTorch stores them, `f` nothing or the exact GELU of [`crate::gelu`].
//!
//! Bias, rounding and GELU are applied to the rows of the product while they are in cache. For GELU the backward pass wants the product
//! before it, which is kept.

use burn::Tensor;

use crate::gelu::{self, gelu_of, through_gelu};
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::sum_rows;
use crate::precision::{operand, result};
use simd::matrix::{Product, Target, Threads, View};
use simd::{Precision, vectorised};

/// Maps the last axis of `x [B, T, I]` with `weight [O, I]` and `bias [O]` to `[B, T, O]`.
pub fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<3> {
    run(Linear { precision, gelu: false }, x, weight, bias)
}

/// The same, followed by the exact GELU.
pub fn linear_gelu(x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<3> {
    run(Linear { precision, gelu: true }, x, weight, bias)
}

fn run(operation: Linear, x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(operation, [x.into(), weight.into(), bias.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        let y = crate::card::Linear { precision: operation.precision }.run(x, weight, bias);
        return if operation.gelu { gelu::elsewhere(y) } else { y };
    }
    composed(&operation, x, weight, bias)
}

fn composed(operation: &Linear, x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<3> {
    let precision = operation.precision;
    let [x, bias] = [x, bias.unsqueeze()].map(|x| operand(x, precision));
    let weight = operand(weight, precision).transpose();
    let y = result(x.matmul(weight.unsqueeze()) + bias, precision);
    if operation.gelu { gelu::elsewhere(y) } else { y }
}

#[derive(Clone, Debug)]
struct Linear {
    precision: Precision,
    gelu: bool,
}

impl Linear {
    /// The map, with GELU when `gelu`.
    fn map(&self, [x, weight, bias]: &[Array; 3], with_gelu: bool) -> Array {
        let [n_clips, n_frames, n_inputs] = x.dims();
        let [n_outputs, _] = weight.dims();
        let n_rows = n_clips * n_frames;
        let mut output = unset(n_rows * n_outputs);
        let precision = self.precision;
        let mut bias = bias.values().to_vec();
        precision.round_all(&mut bias);
        Product::new(
            View::dense(x.values(), n_rows, n_inputs),
            View::dense(weight.values(), n_outputs, n_inputs).transposed(),
        )
        .with(precision)
        .on(Threads::All)
        .write_then(Target::new(&mut output, n_outputs), |_, first, values| {
            let bias = &bias[first..][..values.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (value, &bias) in values.iter_mut().zip(bias) {
                        *value += bias;
                    }
                    precision.round_all(values);
                    if with_gelu {
                        gelu::all(values);
                    }
                },
            );
        });
        Array::new(output, &[n_clips, n_frames, n_outputs])
    }

    fn gradients(
        &self,
        [x, weight, _]: &[Array; 3],
        output_grad: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let [n_clips, n_frames, n_inputs] = x.dims();
        let [n_outputs, _] = weight.dims();
        let n_rows = n_clips * n_frames;
        let grads = View::dense(output_grad.values(), n_rows, n_outputs);
        let x_grad = wanted[0].then(|| {
            let mut values = unset(n_rows * n_inputs);
            let weight = View::dense(weight.values(), n_outputs, n_inputs);
            let product = Product::new(grads, weight).with(self.precision).on(Threads::All);
            product.write_then(Target::new(&mut values, n_inputs), |_, _, values| {
                self.precision.round_all(values);
            });
            Array::new(values, x.shape())
        });
        let weight_grad = wanted[1].then(|| {
            let mut values = unset(n_outputs * n_inputs);
            let x = View::dense(x.values(), n_rows, n_inputs);
            let product = Product::new(grads.transposed(), x).with(self.precision).on(Threads::All);
            product.write(Target::new(&mut values, n_inputs));
            Array::new(values, weight.shape())
        });
        let bias_grad = wanted[2].then(|| {
            let grads = output_grad.values();
            let sums = sum_rows(
                n_rows,
                n_outputs,
                #[inline(always)]
                |row, sums| {
                    for (sum, &grad) in sums.iter_mut().zip(&grads[row * n_outputs..][..n_outputs]) {
                        *sum += grad;
                    }
                },
            );
            Array::new(sums, &[n_outputs])
        });
        [x_grad, weight_grad, bias_grad]
    }
}

impl CpuOperation<3> for Linear {
    fn forward(&self, inputs: &[Array; 3]) -> Array {
        self.map(inputs, self.gelu)
    }

    fn backward(&self, inputs: &[Array; 3], output_grad: &Array, wanted: [bool; 3]) -> [Option<Array>; 3] {
        let (_, kept) = self.forward_kept(inputs);
        self.backward_kept(inputs, &kept, output_grad, wanted)
    }

    fn forward_kept(&self, inputs: &[Array; 3]) -> (Array, Vec<Array>) {
        let before = self.map(inputs, false);
        if self.gelu { (gelu_of(&before), vec![before]) } else { (before, Vec::new()) }
    }

    fn backward_kept(
        &self,
        inputs: &[Array; 3],
        kept: &[Array],
        output_grad: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        match kept {
            [before] => self.gradients(inputs, &through_gelu(before, output_grad), wanted),
            _ => self.gradients(inputs, output_grad, wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, each_precision, random, rounded};

    #[test]
    fn gradients_equal_finite_differences() {
        for gelu in [false, true] {
            let operation = Linear { precision: Precision::Float32, gelu };
            differentiate(&operation, [random(&[2, 3, 5], 1), random(&[4, 5], 2), random(&[4], 3)]);
        }
    }

    #[test]
    fn equals_the_composition() {
        each_precision(|precision, tolerance| {
            for gelu in [false, true] {
                let operation = Linear { precision, gelu };
                let other = Linear { precision: Precision::Float32, gelu };
                compare(
                    [random(&[2, 70, 33], 1), random(&[1, 20, 33], 2), random(&[1, 1, 20], 3)]
                        .map(|input| rounded(&input, precision)),
                    move |[x, weight, bias]: [Tensor<3>; 3]| {
                        run(operation.clone(), x, weight.squeeze_dim(0), bias.reshape([20]))
                    },
                    move |[x, weight, bias]| composed(&other, x, weight.squeeze_dim(0), bias.reshape([20])),
                    tolerance,
                );
            }
        });
    }

    #[test]
    fn no_frames_give_no_frames_and_zero_gradients() {
        let inputs = [Array::new(vec![], &[2, 0, 5]), random(&[4, 5], 2), random(&[4], 3)];
        let operation = Linear { precision: Precision::Bfloat16, gelu: true };
        let output = operation.forward(&inputs);
        assert_eq!(output.shape(), [2, 0, 4]);
        let grads = operation.backward(&inputs, &output, [true; 3]).map(Option::unwrap);
        assert_eq!(grads[0].shape(), [2, 0, 5]);
        assert!(grads[1..].iter().all(|grad| grad.values().iter().all(|&x| x == 0.0)));
    }

    #[test]
    fn a_nan_reaches_its_frame_and_its_column_of_weights() {
        each_precision(|precision, _| {
            let mut values = random(&[1, 20, 40], 1).values().to_vec();
            values[45] = f32::NAN;
            let inputs = [Array::new(values, &[1, 20, 40]), random(&[50, 40], 2), random(&[50], 3)];
            let operation = Linear { precision, gelu: false };
            let output = operation.forward(&inputs);
            for (frame, row) in output.values().chunks(50).enumerate() {
                assert!(row.iter().all(|x| x.is_nan() == (frame == 1)));
            }
            let grads = operation.backward(&inputs, &random(&[1, 20, 50], 4), [true; 3]).map(Option::unwrap);
            assert!(grads[0].values().iter().all(|x| x.is_finite()));
            assert!(grads[1].values().chunks(40).all(|row| row[5].is_nan() && row[4].is_finite()));
        });
    }

    #[test]
    fn float16_overflows_forward_and_backward() {
        let operation = Linear { precision: Precision::Float16, gelu: false };
        let column = |value| Array::new(vec![value; 4], &[1, 1, 4]);
        let inputs = [column(200.0), Array::new(vec![200.0; 4], &[1, 4]), Array::new(vec![0.0], &[1])];
        assert_eq!(operation.forward(&inputs).values(), [f32::INFINITY]);
        let grad = Array::new(vec![400.0], &[1, 1, 1]);
        let [x_grad, weight_grad, _] = operation.backward(&inputs, &grad, [true; 3]).map(Option::unwrap);
        assert!(x_grad.values().iter().all(|&x| x == f32::INFINITY));
        assert!(weight_grad.values().iter().all(|&x| x == 80_000.0), "weights' gradients are float32");
    }
}

//! `y = x · Wᵀ + b`, with `W [O, I]` and `b [O]` as PyTorch stores them.

use burn::Tensor;

use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::sum_rows;
use simd::matrix::{Target, Threads, View, multiply};

/// Maps the last axis of `x [B, T, I]` with `weight [O, I]` and `bias [O]` to `[B, T, O]`.
pub fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<3> {
    if on_cpu(&x) {
        apply(Linear, [x.into(), weight.into(), bias.into()])
    } else {
        x.matmul(weight.transpose().unsqueeze()) + bias.unsqueeze()
    }
}

#[derive(Clone, Debug)]
struct Linear;

impl CpuOperation<3> for Linear {
    fn forward(&self, [x, weight, bias]: &[Array; 3]) -> Array {
        let [n_clips, n_frames, n_inputs] = x.dims();
        let [n_outputs, _] = weight.dims();
        let n_rows = n_clips * n_frames;
        let mut output = Vec::with_capacity(n_rows * n_outputs);
        for _ in 0..n_rows {
            output.extend_from_slice(bias.values());
        }
        multiply(
            Target::new(&mut output, n_outputs),
            true,
            1.0,
            View::dense(x.values(), n_rows, n_inputs),
            View::dense(weight.values(), n_outputs, n_inputs).transposed(),
            Threads::All,
        );
        Array::new(output, &[n_clips, n_frames, n_outputs])
    }

    fn backward(
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
            let mut values = vec![0.0; n_rows * n_inputs];
            let weight = View::dense(weight.values(), n_outputs, n_inputs);
            multiply(Target::new(&mut values, n_inputs), false, 1.0, grads, weight, Threads::All);
            Array::new(values, x.shape())
        });
        let weight_grad = wanted[1].then(|| {
            let mut values = vec![0.0; n_outputs * n_inputs];
            let x = View::dense(x.values(), n_rows, n_inputs);
            multiply(Target::new(&mut values, n_inputs), false, 1.0, grads.transposed(), x, Threads::All);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(&Linear, [random(&[2, 3, 5], 1), random(&[4, 5], 2), random(&[4], 3)]);
    }

    #[test]
    fn equals_the_composition() {
        let inputs = [random(&[2, 70, 33], 1)];
        let (weight, bias) = (random(&[20, 33], 2).tensor::<2>(), random(&[20], 3).tensor::<1>());
        let fused = (weight.clone(), bias.clone());
        compare(
            inputs,
            move |[x]: [Tensor<3>; 1]| linear(x, fused.0.clone(), fused.1.clone()),
            move |[x]| x.matmul(weight.clone().transpose().unsqueeze()) + bias.clone().unsqueeze(),
            1e-5,
        );
    }
}

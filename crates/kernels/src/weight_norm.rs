//! `w[o,i,k] = g[k] · v[o,i,k] / ‖v[·,·,k]‖₂`: the kernel of a convolution from its direction and its length per tap.
//!
//! Weight normalisation over dimension 2 (Salimans and Kingma 2016; fairseq's `weight_norm(dim = 2)`). Norms run in float64.
//! Backward, with `n` the norm and `p[k] = Σ dw·v`: `dg = p / n`, `dv = g/n · (dw − v · p / n²)`.

use burn::Tensor;
use rayon::prelude::*;

use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::rows;

/// Rebuilds a kernel `[O, I, K]` from `length [1, 1, K]` and `direction [O, I, K]`.
pub fn weight_norm(length: Tensor<3>, direction: Tensor<3>) -> Tensor<3> {
    if on_cpu(&direction) {
        return apply(WeightNorm, [length.into(), direction.into()]);
    }
    let norm = direction.clone().square().sum_dim(0).sum_dim(1).sqrt();
    direction * (length / norm)
}

#[derive(Clone, Debug)]
struct WeightNorm;

/// `Σ a·b` over outputs and inputs, for every tap; blocks are added in order.
fn sums_per_tap(a: &[f32], b: &[f32], n_taps: usize) -> Vec<f64> {
    const BLOCK_ROWS: usize = 1024;
    let partial: Vec<Vec<f64>> = a
        .par_chunks(BLOCK_ROWS * n_taps)
        .zip(b.par_chunks(BLOCK_ROWS * n_taps))
        .map(|(a, b)| {
            let mut sums = vec![0.0f64; n_taps];
            simd::vectorised(
                #[inline(always)]
                || {
                    for (a, b) in a.chunks_exact(n_taps).zip(b.chunks_exact(n_taps)) {
                        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                            *sum += f64::from(a) * f64::from(b);
                        }
                    }
                },
            );
            sums
        })
        .collect();
    let mut totals = vec![0.0f64; n_taps];
    for sums in &partial {
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    totals
}

impl CpuOperation<2> for WeightNorm {
    fn forward(&self, [length, direction]: &[Array; 2]) -> Array {
        let v = direction.values();
        let n_taps = length.values().len();
        let squares = sums_per_tap(v, v, n_taps);
        let factors: Vec<f32> = length
            .values()
            .iter()
            .zip(squares)
            .map(|(&g, square)| (f64::from(g) / square.sqrt()) as f32)
            .collect();
        let mut output = unset(v.len());
        rows(
            &mut output,
            n_taps,
            #[inline(always)]
            |row, values| {
                for ((value, &v), &factor) in values.iter_mut().zip(&v[row * n_taps..]).zip(&factors) {
                    *value = v * factor;
                }
            },
        );
        Array::new(output, direction.shape())
    }

    fn backward(
        &self,
        [length, direction]: &[Array; 2],
        output_grad: &Array,
        _: [bool; 2],
    ) -> [Option<Array>; 2] {
        let (v, grads) = (direction.values(), output_grad.values());
        let n_taps = length.values().len();
        let squares = sums_per_tap(v, v, n_taps);
        let products = sums_per_tap(v, grads, n_taps);
        let length_grad =
            products.iter().zip(&squares).map(|(p, square)| (p / square.sqrt()) as f32).collect();
        let mut scale = Vec::with_capacity(n_taps);
        let mut pull = Vec::with_capacity(n_taps);
        for tap in 0..n_taps {
            scale.push((f64::from(length.values()[tap]) / squares[tap].sqrt()) as f32);
            pull.push((products[tap] / squares[tap]) as f32);
        }
        let mut direction_grad = unset(v.len());
        rows(
            &mut direction_grad,
            n_taps,
            #[inline(always)]
            |row, values| {
                let (v, dw) = (&v[row * n_taps..][..n_taps], &grads[row * n_taps..][..n_taps]);
                for k in 0..n_taps {
                    values[k] = scale[k] * (dw[k] - v[k] * pull[k]);
                }
            },
        );
        [Some(Array::new(length_grad, length.shape())), Some(Array::new(direction_grad, direction.shape()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(&WeightNorm, [random(&[1, 1, 3], 1), random(&[4, 2, 3], 2)]);
    }

    #[test]
    fn equals_the_composition() {
        let length = random(&[1, 1, 5], 1).tensor::<3>();
        let same = length.clone();
        compare(
            [random(&[6, 2, 5], 2)],
            move |[v]: [Tensor<3>; 1]| weight_norm(length.clone(), v),
            move |[v]| {
                let norm = v.clone().square().sum_dim(0).sum_dim(1).sqrt();
                v * (same.clone() / norm)
            },
            1e-5,
        );
    }
}

//! `m = Σ x² / n` over all elements, summed in float64.

use burn::Tensor;
use rayon::prelude::*;

use crate::operation::{Array, CpuOperation, apply, on_cpu};

/// Mean of the squares of all elements of `x`: `[1]`.
pub fn mean_square(x: Tensor<3>) -> Tensor<1> {
    if on_cpu(&x) { apply(MeanSquare, [x.into()]) } else { x.square().mean() }
}

#[derive(Clone, Debug)]
struct MeanSquare;

impl CpuOperation<1> for MeanSquare {
    fn forward(&self, [x]: &[Array; 1]) -> Array {
        const BLOCK: usize = 4096;
        // Blocks are added in order, so the sum does not depend on the number of threads.
        let sums: Vec<f64> =
            x.values().par_chunks(BLOCK).map(|block| block.iter().map(|&x| f64::from(x * x)).sum()).collect();
        Array::new(vec![(sums.iter().sum::<f64>() / x.values().len() as f64) as f32], &[1])
    }

    fn backward(&self, [x]: &[Array; 1], output_grad: &Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let factor = 2.0 * output_grad.values()[0] / x.values().len() as f32;
        [Some(Array::new(x.values().iter().map(|x| x * factor).collect(), x.shape()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(&MeanSquare, [random(&[2, 3, 4], 1)]);
    }
}

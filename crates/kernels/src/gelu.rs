//! `gelu(x) = x · Φ(x)`, `Φ(x) = (1 + erf(x / √2)) / 2`; `gelu'(x) = Φ(x) + x · e^(−x²/2) / √(2π)`.
//!
//! The exact form (Hendrycks and Gimpel 2016), as fairseq and transformers use it for MERT. Elementwise; any shape.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::Tensor;

use crate::elementary::{erf, exp};
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::rows;

/// `1 / √(2π)`.
const DENSITY_AT_ZERO: f32 = 0.398_942_3;

/// Applies the exact GELU to every element.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_cpu(&x) { apply(Gelu, [x.into()]) } else { burn::tensor::activation::gelu(x) }
}

#[derive(Clone, Debug)]
struct Gelu;

impl CpuOperation<1> for Gelu {
    fn forward(&self, [x]: &[Array; 1]) -> Array {
        let values = x.values();
        elementwise(
            x,
            values.len(),
            #[inline(always)]
            |i| value(values[i]),
        )
    }

    fn backward(&self, [x]: &[Array; 1], output_grad: &Array, _wanted: [bool; 1]) -> [Option<Array>; 1] {
        let (values, grads) = (x.values(), output_grad.values());
        let grads = elementwise(
            x,
            values.len(),
            #[inline(always)]
            |i| grads[i] * slope(values[i]),
        );
        [Some(grads)]
    }
}

#[inline(always)]
pub(crate) fn value(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

#[inline(always)]
pub(crate) fn slope(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * DENSITY_AT_ZERO * exp(-0.5 * x * x)
}

/// Makes an array shaped like `like` whose element `i` is `element(i)`.
#[inline(always)]
fn elementwise(like: &Array, n: usize, element: impl Fn(usize) -> f32 + Sync) -> Array {
    const WIDTH: usize = 512;
    let mut output = vec![0.0f32; n];
    let whole = n - n % WIDTH;
    let (blocks, rest) = output.split_at_mut(whole);
    rows(
        blocks,
        WIDTH,
        #[inline(always)]
        |row, values| {
            for (i, value) in values.iter_mut().enumerate() {
                *value = element(row * WIDTH + i);
            }
        },
    );
    for (i, value) in rest.iter_mut().enumerate() {
        *value = element(whole + i);
    }
    Array::new(output, like.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, random};

    #[test]
    fn equals_the_engines_gelu() {
        compare(
            [random(&[3, 700], 1)],
            |[x]: [Tensor<2>; 1]| gelu(x),
            |[x]| burn::tensor::activation::gelu(x),
            1e-6,
        );
    }
}

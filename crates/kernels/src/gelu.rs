//! `gelu(x) = x · Φ(x)`, `Φ(x) = (1 + erf(x / √2)) / 2`; `gelu'(x) = Φ(x) + x · e^(−x²/2) / √(2π)`.
//!
//! The exact form (Hendrycks and Gimpel 2016), as fairseq and transformers use it for MERT. Elementwise; any shape.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::Tensor;

use crate::elementary::{erf, exp};
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::blocks;

/// `1 / √(2π)`.
pub(crate) const DENSITY_AT_ZERO: f32 = 0.398_942_3;

/// Applies the exact GELU to every element.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_cpu(&x) { apply(Gelu, [x.into()]) } else { elsewhere(x) }
}

/// GELU on other devices than the processor.
pub(crate) fn elsewhere<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::gelu(x);
    }
    composed(x)
}

/// From the error function: on cards the slope of the engine's own GELU is that of the approximation by tanh, off by up to 4e-4.
fn composed<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let doubled = (x.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    x * doubled * 0.5
}

#[derive(Clone, Debug)]
struct Gelu;

impl CpuOperation<1> for Gelu {
    fn forward(&self, [x]: &[Array; 1]) -> Array {
        gelu_of(x)
    }

    fn backward(&self, [x]: &[Array; 1], output_grad: &Array, _wanted: [bool; 1]) -> [Option<Array>; 1] {
        [Some(through_gelu(x, output_grad))]
    }
}

/// GELU of every number.
pub(crate) fn gelu_of(x: &Array) -> Array {
    let source = x.values();
    let mut output = unset(source.len());
    blocks(
        &mut output,
        #[inline(always)]
        |first, values| {
            for (y, &x) in values.iter_mut().zip(&source[first..]) {
                *y = value(x);
            }
        },
    );
    Array::new(output, x.shape())
}

/// `output_grad · gelu'(x)`.
pub(crate) fn through_gelu(x: &Array, output_grad: &Array) -> Array {
    let (source, grads) = (x.values(), output_grad.values());
    let mut output = unset(source.len());
    blocks(
        &mut output,
        #[inline(always)]
        |first, values| {
            for ((y, &x), &grad) in values.iter_mut().zip(&source[first..]).zip(&grads[first..]) {
                *y = grad * slope(x);
            }
        },
    );
    Array::new(output, x.shape())
}

#[inline(always)]
fn value(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// GELU of all `values`, in place.
#[inline(always)]
pub(crate) fn all(values: &mut [f32]) {
    for x in values.iter_mut() {
        *x = value(*x);
    }
}

#[inline(always)]
pub(crate) fn slope(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * DENSITY_AT_ZERO * exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, random};

    #[test]
    fn equals_its_composition() {
        compare([random(&[3, 700], 1)], |[x]: [Tensor<2>; 1]| gelu(x), |[x]| composed(x), 1e-6);
    }
}

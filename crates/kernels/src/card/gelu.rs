//! The exact GELU on a card, a pass forward and a pass backward; the error function is the processor's ([`crate::elementary`]).

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::operation::{CardOperation, apply};
use super::{grid, unset_like};
use crate::gelu::DENSITY_AT_ZERO;

/// GELU of every element.
pub(crate) fn gelu<const D: usize>(x: burn::Tensor<D>) -> burn::Tensor<D> {
    apply(Gelu, [x.into()])
}

#[derive(Clone, Debug)]
struct Gelu;

impl CardOperation<1> for Gelu {
    type Kept = CubeTensor;

    fn forward(&self, [x]: [CubeTensor; 1]) -> (CubeTensor, CubeTensor) {
        let output = unset_like(&x);
        let client = x.client.clone();
        let (cube_count, cube_dim) = grid(&client, x.meta.num_elements());
        gelu_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            x.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
        );
        (output, x)
    }

    fn backward(
        &self,
        x: CubeTensor,
        output_grad: CubeTensor,
        _wanted: [bool; 1],
    ) -> [Option<CubeTensor>; 1] {
        let grads = unset_like(&x);
        let client = x.client.clone();
        let (cube_count, cube_dim) = grid(&client, x.meta.num_elements());
        gelu_backward_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            x.into_tensor_arg(),
            output_grad.into_tensor_arg(),
            grads.clone().into_tensor_arg(),
        );
        [Some(grads)]
    }
}

#[cube(launch)]
fn gelu_kernel(x: &Tensor<f32>, output: &mut Tensor<f32>) {
    let at = ABSOLUTE_POS;
    if at < x.len() {
        output[at] = value(x[at]);
    }
}

#[cube(launch)]
fn gelu_backward_kernel(x: &Tensor<f32>, output_grad: &Tensor<f32>, grads: &mut Tensor<f32>) {
    let at = ABSOLUTE_POS;
    if at < x.len() {
        grads[at] = output_grad[at] * slope(x[at]);
    }
}

/// `x Φ(x)`.
#[cube]
pub(super) fn value(x: f32) -> f32 {
    0.5f32 * x * (1.0f32 + erf(x * FRAC_1_SQRT_2))
}

/// `Φ(x) + x φ(x)`.
#[cube]
pub(super) fn slope(x: f32) -> f32 {
    0.5f32 * (1.0f32 + erf(x * FRAC_1_SQRT_2)) + x * DENSITY_AT_ZERO * (-0.5f32 * x * x).exp()
}

/// [`crate::elementary::erf`], with its coefficients.
#[cube]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0f32, 4.0f32);
    let z = x * x;
    let p = 1.986_782_5e-6f32 * z + 2.845_671e-4f32;
    let p = p * z + 3.883_376_7e-3f32;
    let p = p * z + 5.310_184_5e-2f32;
    let p = p * z + 0.193_545_76f32;
    let p = p * z + FRAC_2_SQRT_PI;
    let q = 3.742_024e-5f32 * z + 1.185_58e-3f32;
    let q = q * z + 1.520_731_5e-2f32;
    let q = q * z + 0.115_350_3f32;
    let q = q * z + 0.504_858f32;
    let q = q * z + 1.0f32;
    x * (p / q)
}

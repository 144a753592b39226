//! Dropout on a card: the factors of `DropoutKey`, bit for bit, drawn where they are used.
//!
//! Draws are 64-bit integers, which not every card has; they are computed in halves of 32 bits. A unit makes one draw, which is the factor of
//! two elements.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::operation::{CardOperation, apply};
use super::{grid, unset_like};
use crate::dropout::DropoutKey;

/// `x [B, T, D]`, or any other shape, times the factors of `key`.
pub(crate) fn dropout<const D: usize>(x: burn::Tensor<D>, key: DropoutKey) -> burn::Tensor<D> {
    apply(key, [x.into()])
}

impl CardOperation<1> for DropoutKey {
    /// The factors are drawn again.
    type Kept = ();

    fn forward(&self, [x]: [CubeTensor; 1]) -> (CubeTensor, ()) {
        (multiply_by_factors(self, x), ())
    }

    fn backward(&self, (): (), output_grad: CubeTensor, _wanted: [bool; 1]) -> [Option<CubeTensor>; 1] {
        [Some(multiply_by_factors(self, output_grad))]
    }
}

/// `x` times the factors of `key`.
pub(super) fn multiply_by_factors(key: &DropoutKey, x: CubeTensor) -> CubeTensor {
    let output = unset_like(&x);
    let client = x.client.clone();
    let (cube_count, cube_dim) = grid(&client, x.meta.num_elements().div_ceil(2));
    dropout_kernel::launch(
        &client,
        cube_count,
        cube_dim,
        x.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        mask_of(Some(*key)),
    );
    output
}

/// A key as kernels take it.
#[derive(CubeType, CubeLaunch)]
pub(super) struct Mask {
    key_low: u32,
    key_high: u32,
    threshold: u32,
    kept: f32,
}

/// What a kernel is launched with; without a key nothing is dropped.
pub(super) fn mask_of(key: Option<DropoutKey>) -> MaskLaunch {
    let key = key.unwrap_or(DropoutKey { key: 0, probability: 0.0 });
    MaskLaunch::new(key.key as u32, (key.key >> 32) as u32, key.threshold(), key.kept())
}

#[cube(launch)]
fn dropout_kernel(x: &Tensor<f32>, output: &mut Tensor<f32>, mask: &Mask) {
    let pair = ABSOLUTE_POS;
    let first = pair * 2;
    if first < x.len() {
        let (low, high) = draw(pair as u32, mask.key_low, mask.key_high);
        output[first] = x[first] * select(low < mask.threshold, 0.0f32, mask.kept);
        if first + 1 < x.len() {
            output[first + 1] = x[first + 1] * select(high < mask.threshold, 0.0f32, mask.kept);
        }
    }
}

/// The factor of element `index`, for kernels that visit elements in an order of their own.
#[cube]
pub(super) fn factor(index: u32, mask: &Mask) -> f32 {
    let (low, high) = draw(index >> 1u32, mask.key_low, mask.key_high);
    let half = select(index & 1u32 == 0u32, low, high);
    select(half < mask.threshold, 0.0f32, mask.kept)
}

/// Draw number `pair` of the key's stream, low and high half: `mix(key + (pair + 1) γ)`.
#[cube]
fn draw(pair: u32, key_low: u32, key_high: u32) -> (u32, u32) {
    let (step_low, step_high) = multiply(pair + 1, 0u32, 0x7F4A_7C15u32, 0x9E37_79B9u32);
    let low = key_low + step_low;
    let carry = select(low < step_low, 1u32, 0u32);
    let high = key_high + step_high + carry;
    let (low, high) = shifted(low, high, 30u32);
    let (low, high) = multiply(low, high, 0x1CE4_E5B9u32, 0xBF58_476Du32);
    let (low, high) = shifted(low, high, 27u32);
    let (low, high) = multiply(low, high, 0x1331_11EBu32, 0x94D0_49BBu32);
    shifted(low, high, 31u32)
}

/// The low 64 bits of a product.
#[cube]
fn multiply(low: u32, high: u32, factor_low: u32, factor_high: u32) -> (u32, u32) {
    let product_high = u32::mul_hi(low, factor_low) + low * factor_high + high * factor_low;
    (low * factor_low, product_high)
}

/// `z ^ (z >> by)`, `by` from 1 to 31.
#[cube]
fn shifted(low: u32, high: u32, by: u32) -> (u32, u32) {
    let moved = (low >> by) | (high << (32u32 - by));
    (low ^ moved, high ^ (high >> by))
}

//! Mixed precision, as `torch.autocast` has it: products in a half type, everything between them in float32.
//!
//! Operands of linear maps, convolutions, attention and code logits are rounded to the [`Precision`], summed in float32, and the results
//! (outputs, and gradients of inputs) rounded again, so a gradient too large for float16 becomes infinite, which loss scaling waits for.
//! Gradients of weights stay float32, as do norms, softmax, GELU, losses and biases. Attention scores and code logits are not rounded.
//! Tensors hold float32 throughout; master weights are the caller's.

use burn::Tensor;
use burn::tensor::{Device, FloatDType};
pub use simd::Precision;

use crate::device::is_processor;

/// Whether `device` computes in `precision`: the CPU does all of them; other devices have the half types or not, and no split products.
pub fn computes_in(device: &Device, precision: Precision) -> bool {
    is_processor(device)
        || match precision {
            Precision::Float32 => true,
            Precision::Bfloat16 => device.supports_dtype(FloatDType::BF16),
            Precision::Float16 => device.supports_dtype(FloatDType::F16),
            Precision::Split => false,
        }
}

/// An operand of a composed product.
pub(crate) fn operand<const D: usize>(x: Tensor<D>, precision: Precision) -> Tensor<D> {
    match precision {
        Precision::Float32 | Precision::Split => x,
        Precision::Bfloat16 => x.cast(FloatDType::BF16),
        Precision::Float16 => x.cast(FloatDType::F16),
    }
}

/// The result of a composed product.
pub(crate) fn result<const D: usize>(x: Tensor<D>, precision: Precision) -> Tensor<D> {
    if precision.is_half() { x.cast(FloatDType::F32) } else { x }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::operation::check::random;

    #[test]
    fn a_composed_product_rounds_its_operands_and_its_result() {
        let device = Device::flex();
        for precision in [Precision::Bfloat16, Precision::Float16] {
            assert!(computes_in(&device, precision));
            let (a, b) = (random(&[1, 7, 5], 1), random(&[1, 5, 6], 2));
            let product = result(
                operand(a.tensor::<3>(), precision).matmul(operand(b.tensor::<3>(), precision)),
                precision,
            );
            let found = product.into_data().try_into_vec::<f32>().unwrap();
            for (index, &found) in found.iter().enumerate() {
                let (row, column) = (index / 6, index % 6);
                let terms = (0..5).map(|k| {
                    precision.round(a.values()[row * 5 + k]) * precision.round(b.values()[k * 6 + column])
                });
                // The engine may add in the half type.
                let tolerance = if precision == Precision::Bfloat16 { 0.1 } else { 0.01 };
                assert!((found - terms.sum::<f32>()).abs() < tolerance);
                assert_eq!(found, precision.round(found));
            }
        }
    }
}

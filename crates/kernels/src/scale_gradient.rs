//! `y = x`, but the gradient is multiplied: `dx = a · dy` (fairseq's `GradMultiply`, wav2vec 2.0's `feature_grad_mult`).

use burn::Tensor;

use crate::operation::{Array, CpuOperation, apply, on_cpu};

/// Passes `x` on unchanged and multiplies the gradient that comes back by `factor`.
///
/// A factor of 0 or less cuts the tape: no gradient at all.
pub fn scale_gradient(x: Tensor<3>, factor: f64) -> Tensor<3> {
    if factor <= 0.0 {
        return x.detach();
    }
    #[expect(clippy::float_cmp, reason = "exactly 1 is exactly no change")]
    if factor == 1.0 {
        return x;
    }
    if on_cpu(&x) {
        return apply(ScaleGradient { factor: factor as f32 }, [x.into()]);
    }
    let constant = x.clone().detach();
    // The difference is exactly 0, so the value is exactly x.
    constant.clone() + (x - constant) * factor
}

#[derive(Clone, Debug)]
struct ScaleGradient {
    factor: f32,
}

impl CpuOperation<1> for ScaleGradient {
    const READS: [bool; 1] = [false];

    fn forward(&self, [x]: &[Array; 1]) -> Array {
        x.clone()
    }

    fn backward(&self, _: &[Array; 1], output_grad: &Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let values = output_grad.values().iter().map(|grad| grad * self.factor).collect();
        [Some(Array::new(values, output_grad.shape()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::random;

    #[test]
    fn the_value_stays_and_the_gradient_shrinks() {
        let x = random(&[1, 3, 4], 1).tensor::<3>().autodiff().require_grad();
        let y = scale_gradient(x.clone(), 0.25);
        assert_eq!(y.clone().inner().into_data(), x.clone().inner().into_data());
        let grads = (y * 3.0).sum().backward();
        let grad = x.grad(&grads).unwrap().into_data().try_into_vec::<f32>().unwrap();
        assert!(grad.iter().all(|&g| g == 0.75));
    }

    #[test]
    fn a_factor_of_zero_cuts_the_tape() {
        let x = random(&[1, 3, 4], 1).tensor::<3>().autodiff().require_grad();
        let grads = (scale_gradient(x.clone(), 0.0) * x.clone().detach()).sum().backward();
        assert!(x.grad(&grads).is_none());
    }
}

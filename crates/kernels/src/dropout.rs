//! Dropout whose mask is a pure function of a key: element `i` is kept when draw `i` of the key's stream says so.
//!
//! `y = x · m / (1 − p)`, `m` Bernoulli with P(m = 1) = 1 − p (Srivastava et al. 2014). The mask is drawn again in the backward pass.

use burn::Tensor;
use burn::tensor::TensorData;
use draws::{Draws, mix};

use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::blocks;

/// Which mask is drawn, and how much it drops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropoutKey {
    /// The stream's key; equal keys give equal masks.
    pub key: u64,
    /// Share of elements dropped, in `[0, 1)`.
    pub probability: f32,
}

impl DropoutKey {
    /// A mask keyed by `(seed, purpose, position)`.
    pub fn new(seed: u64, position: &[u64], probability: f64) -> Self {
        Self { key: Draws::new(seed, "dropout", position).at(0), probability: probability as f32 }
    }

    /// The factor of element `index`: 0 or `1 / (1 − p)`.
    pub(crate) fn factor(&self, index: u64) -> f32 {
        let half = (self.draw(index >> 1) >> (32 * (index & 1))) as u32;
        if half < self.threshold() { 0.0 } else { self.kept() }
    }

    /// Multiplies `values`, which begin with element `first`, by their factors.
    pub(crate) fn multiply(&self, first: u64, values: &mut [f32]) {
        let (threshold, kept) = (self.threshold(), self.kept());
        let skip = usize::from(first % 2 == 1).min(values.len());
        let (odd, values) = values.split_at_mut(skip);
        for value in odd {
            *value *= self.factor(first);
        }
        let first = (first + skip as u64) >> 1;
        let (pairs, rest) = values.as_chunks_mut::<2>();
        simd::vectorised(
            #[inline(always)]
            || {
                for (index, pair) in pairs.iter_mut().enumerate() {
                    let draw = self.draw(first + index as u64);
                    pair[0] *= if (draw as u32) < threshold { 0.0 } else { kept };
                    pair[1] *= if ((draw >> 32) as u32) < threshold { 0.0 } else { kept };
                }
            },
        );
        for value in rest {
            *value *= self.factor((first + pairs.len() as u64) << 1);
        }
    }

    /// Two elements share a draw of 64 bits.
    #[inline(always)]
    fn draw(&self, pair: u64) -> u64 {
        mix(self.key.wrapping_add(pair.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    #[inline(always)]
    pub(crate) fn threshold(&self) -> u32 {
        (f64::from(self.probability) * 4_294_967_296.0) as u32
    }

    #[inline(always)]
    pub(crate) fn kept(&self) -> f32 {
        1.0 / (1.0 - self.probability)
    }
}

/// Drops elements of `x [B, T, D]` by the mask of `key`.
pub fn dropout(x: Tensor<3>, key: DropoutKey) -> Tensor<3> {
    if key.probability <= 0.0 {
        return x;
    }
    if on_cpu(&x) {
        return apply(Dropout { key }, [x.into()]);
    }
    dropped(x, key)
}

/// `x` times the factors of `key`, on other devices than the processor.
pub(crate) fn dropped<const D: usize>(x: Tensor<D>, key: DropoutKey) -> Tensor<D> {
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::dropout(x, key);
    }
    let shape = x.dims();
    let mask: Vec<f32> = (0..shape.iter().product::<usize>() as u64).map(|index| key.factor(index)).collect();
    let device = x.device();
    x * Tensor::from_data(TensorData::new(mask, shape), &device)
}

#[derive(Clone, Debug)]
struct Dropout {
    key: DropoutKey,
}

impl Dropout {
    fn masked(&self, array: &Array) -> Array {
        let source = array.values();
        let mut output = unset(source.len());
        blocks(&mut output, |first, values| {
            values.copy_from_slice(&source[first..][..values.len()]);
            self.key.multiply(first as u64, values);
        });
        Array::new(output, array.shape())
    }
}

impl CpuOperation<1> for Dropout {
    const READS: [bool; 1] = [false];

    fn forward(&self, [x]: &[Array; 1]) -> Array {
        self.masked(x)
    }

    fn backward(&self, _: &[Array; 1], output_grad: &Array, _wanted: [bool; 1]) -> [Option<Array>; 1] {
        [Some(self.masked(output_grad))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    #[test]
    fn the_share_dropped_is_the_probability_and_the_mean_is_kept() {
        let key = DropoutKey::new(1, &[2, 3], 0.1);
        let factors: Vec<f64> = (0..200_000).map(|i| f64::from(key.factor(i))).collect();
        let dropped = factors.iter().filter(|&&f| f == 0.0).count() as f64 / 200_000.0;
        let mean = factors.iter().sum::<f64>() / 200_000.0;
        assert!((dropped - 0.1).abs() < 3e-3 && (mean - 1.0).abs() < 4e-3, "{dropped} {mean}");
    }

    #[test]
    fn a_stretch_gets_the_factors_of_its_elements() {
        let key = DropoutKey::new(1, &[2], 0.4);
        for (first, n) in [(0, 33), (7, 40), (7, 1), (8, 0), (1 << 40, 5)] {
            let mut values = vec![2.0; n];
            key.multiply(first, &mut values);
            let expected = (0..n as u64).map(|i| 2.0 * key.factor(first + i));
            assert!(values.iter().copied().eq(expected));
        }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(&Dropout { key: DropoutKey::new(1, &[], 0.3) }, [random(&[2, 3, 5], 1)]);
    }
}

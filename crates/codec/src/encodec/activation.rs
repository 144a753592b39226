//! The three non-linear functions of the encoder: ELU, the logistic function and tanh.
//!
//! All come from `eˣ − 1 = 2ᵏ p + (2ᵏ − 1)` with `k = round(x / ln 2)`, `r = x − k ln 2`, `|r| ≤ ln 2 / 2` and `p = eʳ − 1` by its Taylor
//! series up to `r⁷/7!` (remainder below 6e-9 of `r`). Near 0 `k` is 0, so nothing cancels. Written so that the compiler vectorises them.
//! float32. Pure.

use simd::vectorised;

/// `ln 2` in two parts, so that `x − k ln 2` keeps its digits; the first has 9 trailing zero bits (Cody and Waite 1980).
const LN2_HIGH: f32 = 0.693_359_375;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Adding and taking away 1.5·2²³ rounds to a whole number.
const ROUNDER: f32 = 12_582_912.0;
/// `e⁻⁸⁷` is about the least normal float32.
const FARTHEST: f32 = 87.0;

/// `eˣ − 1` for `|x|` up to 87, and what stands there beyond.
#[inline(always)]
fn exp_minus_one(x: f32) -> f32 {
    let x = x.clamp(-FARTHEST, FARTHEST);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let k = shifted - ROUNDER;
    let r = k.mul_add(-LN2_LOW, k.mul_add(-LN2_HIGH, x));
    let series = r.mul_add(1.0 / 5040.0, 1.0 / 720.0);
    let series = r.mul_add(series, 1.0 / 120.0);
    let series = r.mul_add(series, 1.0 / 24.0);
    let series = r.mul_add(series, 1.0 / 6.0);
    let series = r.mul_add(series, 0.5);
    let p = (r * r).mul_add(series, r);
    let two_to_k = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    two_to_k.mul_add(p, two_to_k - 1.0)
}

/// `x` above 0, else `eˣ − 1`.
#[inline(always)]
pub(crate) fn elu(x: f32) -> f32 {
    let below = exp_minus_one(if x > 0.0 { 0.0 } else { x });
    if x > 0.0 { x } else { below }
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (2.0 + exp_minus_one(-x))
}

/// `tanh |x| = −t / (2 + t)` with `t = e^(−2|x|) − 1`.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let t = exp_minus_one(-2.0 * x.abs());
    (-t / (2.0 + t)).copysign(x)
}

/// ELU of all of `values`, in place.
pub(crate) fn elu_all(values: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || values.iter_mut().for_each(|value| *value = elu(*value)),
    );
}

/// ELU of `values` behind what is in `into`.
pub(crate) fn elu_extend(into: &mut Vec<f32>, values: &[f32]) {
    let at = into.len();
    into.resize(at + values.len(), 0.0);
    let into = &mut into[at..];
    vectorised(
        #[inline(always)]
        || into.iter_mut().zip(values).for_each(|(y, &x)| *y = elu(x)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_exact_to_float32() {
        let (mut elus, mut sigmoids, mut tanhs) = (0.0f64, 0.0f64, 0.0f64);
        for step in -200_000..200_000 {
            let x = step as f32 * 4e-4 + 1e-5;
            let exact = f64::from(x);
            let relative = |ours: f32, exact: f64| (f64::from(ours) / exact - 1.0).abs();
            elus = elus.max(relative(elu(x), if x > 0.0 { exact } else { exact.exp_m1() }));
            sigmoids = sigmoids.max(relative(sigmoid(x), 1.0 / (1.0 + (-exact).exp())));
            tanhs = tanhs.max(relative(tanh(x), exact.tanh()));
        }
        assert!(elus < 3e-7 && sigmoids < 4e-7 && tanhs < 4e-7, "{elus:e} {sigmoids:e} {tanhs:e}");
        assert!((elu(-1e30) + 1.0).abs() < 1e-7 && elu(0.0).abs() < 1e-12 && elu(f32::NAN).is_nan());
        assert!((tanh(-1e30) + 1.0).abs() < 1e-7 && sigmoid(1e30) > 0.999_999 && sigmoid(-1e30) < 1e-37);
    }

    #[test]
    fn slices_are_their_elements() {
        let values: Vec<f32> = (0..100).map(|i| i as f32 * 0.1 - 5.0).collect();
        let (mut in_place, mut behind) = (values.clone(), vec![7.0]);
        elu_all(&mut in_place);
        elu_extend(&mut behind, &values);
        assert!(values.iter().zip(&in_place).all(|(&x, y)| elu(x).to_bits() == y.to_bits()));
        assert_eq!(behind[1..], in_place);
    }
}

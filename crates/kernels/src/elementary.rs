//! exp, erf and their friends for float32, written so that a compiler vectorises them.
//!
//! Pure. Errors against float64 over the whole range are stated and tested here.

/// `e^x`, relative error below 2e-7 from -87.33 to 88.7; below and above, the value at that end (the smallest normal float, 3e38).
///
/// `e^x = 2^n · e^r` with `n` the nearest whole number to `x / ln 2`; `ln 2` in two parts so that `r` is exact; Taylor series of `e^r`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2^23: adding it leaves the nearest whole number in the low bits.
    let x = x.clamp(-87.33, 88.7);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_375, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.0 / 5040.0;
    let p = r.mul_add(p, 1.0 / 720.0);
    let p = r.mul_add(p, 1.0 / 120.0);
    let p = r.mul_add(p, 1.0 / 24.0);
    let p = r.mul_add(p, 1.0 / 6.0);
    let p = r.mul_add(p, 0.5);
    let p = r.mul_add(p, 1.0);
    let p = r.mul_add(p, 1.0);
    let exponent = (shifted.to_bits() << 23).wrapping_add(0x3F80_0000);
    p * f32::from_bits(exponent)
}

/// The error function, absolute error below 4e-7.
///
/// `erf x = x · P(x²) / Q(x²)` on `|x| ≤ 4`, beyond which it rounds to ±1; coefficients by a weighted least-squares fit of ours.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let z = x * x;
    let p = 1.986_782_5e-6;
    let p = z.mul_add(p, 2.845_671e-4);
    let p = z.mul_add(p, 3.883_376_7e-3);
    let p = z.mul_add(p, 5.310_184_5e-2);
    let p = z.mul_add(p, 0.193_545_76);
    let p = z.mul_add(p, std::f32::consts::FRAC_2_SQRT_PI);
    let q = 3.742_024e-5;
    let q = z.mul_add(q, 1.185_58e-3);
    let q = z.mul_add(q, 1.520_731_5e-2);
    let q = z.mul_add(q, 0.115_350_3);
    let q = z.mul_add(q, 0.504_858);
    let q = z.mul_add(q, 1.0);
    x * (p / q)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Taylor series, in float64.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn exp_is_exact_to_float32() {
        let worst = (-870..880)
            .map(|i| i as f32 * 0.1 + 0.037)
            .map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "{worst}");
        assert!(exp(-1000.0) < 1.2e-38);
    }

    #[test]
    fn erf_is_exact_to_float32() {
        let worst = (-420..=420)
            .map(|i| i as f32 * 0.01)
            .map(|x| (f64::from(erf(x)) - erf_series(f64::from(x))).abs())
            .fold(0.0, f64::max);
        assert!(worst < 4e-7, "{worst}");
    }
}

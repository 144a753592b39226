//! Whether products come out right on this machine.

use super::{Product, Target, Threads, View};
use crate::Precision;

/// Rows, columns and inner size: edges of every kernel, and more than one block of the inner dimension.
const SIZES: [usize; 3] = [75, 97, 1700];

/// Largest error of a product in `precision` on all threads, against a plain loop over the rounded operands in float64.
///
/// Relative to the sum of the magnitudes that an element adds up; below 1e-6 where all is well. NaN where a product is.
pub fn largest_error(precision: Precision) -> f64 {
    let [m, n, k] = SIZES;
    let numbers = |n: usize, salt: f32| (0..n).map(|i| (i as f32 * salt).sin()).collect::<Vec<f32>>();
    let (left, right) = (numbers(m * k, 0.7), numbers(k * n, 1.3));
    let mut found = vec![0.0; m * n];
    let product = Product::new(View::dense(&left, m, k), View::dense(&right, k, n));
    product.with(precision).on(Threads::All).write(Target::new(&mut found, n));
    let rounded = |x: f32| f64::from(precision.round(x));
    let mut worst = 0.0_f64;
    for (at, &found) in found.iter().enumerate() {
        let terms = (0..k).map(|x| rounded(left[at / n * k + x]) * rounded(right[x * n + at % n]));
        let (sum, size) =
            terms.fold((0.0, 0.0), |(sum, size): (f64, f64), term| (sum + term, size + term.abs()));
        let error = (f64::from(found) - sum).abs() / size;
        if error.is_nan() {
            return f64::NAN;
        }
        worst = worst.max(error);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_every_precision_are_right() {
        for precision in [Precision::Float32, Precision::Bfloat16, Precision::Float16, Precision::Split] {
            let error = largest_error(precision);
            assert!(error > 0.0 && error < 1e-6, "{precision}: {error:e}");
        }
    }
}

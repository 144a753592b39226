//! How fast products are on this machine just now: what whole passes are measured against.

use std::time::Instant;

use super::{Product, Target, Threads, View};
use crate::Precision;

/// Speed of a 2048³ product on all threads of the current pool, GFLOP/s.
pub fn square_product_gflops(precision: Precision) -> f64 {
    fastest(precision, 2048, 5)
}

/// The same of a 1024³ product, in a fraction of a second: a first impression.
pub fn quick_product_gflops(precision: Precision) -> f64 {
    fastest(precision, 1024, 3)
}

/// Speed of a product of square matrices, GFLOP/s. After one for warmth the fastest of `tries` counts.
fn fastest(precision: Precision, side: usize, tries: usize) -> f64 {
    let left: Vec<f32> = (0..side * side).map(|i| (i % 7) as f32 - 3.0).collect();
    let right: Vec<f32> = (0..side * side).map(|i| (i % 5) as f32 - 2.0).collect();
    let mut out = vec![0.0; side * side];
    let mut best = f64::INFINITY;
    for attempt in 0..=tries {
        let begun = Instant::now();
        let product = Product::new(View::dense(&left, side, side), View::dense(&right, side, side));
        product.with(precision).on(Threads::All).write(Target::new(&mut out, side));
        if attempt > 0 {
            best = best.min(begun.elapsed().as_secs_f64());
        }
    }
    2e-9 * (side * side * side) as f64 / best
}

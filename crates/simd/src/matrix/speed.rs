//! How fast products are on this machine just now: what whole passes are measured against.

use std::time::Instant;

use super::{Product, Target, Threads, View};
use crate::Precision;

/// Side of the product.
const SIDE: usize = 2048;

/// Products tried, after one for warmth; the fastest counts.
const TRIES: usize = 5;

/// Speed of a 2048³ product on all threads of the current pool, GFLOP/s.
pub fn square_product_gflops(precision: Precision) -> f64 {
    let left: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 7) as f32 - 3.0).collect();
    let right: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 5) as f32 - 2.0).collect();
    let mut out = vec![0.0; SIDE * SIDE];
    let mut best = f64::INFINITY;
    for attempt in 0..=TRIES {
        let begun = Instant::now();
        let product = Product::new(View::dense(&left, SIDE, SIDE), View::dense(&right, SIDE, SIDE));
        product.with(precision).on(Threads::All).write(Target::new(&mut out, SIDE));
        if attempt > 0 {
            best = best.min(begun.elapsed().as_secs_f64());
        }
    }
    2e-9 * (SIDE * SIDE * SIDE) as f64 / best
}

//! Rows in parallel, with the widest instructions the machine has, and the same result for every thread count.

use rayon::prelude::*;
use simd::vectorised;

/// Rows handled as one task; fixed, so that sums over rows do not depend on the number of threads.
const BLOCK_ROWS: usize = 64;

/// Below this many elements a task costs more than it saves.
const SMALL: usize = 16 * 1024;

/// Calls `body(row index, output row)` for every row of `output`, vectorised for this machine.
#[inline]
pub(crate) fn rows(output: &mut [f32], width: usize, body: impl Fn(usize, &mut [f32]) + Sync) {
    let block = |block: usize, rows: &mut [f32]| {
        vectorised(
            #[inline(always)]
            || {
                for (row, values) in rows.chunks_exact_mut(width).enumerate() {
                    body(block * BLOCK_ROWS + row, values);
                }
            },
        );
    };
    if output.len() < SMALL {
        output.chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(index, rows)| block(index, rows));
    } else {
        output.par_chunks_mut(BLOCK_ROWS * width).enumerate().for_each(|(index, rows)| block(index, rows));
    }
}

/// Calls `body(first index, stretch)` for stretches of `output`, vectorised for this machine.
#[inline]
pub(crate) fn blocks(output: &mut [f32], body: impl Fn(usize, &mut [f32]) + Sync) {
    const STRETCH: usize = 1 << 14;
    let stretch = |index: usize, values: &mut [f32]| {
        vectorised(
            #[inline(always)]
            || body(index * STRETCH, values),
        );
    };
    if output.len() <= SMALL {
        output.chunks_mut(STRETCH).enumerate().for_each(|(index, values)| stretch(index, values));
    } else {
        output.par_chunks_mut(STRETCH).enumerate().for_each(|(index, values)| stretch(index, values));
    }
}

/// Adds up `n_sums` running sums over rows: `body(row, sums)` adds row `row` into `sums`; blocks are then added in order.
#[inline]
pub(crate) fn sum_rows(n_rows: usize, n_sums: usize, body: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let block = |block: usize| {
        let mut sums = vec![0.0f32; n_sums];
        vectorised(
            #[inline(always)]
            || {
                for row in block * BLOCK_ROWS..n_rows.min((block + 1) * BLOCK_ROWS) {
                    body(row, &mut sums);
                }
            },
        );
        sums
    };
    let n_blocks = n_rows.div_ceil(BLOCK_ROWS);
    let partial: Vec<Vec<f32>> = if n_rows * n_sums < SMALL {
        (0..n_blocks).map(block).collect()
    } else {
        (0..n_blocks).into_par_iter().map(block).collect()
    };
    let mut totals = vec![0.0f64; n_sums];
    for sums in &partial {
        for (total, &sum) in totals.iter_mut().zip(sums) {
            *total += f64::from(sum);
        }
    }
    totals.into_iter().map(|total| total as f32).collect()
}

//! Rows of layer features, and their weighted sum over layers.
//!
//! `x[b, d] = bias + Σ_l w_l h[b, l, d]` and `g_l = Σ_{b, d} δ[b, d] h[b, l, d]`. Shapes: B batch, L layers, D width.
//! These two read every feature of a batch once each and are what training waits for; sums use fixed lanes, so no result depends on the processor's vectors.

use crate::EvaluateError;
use crate::error::same_size;
use rayon::prelude::*;
use simd::vectorised;

/// Float32 lanes of a sum.
const LANES: usize = 16;

/// Examples `[N, stride]`, of which only a run of columns (some of the layers) is used.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    data: &'a [f32],
    stride: usize,
    start: usize,
    len: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `stride` elements, of each of which `len` from `start` on are used.
    pub fn new(data: &'a [f32], stride: usize, start: usize, len: usize) -> Result<Self, EvaluateError> {
        if stride == 0 || len == 0 || start.saturating_add(len) > stride {
            return Err(EvaluateError::Size {
                what: "columns used of a row of features".to_owned(),
                expected: stride,
                found: start.saturating_add(len),
            });
        }
        same_size("features of whole examples", data.len().next_multiple_of(stride), data.len())?;
        Ok(Self { data, stride, start, len })
    }

    /// N.
    pub fn n_examples(&self) -> usize {
        self.data.len() / self.stride
    }

    /// Elements used of a row.
    pub fn row_len(&self) -> usize {
        self.len
    }

    /// The used part of one row.
    pub fn row(&self, example: usize) -> &'a [f32] {
        &self.data[example * self.stride + self.start..][..self.len]
    }
}

/// Elements of features that are worth a thread of their own.
const PART: usize = 1 << 16;

/// Writes the weighted sums over layers of the examples `batch` to `out` `[B, D]`.
pub(super) fn weighted_sum(out: &mut [f32], bias: f32, weights: &[f32], rows: &Rows<'_>, batch: &[usize]) {
    let width = rows.len / weights.len();
    let n_examples = PART.div_ceil(rows.len);
    let parts = out.par_chunks_mut(n_examples * width).zip(batch.par_chunks(n_examples));
    parts.for_each(|(out, batch)| {
        vectorised(
            #[inline(always)]
            || {
                for (to, &example) in out.chunks_exact_mut(width).zip(batch) {
                    to.fill(bias);
                    for (layer, &weight) in rows.row(example).chunks_exact(width).zip(weights) {
                        for (x, &h) in to.iter_mut().zip(layer) {
                            *x += weight * h;
                        }
                    }
                }
            },
        );
    });
}

/// The slope of each layer's weight, given that of the sums `[B, D]`.
pub(super) fn weighted_sum_gradient(
    layers: usize,
    slopes: &[f32],
    rows: &Rows<'_>,
    batch: &[usize],
) -> Vec<f64> {
    let width = rows.len / layers;
    let n_examples = PART.div_ceil(rows.len);
    let mut dots = vec![0.0; batch.len() * layers];
    let parts = dots.par_chunks_mut(n_examples * layers).zip(batch.par_chunks(n_examples));
    parts.zip(slopes.par_chunks(n_examples * width)).for_each(|((dots, batch), slopes)| {
        vectorised(
            #[inline(always)]
            || {
                let examples = slopes.chunks_exact(width).zip(batch);
                for (dots, (slope, &example)) in dots.chunks_exact_mut(layers).zip(examples) {
                    for (to, layer) in dots.iter_mut().zip(rows.row(example).chunks_exact(width)) {
                        *to = dot(slope, layer);
                    }
                }
            },
        );
    });
    // In the order of the batch, whoever took which part.
    let mut sums = vec![0.0; layers];
    for dots in dots.chunks_exact(layers) {
        sums.iter_mut().zip(dots).for_each(|(sum, &dot)| *sum += f64::from(dot));
    }
    sums
}

#[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "sums of small whole numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn only_the_chosen_columns_are_summed() {
        // Two examples of three layers of width 2; the first layer is not used.
        let data: Vec<f32> = (0..12u8).map(f32::from).collect();
        let rows = Rows::new(&data, 6, 2, 4).unwrap();
        let mut out = [0.0; 4];
        weighted_sum(&mut out, 1.0, &[1.0, 10.0], &rows, &[1, 0]);
        assert_eq!(out, [109.0, 120.0, 43.0, 54.0]);
        let slopes = weighted_sum_gradient(2, &[1.0, 0.0, 0.0, 1.0], &rows, &[1, 0]);
        assert_eq!(slopes, [8.0 + 3.0, 10.0 + 5.0]);
        assert!(Rows::new(&data, 6, 3, 4).is_err());
        assert!(Rows::new(&data, 5, 0, 4).is_err());
    }

    #[test]
    fn a_dot_product_covers_lanes_and_rest() {
        let ones = [1.0f32; 37];
        let ramp: Vec<f32> = (0..37u8).map(f32::from).collect();
        assert_eq!(dot(&ones, &ramp), 666.0);
    }
}

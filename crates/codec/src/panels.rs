//! Products of many rows with one matrix that stays: `y[m, n] = b[n] + Σ_k x[m·s + k] · w[k, n]`.
//!
//! Rows of `x` may overlap (`s` below the number of lines), which is how a strided convolution is read without a copy. The matrix is
//! packed once into panels of up to 64 columns, line after line, so that a product reads it from front to back. Every element is one
//! chain of fused products in the order of `k`: a row's result depends on no other row, nor on blocks, threads or processor. Pure.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Columns of a panel: four of the widest vectors.
const WIDTH: usize = 64;
/// Columns are filled up to a multiple of this with zeros.
const GROUP: usize = 16;
/// Lines of a panel that are read for all rows before the next: 64 KiB, so that they stay in the second cache.
const BLOCK_LINES: usize = 256;
/// Most rows of a tile.
const MOST_ROWS: usize = 8;

/// A matrix `[k, n]` and a bias `[n]`, packed.
#[derive(Clone)]
pub(crate) struct Panels {
    n_lines: usize,
    n_columns: usize,
    /// Panel after panel, each `[k, width]`.
    values: Vec<f32>,
    /// Filled up with zeros to whole groups.
    bias: Vec<f32>,
}

/// What a product begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The bias.
    Bias,
    /// What is in the output.
    Output,
    /// Both.
    OutputAndBias,
}

impl Panels {
    /// Packs `element(k, n)`.
    pub(crate) fn pack(n_lines: usize, bias: &[f32], element: impl Fn(usize, usize) -> f32) -> Self {
        let n_columns = bias.len();
        let padded = n_columns.next_multiple_of(GROUP);
        let mut values = Vec::with_capacity(n_lines * padded);
        for first in (0..padded).step_by(WIDTH) {
            for line in 0..n_lines {
                let columns = first..padded.min(first + WIDTH);
                values.extend(columns.map(|n| if n < n_columns { element(line, n) } else { 0.0 }));
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        Self { n_lines, n_columns, values, bias }
    }

    /// Columns, n.
    pub(crate) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Multiplies rows with `lines` of the matrix.
    ///
    /// # Shapes
    /// - x: row `m` is `x[m·stride..][..lines.len()]`
    /// - out: `[M, n]`
    ///
    /// # Panics
    /// When a row leaves `x`, or `lines` the matrix.
    pub(crate) fn multiply(
        &self,
        x: &[f32],
        stride: usize,
        lines: Range<usize>,
        start: Start,
        out: &mut [f32],
    ) {
        let n_rows = out.len() / self.n_columns;
        assert!(out.len() == n_rows * self.n_columns, "the output has whole rows");
        assert!(lines.end <= self.n_lines, "the lines are of the matrix");
        if n_rows == 0 {
            return;
        }
        assert!((n_rows - 1) * stride + lines.len() <= x.len(), "every row lies in the input");
        Arch::new().dispatch(Product { panels: self, x, stride, lines, start, n_rows, out });
    }
}

struct Product<'a> {
    panels: &'a Panels,
    x: &'a [f32],
    stride: usize,
    lines: Range<usize>,
    start: Start,
    n_rows: usize,
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels, x, stride, lines, start, n_rows, out } = self;
        let padded = panels.bias.len();
        for first in (0..padded).step_by(WIDTH) {
            let width = WIDTH.min(padded - first);
            let panel = &panels.values[first * panels.n_lines..][..panels.n_lines * width];
            let mut from = lines.start;
            // An empty range still sets the output.
            loop {
                let to = lines.end.min(from + BLOCK_LINES);
                let block = Block {
                    x: &x[from - lines.start..],
                    stride,
                    weights: &panel[from * width..to * width],
                    width,
                    n_lines: to - from,
                    bias: &panels.bias[first..first + width],
                    start: if from == lines.start { start } else { Start::Output },
                };
                block.all_rows(simd, n_rows, out, panels.n_columns, first);
                from = to;
                if from >= lines.end {
                    break;
                }
            }
        }
    }
}

/// Some lines of one panel.
struct Block<'a> {
    x: &'a [f32],
    stride: usize,
    /// `[n_lines, width]`.
    weights: &'a [f32],
    width: usize,
    n_lines: usize,
    bias: &'a [f32],
    start: Start,
}

impl Block<'_> {
    #[inline(always)]
    fn all_rows<S: Simd>(
        &self,
        simd: S,
        n_rows: usize,
        out: &mut [f32],
        n_columns: usize,
        first_column: usize,
    ) {
        let valid = self.width.min(n_columns - first_column);
        let most = if self.width > 2 * GROUP { 6 } else { MOST_ROWS };
        let mut row = 0;
        while row < n_rows {
            let left = n_rows - row;
            let rows = if left >= most {
                most
            } else if left >= 4 {
                4
            } else {
                1
            };
            let target = &mut out[row * n_columns + first_column..];
            if valid == self.width {
                self.tile(simd, row, rows, target, n_columns);
            } else {
                // The panel is wider than what is left of the row.
                let mut room = [0.0; MOST_ROWS * WIDTH];
                for (room, target) in room.chunks_mut(self.width).zip(target.chunks(n_columns)).take(rows) {
                    room[..valid].copy_from_slice(&target[..valid]);
                }
                self.tile(simd, row, rows, &mut room, self.width);
                for (room, target) in room.chunks(self.width).zip(target.chunks_mut(n_columns)).take(rows) {
                    target[..valid].copy_from_slice(&room[..valid]);
                }
            }
            row += rows;
        }
    }

    /// All columns of a few rows: the whole panel where its sums fit the registers, group by group elsewhere.
    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, row: usize, rows: usize, out: &mut [f32], out_stride: usize) {
        if S::F32_LANES == GROUP {
            match self.width / GROUP {
                1 => self.rows_of::<S, 1>(simd, row, rows, 0, out, out_stride),
                2 => self.rows_of::<S, 2>(simd, row, rows, 0, out, out_stride),
                3 => self.rows_of::<S, 3>(simd, row, rows, 0, out, out_stride),
                _ => self.rows_of::<S, 4>(simd, row, rows, 0, out, out_stride),
            }
            return;
        }
        for column in (0..self.width).step_by(GROUP) {
            match S::F32_LANES {
                8 => self.rows_of::<S, 2>(simd, row, rows, column, out, out_stride),
                4 => self.rows_of::<S, 4>(simd, row, rows, column, out, out_stride),
                2 => self.rows_of::<S, 8>(simd, row, rows, column, out, out_stride),
                _ => self.rows_of::<S, 16>(simd, row, rows, column, out, out_stride),
            }
        }
    }

    #[inline(always)]
    fn rows_of<S: Simd, const V: usize>(
        &self,
        simd: S,
        row: usize,
        rows: usize,
        column: usize,
        out: &mut [f32],
        out_stride: usize,
    ) {
        match rows {
            8 => self.kernel::<S, 8, V>(simd, row, column, out, out_stride),
            6 => self.kernel::<S, 6, V>(simd, row, column, out, out_stride),
            4 => self.kernel::<S, 4, V>(simd, row, column, out, out_stride),
            _ => self.kernel::<S, 1, V>(simd, row, column, out, out_stride),
        }
    }

    /// `R` rows, `V` vectors from `column` on; the sums stay in registers.
    #[expect(clippy::needless_range_loop, reason = "rows, vectors and lines count positions in memory too")]
    #[inline(always)]
    fn kernel<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        row: usize,
        column: usize,
        out: &mut [f32],
        out_stride: usize,
    ) {
        let columns = V * S::F32_LANES;
        assert!(
            column + columns <= self.width && self.bias.len() == self.width,
            "the tile lies in the panel"
        );
        assert!(self.weights.len() == self.n_lines * self.width, "the panel has whole lines");
        assert!((R - 1) * out_stride + column + columns <= out.len(), "the tile lies in the output");
        assert!((row + R - 1) * self.stride + self.n_lines <= self.x.len(), "the rows lie in the input");
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        #[expect(unsafe_code, reason = "bounds checks inside this loop would cost as much as its products")]
        // SAFETY: vectors are plain floats of any alignment, and the four assertions above bound every position used below: `v` stays
        // below `V`, `r` below `R`, `k` below `n_lines`.
        unsafe {
            let x = self.x.as_ptr().add(row * self.stride);
            let weights = self.weights.as_ptr().add(column);
            let out = out.as_mut_ptr().add(column);
            for r in 0..R {
                for v in 0..V {
                    let bias = load::<S>(self.bias.as_ptr().add(column + v * S::F32_LANES));
                    let there = load::<S>(out.add(r * out_stride + v * S::F32_LANES));
                    sums[r][v] = match self.start {
                        Start::Bias => bias,
                        Start::Output => there,
                        Start::OutputAndBias => simd.add_f32s(there, bias),
                    };
                }
            }
            for k in 0..self.n_lines {
                let line = weights.add(k * self.width);
                let mut values = [simd.splat_f32s(0.0); V];
                for v in 0..V {
                    values[v] = load::<S>(line.add(v * S::F32_LANES));
                }
                for r in 0..R {
                    let factor = simd.splat_f32s(*x.add(r * self.stride + k));
                    for v in 0..V {
                        sums[r][v] = simd.mul_add_f32s(factor, values[v], sums[r][v]);
                    }
                }
            }
            for r in 0..R {
                for v in 0..V {
                    out.add(r * out_stride + v * S::F32_LANES).cast::<S::f32s>().write_unaligned(sums[r][v]);
                }
            }
        }
    }
}

/// One vector of floats.
#[expect(unsafe_code, reason = "the kernel works on raw pointers")]
#[inline(always)]
unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller vouches for the floats, and vectors are plain floats of any alignment.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wave(seed: u64, n: usize) -> Vec<f32> {
        let mut draws = draws::Draws::new(seed, "panels", &[]);
        (0..n).map(|_| draws.normal() as f32).collect()
    }

    proptest! {
        #[test]
        fn a_product_is_its_sum_whatever_the_rows_around_it(
            seed: u64, n_rows in 0usize..30, n_lines in 0usize..600, n_columns in 1usize..150, stride in 0usize..9, start in 0..3,
        ) {
            let start = [Start::Bias, Start::Output, Start::OutputAndBias][start as usize];
            let (weights, bias) = (wave(seed, n_lines * n_columns), wave(seed + 1, n_columns));
            let x = wave(seed ^ 2, n_rows * stride + n_lines);
            let panels = Panels::pack(n_lines, &bias, |k, n| weights[k * n_columns + n]);
            let before = wave(seed ^ 3, n_rows * n_columns);
            let mut out = before.clone();
            panels.multiply(&x, stride, 0..n_lines, start, &mut out);
            for m in 0..n_rows {
                let mut alone = before[m * n_columns..][..n_columns].to_vec();
                panels.multiply(&x[m * stride..], 1, 0..n_lines, start, &mut alone);
                prop_assert_eq!(&alone, &out[m * n_columns..][..n_columns], "row {}", m);
                for n in 0..n_columns {
                    let first = match start {
                        Start::Bias => bias[n],
                        Start::Output => before[m * n_columns + n],
                        Start::OutputAndBias => before[m * n_columns + n] + bias[n],
                    };
                    let exact = (0..n_lines).fold(first, |sum, k| x[m * stride + k].mul_add(weights[k * n_columns + n], sum));
                    prop_assert!(exact.to_bits() == out[m * n_columns + n].to_bits(), "row {}, column {}", m, n);
                }
            }
        }
    }
}

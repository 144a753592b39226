//! Causal strided convolution, channels last.
//!
//! `y[t, o] = b[o] + Σ_{j,i} w[o, i, j] · x̃[t·s + j·d, i]`, `x̃` the input with `P = (k − 1)·d + 1 − s` rows before it and
//! `⌈L/s⌉·s − L` rows after it, both reflected without repeating the edge. So `L` rows become `⌈L/s⌉`.
//! When there are too few rows to reflect, zeros stand in on the right while reflecting and are dropped afterwards.
//! Source: EnCodec's padding rules. float32; one matrix product over overlapping rows when `d` is 1, one a tap otherwise;
//! a row's result depends on its own inputs only, however the signal is cut.
//!
//! A long signal comes in chunks: the last `P` rows of one stand before the next, and only the very ends are reflected.

use std::ops::Range;

use rayon::prelude::*;

use super::activation::elu_extend;
use super::weights::Source;
use crate::CodecError;
use crate::panels::{Panels, Start};

/// Output rows of one task.
pub(crate) const BLOCK_ROWS: usize = 512;

/// Where a chunk lies in its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) first: bool,
    pub(crate) last: bool,
}

pub(crate) struct Conv {
    /// `[k · in, out]`, tap after tap.
    panels: Panels,
    n_in: usize,
    k: usize,
    stride: usize,
    dilation: usize,
}

/// What a convolution keeps from chunk to chunk.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The last `P` input rows of the chunk before.
    kept: Vec<f32>,
    /// Room for a chunk with what stands before and after it.
    padded: Vec<f32>,
}

impl Conv {
    pub(crate) fn build(
        source: &mut Source<'_>,
        name: &str,
        [n_in, n_out, k]: [usize; 3],
        [stride, dilation]: [usize; 2],
    ) -> Result<Self, CodecError> {
        let kernel = source.kernel(name, [n_out, n_in, k])?;
        let bias = source.tensor(&format!("{name}.bias"), &[n_out])?;
        Ok(Self::new(&kernel, &bias, [n_in, k], [stride, dilation]))
    }

    /// From a kernel `[out, in, k]`.
    fn new(kernel: &[f32], bias: &[f32], [n_in, k]: [usize; 2], [stride, dilation]: [usize; 2]) -> Self {
        let panels =
            Panels::pack(n_in * k, bias, |line, out| kernel[(out * n_in + line % n_in) * k + line / n_in]);
        Self { panels, n_in, k, stride, dilation }
    }

    /// Output channels.
    pub(crate) fn n_out(&self) -> usize {
        self.panels.n_columns()
    }

    /// The next chunk; `activate` applies ELU to the input first.
    ///
    /// # Shapes
    /// - x: `[L, in]`; a multiple of the stride but for the last chunk, and more than `P` rows in a first that is not the last
    /// - out: becomes `[ceil(L / s), out]`
    pub(crate) fn forward(
        &self,
        history: &mut History,
        place: Place,
        x: &[f32],
        activate: bool,
        out: &mut Vec<f32>,
    ) {
        let padded = self.padded(history, place, x, activate);
        out.resize((x.len() / self.n_in).div_ceil(self.stride) * self.n_out(), 0.0);
        out.par_chunks_mut(BLOCK_ROWS * self.n_out())
            .enumerate()
            .for_each(|(block, out)| self.rows(padded, block * BLOCK_ROWS, Start::Bias, out));
    }

    /// Output rows from `first` on, as many as `out` holds.
    ///
    /// # Shapes
    /// - padded: what [`Self::padded`] made, or plain rows for a convolution of one tap
    /// - out: `[rows, out]`
    pub(crate) fn rows(&self, padded: &[f32], first: usize, start: Start, out: &mut [f32]) {
        let (n_in, row_stride) = (self.n_in, self.stride * self.n_in);
        let x = &padded[(first * row_stride).min(padded.len())..];
        if self.dilation == 1 {
            self.panels.multiply(x, row_stride, 0..self.k * n_in, start, out);
            return;
        }
        for tap in 0..self.k {
            let lines: Range<usize> = tap * n_in..(tap + 1) * n_in;
            let x = &x[(tap * self.dilation * n_in).min(x.len())..];
            self.panels.multiply(x, row_stride, lines, if tap == 0 { start } else { Start::Output }, out);
        }
    }

    /// The chunk with what stands before and after it, `[P + L + extra, in]`.
    pub(crate) fn padded<'a>(
        &self,
        history: &'a mut History,
        place: Place,
        x: &[f32],
        activate: bool,
    ) -> &'a [f32] {
        let n_in = self.n_in;
        let n_rows = x.len() / n_in;
        let before = ((self.k - 1) * self.dilation + 1).saturating_sub(self.stride);
        let after = if place.last { n_rows.div_ceil(self.stride) * self.stride - n_rows } else { 0 };
        let zeros = if place.first { (before.max(after) + 1).saturating_sub(n_rows) } else { 0 };
        let History { kept, padded: rows } = history;
        rows.clear();
        if place.first {
            rows.resize(before * n_in, 0.0);
        } else {
            rows.extend_from_slice(kept);
        }
        if activate {
            elu_extend(rows, x);
        } else {
            rows.extend_from_slice(x);
        }
        rows.resize((before + n_rows + zeros) * n_in, 0.0);
        if place.first {
            for row in 0..before {
                let from = 2 * before - row;
                rows.copy_within(from * n_in..(from + 1) * n_in, row * n_in);
            }
        }
        kept.clear();
        kept.extend_from_slice(&rows[rows.len() - before * n_in..]);
        let edge = before + n_rows + zeros - 1;
        for row in 1..=after {
            rows.extend_from_within((edge - row) * n_in..(edge - row + 1) * n_in);
        }
        rows.truncate((before + n_rows + after) * n_in);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Place = Place { first: true, last: true };

    fn conv(k: usize, stride: usize, dilation: usize) -> Conv {
        let taps: Vec<f32> = (0..k).map(|tap| 10f32.powi(tap as i32)).collect();
        Conv::new(&taps, &[0.5], [1, k], [stride, dilation])
    }

    fn run(conv: &Conv, history: &mut History, place: Place, x: &[f32], activate: bool) -> Vec<f32> {
        let mut out = Vec::new();
        conv.forward(history, place, x, activate, &mut out);
        out
    }

    #[test]
    fn both_ends_are_reflected() {
        // P = 2, extra = 1: 3 2 | 1 2 3 4 5 | 4.
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(run(&conv(4, 2, 1), &mut History::default(), WHOLE, &x, false), [2123.5, 4321.5, 4543.5]);
    }

    #[test]
    fn too_few_rows_are_filled_up_with_zeros_and_cut() {
        // P = 3: 0 0 0 | 7 after reflecting 7 0 0 0.
        assert_eq!(run(&conv(4, 1, 1), &mut History::default(), WHOLE, &[7.0], false), [7000.5]);
    }

    #[test]
    fn chunks_join_without_a_seam() {
        let signal: Vec<f32> = (0..25).map(|i| ((i * 7) % 10) as f32).collect();
        for (k, stride, dilation) in [(4, 2, 1), (3, 1, 1), (3, 1, 2), (1, 1, 1), (7, 1, 1), (10, 5, 1)] {
            let conv = conv(k, stride, dilation);
            let whole = run(&conv, &mut History::default(), WHOLE, &signal, true);
            let mut history = History::default();
            let mut parts = Vec::new();
            for (first, last, rows) in [(true, false, 0..10), (false, false, 10..20), (false, true, 20..25)] {
                parts.extend(run(&conv, &mut history, Place { first, last }, &signal[rows], true));
            }
            assert_eq!(whole, parts, "k {k}, stride {stride}, dilation {dilation}");
            assert_eq!(whole.len(), 25usize.div_ceil(stride));
        }
    }
}

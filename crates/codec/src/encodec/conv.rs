//! Causal strided convolution, channels last.
//!
//! `y[t, o] = b[o] + Σ_{j,i} w[o, i, j] · x̃[t·s + j·d, i]`, `x̃` the input with `P = (k − 1)·d + 1 − s` rows before it and
//! `⌈L/s⌉·s − L` rows after it, both reflected without repeating the edge. So `L` rows become `⌈L/s⌉`.
//! When there are too few rows to reflect, zeros stand in on the right while reflecting and are dropped afterwards.
//! Source: EnCodec's padding rules. float32; one matrix product over overlapping rows when `d` is 1, one a tap otherwise.
//!
//! A long signal comes in chunks: the last `P` rows of one stand before the next, and only the very ends are reflected.

use rayon::prelude::*;

use super::elu::elu_all;
use super::weights::Source;
use crate::CodecError;
use simd::matrix::{Target, Threads, View, multiply};

/// Output rows of one product: fixed, so that threads change nothing.
const BLOCK_ROWS: usize = 512;

/// Where a chunk lies in its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) first: bool,
    pub(crate) last: bool,
}

pub(crate) struct Conv {
    /// `[k, in, out]`.
    taps: Vec<f32>,
    bias: Vec<f32>,
    n_in: usize,
    n_out: usize,
    k: usize,
    stride: usize,
    dilation: usize,
}

/// The last `P` input rows of the chunk before.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Vec<f32>);

impl Conv {
    pub(crate) fn build(
        source: &mut Source<'_>,
        name: &str,
        [n_in, n_out, k]: [usize; 3],
        [stride, dilation]: [usize; 2],
    ) -> Result<Self, CodecError> {
        let kernel = source.kernel(name, [n_out, n_in, k])?;
        let bias = source.tensor(&format!("{name}.bias"), &[n_out])?;
        let mut taps = vec![0.0; kernel.len()];
        for (out, row) in kernel.chunks_exact(n_in * k).enumerate() {
            for (channel, values) in row.chunks_exact(k).enumerate() {
                for (tap, &value) in values.iter().enumerate() {
                    taps[(tap * n_in + channel) * n_out + out] = value;
                }
            }
        }
        Ok(Self { taps, bias, n_in, n_out, k, stride, dilation })
    }

    /// The next chunk; `activate` applies ELU to the input first.
    ///
    /// # Shapes
    /// - x: `[L, in]`; a multiple of the stride but for the last chunk, and more than `P` rows in a first that is not the last
    /// - returns `[ceil(L / s), out]`
    pub(crate) fn forward(&self, history: &mut History, place: Place, x: &[f32], activate: bool) -> Vec<f32> {
        let mut out = vec![0.0; (x.len() / self.n_in).div_ceil(self.stride) * self.n_out];
        for row in out.chunks_exact_mut(self.n_out) {
            row.copy_from_slice(&self.bias);
        }
        let padded = self.padded(history, place, x, activate);
        self.accumulate(&padded, &mut out);
        out
    }

    /// Adds a convolution of one tap to `out`, without a copy of its input.
    pub(crate) fn add_pointwise(&self, x: &[f32], out: &mut [f32]) {
        for row in out.chunks_exact_mut(self.n_out) {
            row.iter_mut().zip(&self.bias).for_each(|(y, b)| *y += b);
        }
        self.accumulate(x, out);
    }

    /// Adds the products of all taps with `padded`.
    fn accumulate(&self, padded: &[f32], out: &mut [f32]) {
        let (n_in, row_stride) = (self.n_in, self.stride * self.n_in);
        out.par_chunks_mut(BLOCK_ROWS * self.n_out).enumerate().for_each(|(block, out)| {
            let rows = out.len() / self.n_out;
            let start = block * BLOCK_ROWS * row_stride;
            if self.dilation == 1 {
                let windows = View::new(&padded[start..], rows, self.k * n_in, row_stride);
                let target = Target::new(out, self.n_out);
                multiply(target, true, 1.0, windows, View::table(&self.taps, self.n_out), Threads::One);
            } else {
                for (tap, weights) in self.taps.chunks_exact(n_in * self.n_out).enumerate() {
                    let from = start + tap * self.dilation * n_in;
                    let values = View::new(&padded[from..], rows, n_in, row_stride);
                    let target = Target::new(out, self.n_out);
                    multiply(target, true, 1.0, values, View::table(weights, self.n_out), Threads::One);
                }
            }
        });
    }

    /// The chunk with what stands before and after it, `[P + L + extra, in]`.
    fn padded(&self, history: &mut History, place: Place, x: &[f32], activate: bool) -> Vec<f32> {
        let n_in = self.n_in;
        let n_rows = x.len() / n_in;
        let before = ((self.k - 1) * self.dilation + 1).saturating_sub(self.stride);
        let after = if place.last { n_rows.div_ceil(self.stride) * self.stride - n_rows } else { 0 };
        let zeros = if place.first { (before.max(after) + 1).saturating_sub(n_rows) } else { 0 };
        let mut rows = Vec::with_capacity((before + n_rows + zeros + after) * n_in);
        if place.first {
            rows.resize(before * n_in, 0.0);
        } else {
            rows.extend_from_slice(&history.0);
        }
        rows.extend_from_slice(x);
        if activate {
            elu_all(&mut rows[before * n_in..]);
        }
        rows.resize((before + n_rows + zeros) * n_in, 0.0);
        if place.first {
            for row in 0..before {
                let from = 2 * before - row;
                rows.copy_within(from * n_in..(from + 1) * n_in, row * n_in);
            }
        }
        history.0.clear();
        history.0.extend_from_slice(&rows[rows.len() - before * n_in..]);
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
        let taps = (0..k).map(|tap| 10f32.powi(tap as i32)).collect();
        Conv { taps, bias: vec![0.5], n_in: 1, n_out: 1, k, stride, dilation }
    }

    #[test]
    fn both_ends_are_reflected() {
        // P = 2, extra = 1: 3 2 | 1 2 3 4 5 | 4.
        let out = conv(4, 2, 1).forward(&mut History::default(), WHOLE, &[1.0, 2.0, 3.0, 4.0, 5.0], false);
        assert_eq!(out, [2123.5, 4321.5, 4543.5]);
    }

    #[test]
    fn too_few_rows_are_filled_up_with_zeros_and_cut() {
        // P = 3: 0 0 0 | 7 after reflecting 7 0 0 0.
        let out = conv(4, 1, 1).forward(&mut History::default(), WHOLE, &[7.0], false);
        assert_eq!(out, [7000.5]);
    }

    #[test]
    fn chunks_join_without_a_seam() {
        let signal: Vec<f32> = (0..25).map(|i| ((i * 7) % 10) as f32).collect();
        for (k, stride, dilation) in [(4, 2, 1), (3, 1, 1), (3, 1, 2), (1, 1, 1), (7, 1, 1), (10, 5, 1)] {
            let conv = conv(k, stride, dilation);
            let whole = conv.forward(&mut History::default(), WHOLE, &signal, true);
            let mut history = History::default();
            let mut parts =
                conv.forward(&mut history, Place { first: true, last: false }, &signal[..10], true);
            parts.extend(conv.forward(
                &mut history,
                Place { first: false, last: false },
                &signal[10..20],
                true,
            ));
            parts.extend(conv.forward(&mut history, Place { first: false, last: true }, &signal[20..], true));
            assert_eq!(whole, parts, "k {k}, stride {stride}, dilation {dilation}");
            assert_eq!(whole.len(), 25usize.div_ceil(stride));
        }
    }
}

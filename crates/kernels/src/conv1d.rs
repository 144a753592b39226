//! Strided convolution over channels-last frames: `y[b,t,o] = f(Σ_k Σ_c x[b, s·t + k, c] · w[o,c,k])`, no padding, `f` nothing or GELU.
//!
//! One product per clip over overlapping rows: row `t` of the left matrix is the `K·C` consecutive numbers from `x[b, s·t, 0]`, so its row
//! stride is `s·C` and nothing is copied. The weight gradient is the product of the output gradient, transposed, with the same view; the
//! input gradient is one product for each phase of the stride. `T' = ⌊(T − K)/s⌋ + 1`.

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use rayon::prelude::*;

use crate::gelu::{self, gelu_of, through_gelu};
use crate::memory::{MANY, give_back, unset, zeros};
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::rows;
use crate::precision::{operand, result};
use simd::matrix::{Panels, Product, Target, Threads, View};
use simd::{Precision, vectorised};

/// Convolves `x [B, T, C]` with `weight [O, C, K]` to `[B, T', O]`.
///
/// # Panics
/// When `T < K`: the model checks the length of its input first.
pub fn conv1d(x: Tensor<3>, weight: Tensor<3>, stride: usize, precision: Precision) -> Tensor<3> {
    run(Conv1d { stride, precision, gelu: false }, x, weight)
}

/// The same, followed by the exact GELU.
///
/// # Panics
/// When `T < K`.
pub fn conv1d_gelu(x: Tensor<3>, weight: Tensor<3>, stride: usize, precision: Precision) -> Tensor<3> {
    run(Conv1d { stride, precision, gelu: true }, x, weight)
}

fn run(operation: Conv1d, x: Tensor<3>, weight: Tensor<3>) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(operation, [x.into(), weight.into()]);
    }
    let y = elsewhere(&operation, x, weight);
    if operation.gelu { gelu::elsewhere(y) } else { y }
}

/// The convolution on other devices than the processor.
fn elsewhere(operation: &Conv1d, x: Tensor<3>, weight: Tensor<3>) -> Tensor<3> {
    let Conv1d { stride, precision, .. } = *operation;
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::Convolution { stride, padding: 0, n_groups: 1, precision }.run(x, weight);
    }
    composed(x, weight, stride, precision)
}

fn composed(x: Tensor<3>, weight: Tensor<3>, stride: usize, precision: Precision) -> Tensor<3> {
    let [x, weight] = [x.swap_dims(1, 2), weight].map(|x| operand(x, precision));
    let options = ConvOptions::new([stride], [0], [1], 1);
    result(module::conv1d(x, weight, None, options).swap_dims(1, 2), precision)
}

#[derive(Clone, Debug)]
pub(crate) struct Conv1d {
    pub(crate) stride: usize,
    pub(crate) precision: Precision,
    pub(crate) gelu: bool,
}

/// Sizes of one convolution; where it has groups, channels and outputs are those of one.
pub(crate) struct Sizes {
    pub(crate) n_clips: usize,
    pub(crate) n_frames: usize,
    pub(crate) n_channels: usize,
    pub(crate) n_outputs: usize,
    pub(crate) n_taps: usize,
    pub(crate) n_output_frames: usize,
}

/// `w[o,c,k]` as `[O, K·C]`: the order in which frames are read.
pub(crate) fn tap_major(weight: &Array) -> Vec<f32> {
    let [_, n_channels, n_taps] = weight.dims();
    reordered(weight.values(), [n_channels, n_taps])
}

/// Every row of `source`, a matrix `[a, b]`, transposed.
pub(crate) fn reordered(source: &[f32], [a, b]: [usize; 2]) -> Vec<f32> {
    let mut output = unset(source.len());
    rows(
        &mut output,
        a * b,
        #[inline(always)]
        |row, values| {
            let source = &source[row * a * b..][..a * b];
            for (i, line) in values.chunks_exact_mut(a).enumerate() {
                for (j, value) in line.iter_mut().enumerate() {
                    *value = source[j * b + i];
                }
            }
        },
    );
    output
}

impl Conv1d {
    fn sizes(&self, x: &Array, weight: &Array) -> Sizes {
        let [n_clips, n_frames, n_channels] = x.dims();
        let [n_outputs, _, n_taps] = weight.dims();
        assert!(n_frames >= n_taps, "a convolution needs at least as many frames as taps");
        let n_output_frames = (n_frames - n_taps) / self.stride + 1;
        Sizes { n_clips, n_frames, n_channels, n_outputs, n_taps, n_output_frames }
    }

    /// The overlapping rows of clip `clip`: `[T', K·C]`.
    fn windows<'a>(&self, x: &'a Array, clip: usize, sizes: &Sizes) -> View<'a> {
        let clip_size = sizes.n_frames * sizes.n_channels;
        let clip = &x.values()[clip * clip_size..][..clip_size];
        View::new(
            clip,
            sizes.n_output_frames,
            sizes.n_taps * sizes.n_channels,
            self.stride * sizes.n_channels,
        )
    }

    fn map(&self, [x, weight]: &[Array; 2], with_gelu: bool) -> Array {
        let sizes = self.sizes(x, weight);
        let packed = tap_major(weight);
        let right = View::dense(&packed, sizes.n_outputs, sizes.n_taps * sizes.n_channels).transposed();
        let panels = Panels::new(right, self.precision);
        let clip_size = sizes.n_output_frames * sizes.n_outputs;
        let mut output = unset(sizes.n_clips * clip_size);
        for (clip, values) in output.chunks_exact_mut(clip_size).enumerate() {
            Product::with_panels(self.windows(x, clip, &sizes), &panels).on(Threads::All).write_then(
                Target::new(values, sizes.n_outputs),
                |_, _, values| {
                    self.precision.round_all(values);
                    if with_gelu {
                        vectorised(
                            #[inline(always)]
                            || gelu::all(values),
                        );
                    }
                },
            );
        }
        Array::new(output, &[sizes.n_clips, sizes.n_output_frames, sizes.n_outputs])
    }

    pub(crate) fn gradients(
        &self,
        [x, weight]: &[Array; 2],
        output_grad: &Array,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let sizes = self.sizes(x, weight);
        [
            wanted[0].then(|| self.input_gradient(weight, output_grad, &sizes)),
            wanted[1].then(|| self.weight_gradient(x, weight, output_grad, &sizes)),
        ]
    }

    fn weight_gradient(&self, x: &Array, weight: &Array, output_grad: &Array, sizes: &Sizes) -> Array {
        let (n_columns, clip_size) =
            (sizes.n_taps * sizes.n_channels, sizes.n_output_frames * sizes.n_outputs);
        // Clips are summed in order, each by all threads: the sum does not depend on how many there are.
        let mut packed = zeros(sizes.n_outputs * n_columns);
        for clip in 0..sizes.n_clips {
            let grads = &output_grad.values()[clip * clip_size..][..clip_size];
            let grads = View::dense(grads, sizes.n_output_frames, sizes.n_outputs);
            Product::new(grads.transposed(), self.windows(x, clip, sizes))
                .with(self.precision)
                .on(Threads::All)
                .add(Target::new(&mut packed, n_columns));
        }
        Array::new(reordered(&packed, [sizes.n_taps, sizes.n_channels]), weight.shape())
    }

    /// Input frame `s·u + p` is read by taps `p, p + s, …` of output frames `u, u − 1, …`: for each phase `p` one product of
    /// overlapping rows of the (zero padded) output gradient with the taps of that phase in reverse.
    fn input_gradient(&self, weight: &Array, output_grad: &Array, sizes: &Sizes) -> Array {
        let stride = self.stride;
        let (n_channels, n_outputs) = (sizes.n_channels, sizes.n_outputs);
        let most_taps = sizes.n_taps.div_ceil(stride);
        let of_phases: Vec<(usize, Vec<f32>)> = (0..stride.min(sizes.n_taps))
            .map(|phase| {
                let taps: Vec<usize> = (phase..sizes.n_taps).step_by(stride).rev().collect();
                let mut packed = unset(taps.len() * n_outputs * n_channels);
                rows(
                    &mut packed,
                    n_channels,
                    #[inline(always)]
                    |row, values| {
                        let (tap, o) = (taps[row / n_outputs], row % n_outputs);
                        let source = &weight.values()[o * n_channels * sizes.n_taps..];
                        for (value, taps) in values.iter_mut().zip(source.chunks_exact(sizes.n_taps)) {
                            *value = taps[tap];
                        }
                    },
                );
                (taps.len(), packed)
            })
            .collect();
        let panels: Vec<(usize, usize, Panels<'_>)> = of_phases
            .iter()
            .enumerate()
            .map(|(phase, (n_taps, packed))| {
                let right = View::dense(packed, n_taps * n_outputs, n_channels);
                (phase, *n_taps, Panels::new(right, self.precision))
            })
            .collect();
        let (clip_size, grad_size) = (sizes.n_frames * n_channels, sizes.n_output_frames * n_outputs);
        let n_steps = sizes.n_frames.div_ceil(stride);
        let padded_frames = (most_taps - 1) + n_steps.max(sizes.n_output_frames);
        let mut output = zeros(sizes.n_clips * clip_size);
        output.par_chunks_mut(clip_size).enumerate().for_each(|(clip, values)| {
            let mut padded = zeros(padded_frames * n_outputs);
            padded[(most_taps - 1) * n_outputs..][..grad_size]
                .copy_from_slice(&output_grad.values()[clip * grad_size..][..grad_size]);
            for (phase, n_taps, panels) in &panels {
                let n_rows = (sizes.n_frames - phase).div_ceil(stride);
                let windows = View::new(
                    &padded[(most_taps - n_taps) * n_outputs..],
                    n_rows,
                    n_taps * n_outputs,
                    n_outputs,
                );
                Product::with_panels(windows, panels).on(Threads::All).write_then(
                    Target::new(&mut values[phase * n_channels..], stride * n_channels),
                    |_, _, values| self.precision.round_all(values),
                );
            }
            give_back(padded, MANY);
        });
        Array::new(output, &[sizes.n_clips, sizes.n_frames, n_channels])
    }
}

impl CpuOperation<2> for Conv1d {
    fn forward(&self, inputs: &[Array; 2]) -> Array {
        self.map(inputs, self.gelu)
    }

    fn backward(&self, inputs: &[Array; 2], output_grad: &Array, wanted: [bool; 2]) -> [Option<Array>; 2] {
        let (_, kept) = self.forward_kept(inputs);
        self.backward_kept(inputs, &kept, output_grad, wanted)
    }

    fn forward_kept(&self, inputs: &[Array; 2]) -> (Array, Vec<Array>) {
        let before = self.map(inputs, false);
        if self.gelu { (gelu_of(&before), vec![before]) } else { (before, Vec::new()) }
    }

    fn backward_kept(
        &self,
        inputs: &[Array; 2],
        kept: &[Array],
        output_grad: &Array,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        match kept {
            [before] => self.gradients(inputs, &through_gelu(before, output_grad), wanted),
            _ => self.gradients(inputs, output_grad, wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, each_precision, random, rounded};

    #[test]
    fn gradients_equal_finite_differences() {
        for (frames, taps, stride) in [(11, 3, 2), (12, 3, 2), (9, 2, 2), (23, 10, 5), (7, 2, 3), (8, 5, 1)] {
            let operation = Conv1d { stride, precision: Precision::Float32, gelu: stride == 2 };
            differentiate(&operation, [random(&[2, frames, 3], 1), random(&[4, 3, taps], 2)]);
        }
    }

    #[test]
    fn equals_the_composition() {
        each_precision(|precision, tolerance| {
            for (n_clips, frames, channels, taps, stride) in
                [(3, 101, 7, 3, 2), (1, 64, 1, 10, 5), (2, 9, 4, 2, 3)]
            {
                let operation = Conv1d { stride, precision, gelu: stride == 2 };
                compare(
                    [random(&[n_clips, frames, channels], 1), random(&[12, channels, taps], 2)]
                        .map(|input| rounded(&input, precision)),
                    move |[x, weight]: [Tensor<3>; 2]| run(operation.clone(), x, weight),
                    move |[x, weight]| {
                        let y = composed(x, weight, stride, Precision::Float32);
                        if stride == 2 { gelu::elsewhere(y) } else { y }
                    },
                    tolerance,
                );
            }
        });
    }
}

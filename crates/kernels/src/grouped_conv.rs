//! Grouped convolution of stride 1 over channels-last frames, zero padded on both sides:
//! `y[b,t,g·O' + o] = Σ_k Σ_c x[b, t + k − P, g·C' + c] · w[g·O' + o, c, k]`, `T' = T + 2P − K + 1`.
//!
//! wav2vec 2.0's positional convolution has K = 128 taps in 16 groups. Each group's channels are packed beside each other once; then a
//! convolution is one product over overlapping rows, as in [`crate::conv1d`].

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use rayon::prelude::*;

use crate::conv1d::{Sizes, reordered, tap_major};
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::precision::{operand, result};
use simd::Precision;
use simd::matrix::{Panels, Product, Target, View};

/// Convolves `x [B, T, C]` with `weight [O, C/G, K]` in `n_groups` groups, padded with `padding` zero frames on both sides.
pub fn grouped_conv1d(
    x: Tensor<3>,
    weight: Tensor<3>,
    padding: usize,
    n_groups: usize,
    precision: Precision,
) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(GroupedConv { padding, n_groups, precision }, [x.into(), weight.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::Convolution { stride: 1, padding, n_groups, precision }.run(x, weight);
    }
    composed(x, weight, padding, n_groups, precision)
}

fn composed(
    x: Tensor<3>,
    weight: Tensor<3>,
    padding: usize,
    n_groups: usize,
    precision: Precision,
) -> Tensor<3> {
    let [x, weight] = [x.swap_dims(1, 2), weight].map(|x| operand(x, precision));
    let options = ConvOptions::new([1], [padding], [1], n_groups);
    result(module::conv1d(x, weight, None, options).swap_dims(1, 2), precision)
}

#[derive(Clone, Debug)]
struct GroupedConv {
    padding: usize,
    n_groups: usize,
    precision: Precision,
}

/// Copies group `group` of clip `clip` between `before` and `after` zero frames: `[before + T + after, width]`.
fn packed_group(
    array: &Array,
    clip: usize,
    group: usize,
    n_groups: usize,
    (before, after): (usize, usize),
) -> Vec<f32> {
    let [_, n_frames, n_channels] = array.dims();
    let width = n_channels / n_groups;
    let mut packed = vec![0.0; (before + n_frames + after) * width];
    let source = &array.values()[clip * n_frames * n_channels..][..n_frames * n_channels];
    for (row, frame) in packed[before * width..].chunks_exact_mut(width).zip(source.chunks_exact(n_channels))
    {
        row.copy_from_slice(&frame[group * width..][..width]);
    }
    packed
}

impl GroupedConv {
    fn sizes(&self, x: &Array, weight: &Array) -> Sizes {
        let [n_clips, n_frames, n_all_channels] = x.dims();
        let [n_all_outputs, n_channels, n_taps] = weight.dims();
        assert_eq!(n_channels * self.n_groups, n_all_channels, "groups divide the channels");
        assert!(n_frames + 2 * self.padding >= n_taps, "the padded frames hold the taps");
        Sizes {
            n_clips,
            n_frames,
            n_channels,
            n_outputs: n_all_outputs / self.n_groups,
            n_taps,
            n_output_frames: n_frames + 2 * self.padding - n_taps + 1,
        }
    }

    /// Runs `task` for every clip and group and interleaves the `[n_rows, width]` results to `[B, n_rows, G·width]`.
    fn each_group(
        &self,
        n_clips: usize,
        n_rows: usize,
        width: usize,
        task: impl Fn(usize, usize) -> Vec<f32> + Sync,
    ) -> Array {
        let n_columns = self.n_groups * width;
        let mut output = unset(n_clips * n_rows * n_columns);
        let parts: Vec<Vec<f32>> = (0..n_clips * self.n_groups)
            .into_par_iter()
            .map(|index| task(index / self.n_groups, index % self.n_groups))
            .collect();
        output.par_chunks_mut(n_rows * n_columns).enumerate().for_each(|(clip, values)| {
            for group in 0..self.n_groups {
                let part = &parts[clip * self.n_groups + group];
                for (frame, row) in values.chunks_exact_mut(n_columns).zip(part.chunks_exact(width)) {
                    frame[group * width..][..width].copy_from_slice(row);
                }
            }
        });
        Array::new(output, &[n_clips, n_rows, n_columns])
    }
}

impl CpuOperation<2> for GroupedConv {
    fn forward(&self, [x, weight]: &[Array; 2]) -> Array {
        let s = self.sizes(x, weight);
        let taps = tap_major(weight);
        let group_size = s.n_outputs * s.n_taps * s.n_channels;
        self.each_group(s.n_clips, s.n_output_frames, s.n_outputs, |clip, group| {
            let input = packed_group(x, clip, group, self.n_groups, (self.padding, self.padding));
            let mut output = vec![0.0; s.n_output_frames * s.n_outputs];
            Product::new(
                View::new(&input, s.n_output_frames, s.n_taps * s.n_channels, s.n_channels),
                View::dense(&taps[group * group_size..], s.n_outputs, s.n_taps * s.n_channels).transposed(),
            )
            .with(self.precision)
            .write(Target::new(&mut output, s.n_outputs));
            self.precision.round_all(&mut output);
            output
        })
    }

    fn backward(
        &self,
        [x, weight]: &[Array; 2],
        output_grad: &Array,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let s = self.sizes(x, weight);
        [
            wanted[0].then(|| self.input_gradient(weight, output_grad, &s)),
            wanted[1].then(|| self.weight_gradient(x, weight, output_grad, &s)),
        ]
    }
}

impl GroupedConv {
    /// `dx[τ] = Σ_k dy[τ + P − k] · w[·,·,k]`: the same convolution with the taps in reverse.
    fn input_gradient(&self, weight: &Array, output_grad: &Array, s: &Sizes) -> Array {
        // Per group [K·O', C'], tap K − 1 − j in slot j.
        let packed_weights: Vec<Vec<f32>> = (0..self.n_groups)
            .into_par_iter()
            .map(|group| {
                let mut packed = vec![0.0; s.n_taps * s.n_outputs * s.n_channels];
                for o in 0..s.n_outputs {
                    for c in 0..s.n_channels {
                        for k in 0..s.n_taps {
                            packed[((s.n_taps - 1 - k) * s.n_outputs + o) * s.n_channels + c] = weight
                                .values()[((group * s.n_outputs + o) * s.n_channels + c) * s.n_taps + k];
                        }
                    }
                }
                packed
            })
            .collect();
        // Row τ reads dy[τ + P − K + 1 ..= τ + P]; shifting by the padding keeps the rows inside.
        let before = s.n_taps - 1;
        let after = (s.n_frames + self.padding).saturating_sub(s.n_output_frames);
        self.each_group(s.n_clips, s.n_frames, s.n_channels, |clip, group| {
            let grads = packed_group(output_grad, clip, group, self.n_groups, (before, after));
            let mut output = vec![0.0; s.n_frames * s.n_channels];
            let windows = View::new(
                &grads[self.padding * s.n_outputs..],
                s.n_frames,
                s.n_taps * s.n_outputs,
                s.n_outputs,
            );
            Product::new(windows, View::dense(&packed_weights[group], s.n_taps * s.n_outputs, s.n_channels))
                .with(self.precision)
                .write(Target::new(&mut output, s.n_channels));
            self.precision.round_all(&mut output);
            output
        })
    }

    /// For one input channel, tap `k`'s samples are the frames from `k` on: with time innermost, rows that overlap, and nothing is copied.
    fn weight_gradient(&self, x: &Array, weight: &Array, output_grad: &Array, s: &Sizes) -> Array {
        let channel_size = s.n_taps * s.n_outputs;
        let group_size = s.n_channels * channel_size;
        let mut values = unset(self.n_groups * group_size);
        values.par_chunks_mut(group_size).enumerate().for_each(|(group, values)| {
            // [C', K, O'].
            let mut packed = vec![0.0; group_size];
            for clip in 0..s.n_clips {
                let input = packed_group(x, clip, group, self.n_groups, (self.padding, self.padding));
                let n_padded = input.len() / s.n_channels;
                let by_channel = reordered(&input, [n_padded, s.n_channels]);
                let grads = packed_group(output_grad, clip, group, self.n_groups, (0, 0));
                let grads = View::dense(&grads, s.n_output_frames, s.n_outputs);
                let panels = Panels::new(grads, self.precision);
                for (frames, packed) in
                    by_channel.chunks_exact(n_padded).zip(packed.chunks_exact_mut(channel_size))
                {
                    let taps = View::new(frames, s.n_taps, s.n_output_frames, 1);
                    Product::with_panels(taps, &panels).add(Target::new(packed, s.n_outputs));
                }
            }
            for o in 0..s.n_outputs {
                for (c, packed) in packed.chunks_exact(channel_size).enumerate() {
                    let taps = &mut values[(o * s.n_channels + c) * s.n_taps..][..s.n_taps];
                    for (value, outputs) in taps.iter_mut().zip(packed.chunks_exact(s.n_outputs)) {
                        *value = outputs[o];
                    }
                }
            }
        });
        Array::new(values, weight.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, each_precision, random, rounded};

    #[test]
    fn gradients_equal_finite_differences() {
        for (frames, taps, padding) in [(6, 4, 2), (7, 3, 1), (5, 8, 4), (9, 3, 0)] {
            let operation = GroupedConv { padding, n_groups: 2, precision: Precision::Float32 };
            differentiate(&operation, [random(&[2, frames, 4], 1), random(&[6, 2, taps], 2)]);
        }
    }

    #[test]
    fn equals_the_composition() {
        each_precision(|precision, tolerance| {
            compare(
                [random(&[2, 40, 12], 1), random(&[12, 3, 16], 2)].map(|input| rounded(&input, precision)),
                move |[x, weight]: [Tensor<3>; 2]| grouped_conv1d(x, weight, 8, 4, precision),
                move |[x, weight]| composed(x, weight, 8, 4, Precision::Float32),
                tolerance,
            );
        });
    }
}

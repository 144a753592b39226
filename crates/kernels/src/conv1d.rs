//! Strided convolution over channels-last frames: `y[b,t,o] = Σ_k Σ_c x[b, s·t + k, c] · w[o,c,k]`, no padding.
//!
//! One product per clip over overlapping rows: row `t` of the left matrix is the `K·C` consecutive numbers from `x[b, s·t, 0]`, so its row
//! stride is `s·C` and nothing is copied. The weight gradient is the product of the same view, transposed, with the output gradient; the
//! input gradient is one product for each phase of the stride. `T' = ⌊(T − K)/s⌋ + 1`.

use burn::Tensor;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use rayon::prelude::*;

use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::chunks;
use simd::matrix::{Target, Threads, View, multiply};

/// Convolves `x [B, T, C]` with `weight [O, C, K]` to `[B, T', O]`.
///
/// # Panics
/// When `T < K`: the model checks the length of its input first.
pub fn conv1d(x: Tensor<3>, weight: Tensor<3>, stride: usize) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(Conv1d { stride }, [x.into(), weight.into()]);
    }
    let options = ConvOptions::new([stride], [0], [1], 1);
    module::conv1d(x.swap_dims(1, 2), weight, None, options).swap_dims(1, 2)
}

#[derive(Clone, Debug)]
struct Conv1d {
    stride: usize,
}

/// Sizes of one convolution.
struct Sizes {
    n_clips: usize,
    n_frames: usize,
    n_channels: usize,
    n_outputs: usize,
    n_taps: usize,
    n_output_frames: usize,
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
}

/// `w[o,c,k]` as `[K·C, O]`, the right matrix of the forward product.
fn tap_major(weight: &Array) -> Vec<f32> {
    let [n_outputs, n_channels, n_taps] = weight.dims();
    let source = weight.values();
    let mut packed = vec![0.0; source.len()];
    for k in 0..n_taps {
        for c in 0..n_channels {
            let row = &mut packed[(k * n_channels + c) * n_outputs..][..n_outputs];
            for (o, value) in row.iter_mut().enumerate() {
                *value = source[(o * n_channels + c) * n_taps + k];
            }
        }
    }
    packed
}

impl CpuOperation<2> for Conv1d {
    fn forward(&self, [x, weight]: &[Array; 2]) -> Array {
        let sizes = self.sizes(x, weight);
        let packed = tap_major(weight);
        let right = View::dense(&packed, sizes.n_taps * sizes.n_channels, sizes.n_outputs);
        let clip_size = sizes.n_output_frames * sizes.n_outputs;
        let mut output = vec![0.0; sizes.n_clips * clip_size];
        let clip = |clip: usize, values: &mut [f32], threads| {
            multiply(
                Target::new(values, sizes.n_outputs),
                false,
                1.0,
                self.windows(x, clip, &sizes),
                right,
                threads,
            );
        };
        if sizes.n_clips == 1 {
            clip(0, &mut output, Threads::All);
        } else {
            chunks(&mut output, clip_size, |index, values| clip(index, values, Threads::One));
        }
        Array::new(output, &[sizes.n_clips, sizes.n_output_frames, sizes.n_outputs])
    }

    fn backward(
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
}

impl Conv1d {
    fn weight_gradient(&self, x: &Array, weight: &Array, output_grad: &Array, sizes: &Sizes) -> Array {
        let (n_rows, clip_size) = (sizes.n_taps * sizes.n_channels, sizes.n_output_frames * sizes.n_outputs);
        // Clips are summed in order, each by all threads: the sum does not depend on how many there are.
        let mut packed = vec![0.0; n_rows * sizes.n_outputs];
        for clip in 0..sizes.n_clips {
            let grads = &output_grad.values()[clip * clip_size..][..clip_size];
            multiply(
                Target::new(&mut packed, sizes.n_outputs),
                clip > 0,
                1.0,
                self.windows(x, clip, sizes).transposed(),
                View::dense(grads, sizes.n_output_frames, sizes.n_outputs),
                Threads::All,
            );
        }
        let mut values = vec![0.0; packed.len()];
        for o in 0..sizes.n_outputs {
            for c in 0..sizes.n_channels {
                for k in 0..sizes.n_taps {
                    values[(o * sizes.n_channels + c) * sizes.n_taps + k] =
                        packed[(k * sizes.n_channels + c) * sizes.n_outputs + o];
                }
            }
        }
        Array::new(values, weight.shape())
    }

    /// Input frame `s·u + p` is read by taps `p, p + s, …` of output frames `u, u − 1, …`: for each phase `p` one product of
    /// overlapping rows of the (zero padded) output gradient with the taps of that phase in reverse.
    fn input_gradient(&self, weight: &Array, output_grad: &Array, sizes: &Sizes) -> Array {
        let stride = self.stride;
        let (n_channels, n_outputs) = (sizes.n_channels, sizes.n_outputs);
        let most_taps = sizes.n_taps.div_ceil(stride);
        let phases: Vec<(usize, Vec<f32>)> = (0..stride.min(sizes.n_taps))
            .map(|phase| {
                let taps: Vec<usize> = (phase..sizes.n_taps).step_by(stride).rev().collect();
                let mut packed = vec![0.0; taps.len() * n_outputs * n_channels];
                for (slot, &tap) in taps.iter().enumerate() {
                    for o in 0..n_outputs {
                        for c in 0..n_channels {
                            packed[(slot * n_outputs + o) * n_channels + c] =
                                weight.values()[(o * n_channels + c) * sizes.n_taps + tap];
                        }
                    }
                }
                (taps.len(), packed)
            })
            .collect();
        let (clip_size, grad_size) = (sizes.n_frames * n_channels, sizes.n_output_frames * n_outputs);
        let n_steps = sizes.n_frames.div_ceil(stride);
        let padded_frames = (most_taps - 1) + n_steps.max(sizes.n_output_frames);
        let mut output = vec![0.0; sizes.n_clips * clip_size];
        let threads = if sizes.n_clips == 1 { Threads::All } else { Threads::One };
        output.par_chunks_mut(clip_size).enumerate().for_each(|(clip, values)| {
            let mut padded = vec![0.0; padded_frames * n_outputs];
            padded[(most_taps - 1) * n_outputs..][..grad_size]
                .copy_from_slice(&output_grad.values()[clip * grad_size..][..grad_size]);
            for (phase, (n_taps, packed)) in phases.iter().enumerate() {
                let rows = (sizes.n_frames - phase).div_ceil(stride);
                multiply(
                    Target::new(&mut values[phase * n_channels..], stride * n_channels),
                    false,
                    1.0,
                    View::new(
                        &padded[(most_taps - n_taps) * n_outputs..],
                        rows,
                        n_taps * n_outputs,
                        n_outputs,
                    ),
                    View::dense(packed, n_taps * n_outputs, n_channels),
                    threads,
                );
            }
        });
        Array::new(output, &[sizes.n_clips, sizes.n_frames, n_channels])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        for (frames, taps, stride) in [(11, 3, 2), (12, 3, 2), (9, 2, 2), (23, 10, 5), (7, 2, 3), (8, 5, 1)] {
            differentiate(&Conv1d { stride }, [random(&[2, frames, 3], 1), random(&[4, 3, taps], 2)]);
        }
    }

    #[test]
    fn equals_the_engines_convolution() {
        let weight = random(&[12, 7, 3], 2).tensor::<3>();
        let same = weight.clone();
        compare(
            [random(&[3, 101, 7], 1)],
            move |[x]: [Tensor<3>; 1]| conv1d(x, weight.clone(), 2),
            move |[x]| {
                let options = ConvOptions::new([2], [0], [1], 1);
                module::conv1d(x.swap_dims(1, 2), same.clone(), None, options).swap_dims(1, 2)
            },
            1e-5,
        );
    }
}

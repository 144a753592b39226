//! Convolutions of channels-last frames on a card, strided or in groups: windows of the signal are copied out side by side and meet the taps in
//! one product a group, which cards do best. The engine's own convolution, where the card's matrix units cannot be used, makes the gradient of the
//! weights a convolution with as many taps as the output has frames, and one group after the other.
//!
//! Windows repeat every frame `K/s` times, so a stretch of frames goes at a time, as [`super::stretches`] says. The gradient of the input is the
//! product the other way round, whose windows one kernel folds back into frames.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use simd::Precision;

use super::operation::{CardOperation, apply};
use super::product::product;
use super::{add, grid, primitive, stretches, tensor};
use crate::conv1d::Sizes;
use crate::precision::{operand, result};

/// A convolution: `y[b,t,g·O' + o] = Σ_k Σ_c x[b, s·t + k − P, g·C' + c] · w[g·O' + o, c, k]`.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    pub(crate) stride: usize,
    /// Zero frames on both sides, `P`.
    pub(crate) padding: usize,
    pub(crate) n_groups: usize,
    pub(crate) precision: Precision,
}

impl Convolution {
    /// Convolves `x [B, T, C]` with `weight [O, C/G, K]`.
    pub(crate) fn run(self, x: burn::Tensor<3>, weight: burn::Tensor<3>) -> burn::Tensor<3> {
        apply(self, [x.into(), weight.into()])
    }

    fn sizes(&self, x: &CubeTensor, weight: &CubeTensor) -> Sizes {
        let [n_clips, n_frames, _] = x.meta.shape().dims();
        let [n_outputs, n_channels, n_taps] = weight.meta.shape().dims();
        let n_output_frames = (n_frames + 2 * self.padding - n_taps) / self.stride + 1;
        let n_outputs = n_outputs / self.n_groups;
        Sizes { n_clips, n_frames, n_channels, n_outputs, n_taps, n_output_frames }
    }

    /// Stretches of output frames: where each begins, and how long it is.
    fn stretches(&self, sizes: &Sizes) -> impl Iterator<Item = (usize, usize)> + use<> {
        stretches(sizes.n_output_frames, self.n_groups * sizes.n_clips * sizes.n_taps * sizes.n_channels)
    }

    /// In the type that products compute in, padded.
    fn padded(&self, x: CubeTensor) -> burn::Tensor<3> {
        let x = operand(tensor::<3>(x), self.precision);
        if self.padding == 0 { x } else { x.pad([(self.padding, self.padding), (0, 0)], 0.0) }
    }

    /// Taps as products read them, `[G, K·C', O']`.
    fn taps(&self, weight: CubeTensor, sizes: &Sizes) -> burn::Tensor<3> {
        let weight = operand(tensor::<3>(weight), self.precision);
        weight
            .reshape([self.n_groups, sizes.n_outputs, sizes.n_channels, sizes.n_taps])
            .permute([0, 3, 2, 1])
            .reshape([self.n_groups, sizes.n_taps * sizes.n_channels, sizes.n_outputs])
    }

    /// The gradient of the taps, `[G, K·C', O']`, of some windows, float32.
    fn of_taps(&self, windows: burn::Tensor<3>, grads: burn::Tensor<3>, sizes: &Sizes) -> burn::Tensor<3> {
        if self.n_groups > 1 {
            return product(windows.transpose(), grads);
        }
        // Long sums and few results: a product a clip keeps more of the card busy than one of all.
        let by_clip = |x: burn::Tensor<3>| {
            let [_, n_rows, width] = x.dims();
            x.reshape([sizes.n_clips, n_rows / sizes.n_clips, width])
        };
        product(by_clip(windows).transpose(), by_clip(grads)).sum_dim(0)
    }

    /// Windows of `n` output frames from `first` on, `[G, B·n, K·C']`.
    fn windows(&self, padded: &burn::Tensor<3>, first: usize, n: usize, sizes: &Sizes) -> burn::Tensor<3> {
        let span = (n - 1) * self.stride + sizes.n_taps;
        let stretch: burn::Tensor<3> = padded.clone().narrow(1, first * self.stride, span);
        let by_group: burn::Tensor<4> =
            stretch.reshape([sizes.n_clips, span, self.n_groups, sizes.n_channels]);
        // [B, n, G, C', K] → [G, B, n, K, C'].
        let windows: burn::Tensor<5> = by_group.unfold(1, sizes.n_taps, self.stride);
        windows.permute([2, 0, 1, 4, 3]).reshape([
            self.n_groups,
            sizes.n_clips * n,
            sizes.n_taps * sizes.n_channels,
        ])
    }
}

impl CardOperation<2> for Convolution {
    type Kept = [CubeTensor; 2];

    fn forward(&self, [x, weight]: [CubeTensor; 2]) -> (CubeTensor, [CubeTensor; 2]) {
        let sizes = self.sizes(&x, &weight);
        let (padded, taps) = (self.padded(x.clone()), self.taps(weight.clone(), &sizes));
        let parts = self.stretches(&sizes).map(|(first, n)| {
            let products = self.windows(&padded, first, n, &sizes).matmul(taps.clone());
            let by_group: burn::Tensor<4> =
                products.reshape([self.n_groups, sizes.n_clips, n, sizes.n_outputs]);
            by_group.permute([1, 2, 0, 3]).reshape([sizes.n_clips, n, self.n_groups * sizes.n_outputs])
        });
        let output = burn::Tensor::<3>::cat(parts.collect(), 1);
        (primitive(result(output, self.precision)), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: [CubeTensor; 2],
        output_grad: CubeTensor,
        wanted: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let sizes = self.sizes(&x, &weight);
        let taps = self.taps(weight, &sizes);
        let padded = self.padded(x);
        let [_, n_padded, n_all_channels] = padded.dims();
        let output_grad = operand(tensor::<3>(output_grad), self.precision);
        let x_grad = wanted[0].then(|| {
            primitive(burn::Tensor::<3>::zeros([sizes.n_clips, n_padded, n_all_channels], &padded.device()))
        });
        let mut weight_grad: Option<burn::Tensor<3>> = None;
        for (first, n) in self.stretches(&sizes) {
            let grads: burn::Tensor<3> = output_grad.clone().narrow(1, first, n);
            let grads: burn::Tensor<4> = grads.reshape([sizes.n_clips, n, self.n_groups, sizes.n_outputs]);
            let grads: burn::Tensor<3> =
                grads.permute([2, 0, 1, 3]).reshape([self.n_groups, sizes.n_clips * n, sizes.n_outputs]);
            if wanted[1] {
                let windows = self.windows(&padded, first, n, &sizes);
                add(&mut weight_grad, self.of_taps(windows, grads.clone(), &sizes));
            }
            if let Some(x_grad) = &x_grad {
                let windows = result(grads.matmul(taps.clone().transpose()), self.precision);
                fold(primitive(windows), x_grad, first * self.stride, n, self.stride, &sizes);
            }
        }
        let weight_grad = weight_grad.map(|grad| {
            let grad: burn::Tensor<4> =
                grad.reshape([self.n_groups, sizes.n_taps, sizes.n_channels, sizes.n_outputs]);
            let n_outputs = self.n_groups * sizes.n_outputs;
            primitive(grad.permute([0, 3, 2, 1]).reshape([n_outputs, sizes.n_channels, sizes.n_taps]))
        });
        let x_grad = x_grad.map(|grad| match self.padding {
            0 => grad,
            padding => primitive(tensor::<3>(grad).narrow(1, padding, sizes.n_frames)),
        });
        [x_grad, weight_grad]
    }
}

/// Adds `windows [G, B·n, K·C']`, the first of which begins with frame `first`, to the frames of `output [B, T, C]` that they are of.
fn fold(windows: CubeTensor, output: &CubeTensor, first: usize, n: usize, stride: usize, sizes: &Sizes) {
    let [n_clips, _, n_all_channels] = output.meta.shape().dims();
    let span = (n - 1) * stride + sizes.n_taps;
    let client = output.client.clone();
    let (cube_count, cube_dim) = grid(&client, n_clips * span * n_all_channels);
    fold_kernel::launch(
        &client,
        cube_count,
        cube_dim,
        windows.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        first as u32,
        n as u32,
        stride as u32,
        sizes.n_taps as u32,
        sizes.n_channels as u32,
    );
}

/// A unit a number of the frames that the windows are of.
#[cube(launch)]
fn fold_kernel(
    windows: &Tensor<f32>,
    output: &mut Tensor<f32>,
    first: u32,
    n_windows: u32,
    stride: u32,
    n_taps: u32,
    n_channels: u32,
) {
    let n_all_channels = output.shape(2);
    let span = ((n_windows - 1) * stride + n_taps) as usize;
    let at = ABSOLUTE_POS;
    if at < output.shape(0) * span * n_all_channels {
        let column = at % n_all_channels;
        let frame = (at / n_all_channels % span) as u32;
        let clip = at / n_all_channels / span;
        let group = column / n_channels as usize;
        let channel = column % n_channels as usize;
        // Windows `window` from the first that reaches the frame to the last that begins at or before it.
        let mut window = 0u32;
        if frame >= n_taps {
            window = (frame - n_taps) / stride + 1;
        }
        let mut last = frame / stride;
        if last >= n_windows {
            last = n_windows - 1;
        }
        let mut sum = 0.0f32;
        while window <= last {
            let tap = (frame - window * stride) as usize;
            let row = (group * output.shape(0) + clip) * n_windows as usize + window as usize;
            sum += windows[(row * n_taps as usize + tap) * n_channels as usize + channel];
            window += 1;
        }
        let to = (clip * output.shape(1) + (first + frame) as usize) * n_all_channels + column;
        output[to] += sum;
    }
}

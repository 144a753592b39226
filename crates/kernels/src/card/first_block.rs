//! The front end's first block on a card, in passes that make the convolution again instead of storing it: ten products a number cost less
//! than reading it from memory. Composed, a crop of 5 s would write and read its 49 MB some twenty times, and hold eight such tensors for the
//! backward pass; here the output is written once, and the waveform is all that is held.
//!
//! Forward: sums of `h` over time, sums of squares around the mean, then `gelu(γ (h − mean) r + β)`. Backward, with `p` the argument of GELU,
//! `n = (h − mean) r`, `dp = dy · gelu'(p)`: sums `S = Σ dp` and `Q = Σ dp n`, then `dh = r γ (dp − S/T − n Q/T)` against the samples.
//! `dγ = Q`, `dβ = S`. A unit an output channel and a block of frames; blocks are added by the engine's sum.

mod passes;

use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeCount, CubeDim};

use super::convolution::Convolution;
use super::operation::{CardOperation, apply};
use super::{primitive, tensor, unset, unset_like};
use crate::first_block::{FirstBlock, Moments};
use crate::precision::{operand, result};

/// Frames a unit visits, one behind the other.
const BLOCK_FRAMES: usize = 128;
/// Output channels of a cube.
const CHANNELS: u32 = 64;

/// [`crate::first_block`] of waveforms `[B, L, 1]`.
pub(crate) fn first_block(
    x: burn::Tensor<3>,
    weight: burn::Tensor<3>,
    gamma: burn::Tensor<1>,
    beta: burn::Tensor<1>,
    settings: FirstBlock,
) -> burn::Tensor<3> {
    apply(settings, [x.into(), weight.into(), gamma.into(), beta.into()])
}

/// Mean and reciprocal deviation over time of every output of whole clips, `[2, B, O]`.
pub(crate) fn first_block_moments(
    x: burn::Tensor<3>,
    weight: burn::Tensor<3>,
    settings: &FirstBlock,
) -> burn::Tensor<3> {
    let untaped = |x: burn::Tensor<3>| primitive(if x.is_autodiff() { x.inner() } else { x });
    tensor(Signal::new(untaped(x), untaped(weight), settings).moments(settings.epsilon))
}

/// Waveforms and the convolution that they go through.
#[derive(Clone, Debug)]
struct Signal {
    /// `[B, L, 1]`, rounded.
    x: CubeTensor,
    /// `[O, 1, K]`, rounded.
    weight: CubeTensor,
    stride: usize,
}

/// What the backward pass reads.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    signal: Signal,
    /// Mean and reciprocal deviation, `[2, B, O]`.
    moments: CubeTensor,
    /// `γ` and `β`, `[2, O]`.
    parameters: CubeTensor,
}

impl CardOperation<4> for FirstBlock {
    type Kept = Kept;

    fn forward(&self, [x, weight, gamma, beta]: [CubeTensor; 4]) -> (CubeTensor, Kept) {
        let signal = Signal::new(x, weight, self);
        let moments = match self.moments.as_ref().and_then(Moments::of_outputs) {
            Some(moments) => primitive(moments.clone()),
            None => signal.moments(self.epsilon),
        };
        let parameters = primitive(burn::Tensor::stack::<2>(vec![tensor::<1>(gamma), tensor::<1>(beta)], 0));
        let kept = Kept { signal, moments, parameters };
        (kept.output(), kept)
    }

    fn backward(&self, kept: Kept, output_grad: CubeTensor, wanted: [bool; 4]) -> [Option<CubeTensor>; 4] {
        let [plain, normal] = kept.gradient_sums(&output_grad);
        let over_clips = |sums: &burn::Tensor<2>| {
            let n_outputs = sums.dims()[1];
            primitive(sums.clone().sum_dim(0).reshape([n_outputs]))
        };
        let Signal { x, weight, .. } = &kept.signal;
        let n = kept.signal.n_frames() as f64;
        let means = stacked([plain.clone() / n, normal.clone() / n]);
        let x_grad = wanted[0].then(|| {
            let convolution =
                Convolution { stride: self.stride, padding: 0, n_groups: 1, precision: self.precision };
            let of_h = kept.of_convolved(&output_grad, &means);
            let [x_grad, _] = convolution.backward([x.clone(), weight.clone()], of_h, [true, false]);
            x_grad.expect("it is wanted")
        });
        let weight_grad = wanted[1].then(|| kept.of_weight(output_grad, means));
        [x_grad, weight_grad, wanted[2].then(|| over_clips(&normal)), wanted[3].then(|| over_clips(&plain))]
    }
}

/// Two tensors `[B, O]` as one, `[2, B, O]`.
fn stacked(both: [burn::Tensor<2>; 2]) -> CubeTensor {
    primitive(burn::Tensor::stack::<3>(both.into(), 0))
}

impl Signal {
    fn new(x: CubeTensor, weight: CubeTensor, settings: &FirstBlock) -> Self {
        let precision = settings.precision;
        let round = |x| primitive(result(operand(tensor::<3>(x), precision), precision));
        Self { x: round(x), weight: round(weight), stride: settings.stride }
    }

    /// `B`, `O`, `K`.
    fn sizes(&self) -> [usize; 3] {
        let (x, weight) = (self.x.meta.shape(), self.weight.meta.shape());
        [x[0], weight[0], weight[2]]
    }

    fn n_frames(&self) -> usize {
        let [_, _, n_taps] = self.sizes();
        (self.x.meta.shape()[1] - n_taps) / self.stride + 1
    }

    fn n_blocks(&self) -> usize {
        self.n_frames().div_ceil(BLOCK_FRAMES)
    }

    fn launch(&self) -> (CubeCount, CubeDim) {
        let [n_clips, n_outputs, _] = self.sizes();
        let cubes = [n_outputs.div_ceil(CHANNELS as usize), self.n_blocks(), n_clips].map(|n| n as u32);
        (CubeCount::Static(cubes[0], cubes[1], cubes[2]), CubeDim::new_1d(CHANNELS))
    }

    /// Mean and reciprocal deviation of every output over time, `[2, B, O]`.
    fn moments(&self, epsilon: f64) -> CubeTensor {
        let [n_clips, n_outputs, _] = self.sizes();
        let n = self.n_frames() as f64;
        let none = burn::Tensor::zeros([n_clips, n_outputs], &tensor::<3>(self.x.clone()).device());
        let mean = self.sums(none, false) / n;
        let rate = (self.sums(mean.clone(), true) / n + epsilon).sqrt().recip();
        stacked([mean, rate])
    }

    /// Sums over time of `h`, or of `(h − mean)²`, `[B, O]`.
    fn sums(&self, mean: burn::Tensor<2>, of_squares: bool) -> burn::Tensor<2> {
        let [n_clips, n_outputs, n_taps] = self.sizes();
        let partial = unset(&self.x, [n_clips, self.n_blocks(), n_outputs].into());
        let (cube_count, cube_dim) = self.launch();
        passes::sums_kernel::launch(
            &self.x.client,
            cube_count,
            cube_dim,
            self.x.clone().into_tensor_arg(),
            self.weight.clone().into_tensor_arg(),
            primitive(mean).into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            self.stride as u32,
            n_taps,
            BLOCK_FRAMES,
            of_squares,
        );
        tensor::<3>(partial).sum_dim(1).reshape([n_clips, n_outputs])
    }
}

impl Kept {
    fn output(&self) -> CubeTensor {
        let [n_clips, n_outputs, n_taps] = self.signal.sizes();
        let output = unset(&self.signal.x, [n_clips, self.signal.n_frames(), n_outputs].into());
        let (cube_count, cube_dim) = self.signal.launch();
        passes::output_kernel::launch(
            &self.signal.x.client,
            cube_count,
            cube_dim,
            self.signal.x.clone().into_tensor_arg(),
            self.signal.weight.clone().into_tensor_arg(),
            self.moments.clone().into_tensor_arg(),
            self.parameters.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            self.signal.stride as u32,
            n_taps,
            BLOCK_FRAMES,
        );
        output
    }

    /// `S` and `Q`, `[B, O]` each.
    fn gradient_sums(&self, output_grad: &CubeTensor) -> [burn::Tensor<2>; 2] {
        let [n_clips, n_outputs, n_taps] = self.signal.sizes();
        let partial = unset(&self.signal.x, [n_clips, self.signal.n_blocks(), 2 * n_outputs].into());
        let (cube_count, cube_dim) = self.signal.launch();
        passes::gradient_sums_kernel::launch(
            &self.signal.x.client,
            cube_count,
            cube_dim,
            self.signal.x.clone().into_tensor_arg(),
            self.signal.weight.clone().into_tensor_arg(),
            self.moments.clone().into_tensor_arg(),
            self.parameters.clone().into_tensor_arg(),
            output_grad.clone().into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            self.signal.stride as u32,
            n_taps,
            BLOCK_FRAMES,
        );
        let sums = tensor::<3>(partial).sum_dim(1);
        let sums: burn::Tensor<3> = sums.reshape([n_clips, 2, n_outputs]);
        [0, 1].map(|which| sums.clone().narrow(1, which, 1).reshape([n_clips, n_outputs]))
    }

    /// The gradient of `h`, for whoever asks for that of the waveform, `[B, T, O]`.
    fn of_convolved(&self, output_grad: &CubeTensor, means: &CubeTensor) -> CubeTensor {
        let [_, _, n_taps] = self.signal.sizes();
        let grads = unset_like(output_grad);
        let (cube_count, cube_dim) = self.signal.launch();
        passes::convolved_gradient_kernel::launch(
            &self.signal.x.client,
            cube_count,
            cube_dim,
            self.signal.x.clone().into_tensor_arg(),
            self.signal.weight.clone().into_tensor_arg(),
            self.moments.clone().into_tensor_arg(),
            self.parameters.clone().into_tensor_arg(),
            means.clone().into_tensor_arg(),
            output_grad.clone().into_tensor_arg(),
            grads.clone().into_tensor_arg(),
            self.signal.stride as u32,
            n_taps,
            BLOCK_FRAMES,
        );
        grads
    }

    /// The gradient of the weights, `[O, 1, K]`.
    fn of_weight(&self, output_grad: CubeTensor, means: CubeTensor) -> CubeTensor {
        let [n_clips, n_outputs, n_taps] = self.signal.sizes();
        let partial = unset(&self.signal.x, [n_clips * self.signal.n_blocks(), n_outputs * n_taps].into());
        let (cube_count, cube_dim) = self.signal.launch();
        passes::weight_gradient_kernel::launch(
            &self.signal.x.client,
            cube_count,
            cube_dim,
            self.signal.x.clone().into_tensor_arg(),
            self.signal.weight.clone().into_tensor_arg(),
            self.moments.clone().into_tensor_arg(),
            self.parameters.clone().into_tensor_arg(),
            means.into_tensor_arg(),
            output_grad.into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            self.signal.stride as u32,
            n_taps,
            BLOCK_FRAMES,
        );
        primitive(tensor::<2>(partial).sum_dim(0).reshape([n_outputs, 1, n_taps]))
    }
}

//! Positional convolution: tells the transformer where a frame lies relative to its neighbours.
//!
//! `y = gelu(conv1d(x; w, groups = G) + b)`, `w[o,i,k] = g[k] · v[o,i,k] / ‖v[·,·,k]‖₂`, added to `x` by the encoder.
//! Source: wav2vec 2.0 (Baevski et al. 2020) section 2; weight normalisation per tap as in fairseq (`dim = 2`).
//! Padding K/2 on both sides; for even K the last frame is dropped, so T is kept.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;
use kernels::Precision;

use crate::EncoderConfig;
use crate::front_end::blank;

/// The weight-normed kernel.
#[derive(Module, Debug)]
pub struct NormedKernel {
    /// Length of every tap, `[1, 1, K]`.
    pub weight_g: Param<Tensor<3>>,
    /// Direction, `[D, D/G, K]`.
    pub weight_v: Param<Tensor<3>>,
    /// `[D]`.
    pub bias: Param<Tensor<1>>,
}

/// The convolution.
#[derive(Module, Debug)]
pub struct PosConv {
    /// Its kernel.
    pub conv: NormedKernel,
    n_groups: usize,
}

impl PosConv {
    pub(crate) fn blank(config: &EncoderConfig, device: &Device) -> Self {
        let (width, n_taps) = (config.hidden_size, config.num_conv_pos_embeddings);
        let n_groups = config.num_conv_pos_embedding_groups;
        let conv = NormedKernel {
            weight_g: blank([1, 1, n_taps], device),
            weight_v: blank([width, width / n_groups, n_taps], device),
            bias: blank([width], device),
        };
        Self { conv, n_groups }
    }

    /// `[B, T, D]` to `[B, T, D]`, without the residual.
    pub fn forward(&self, x: Tensor<3>, precision: Precision) -> Tensor<3> {
        let [_, n_frames, _] = x.dims();
        let kernel = kernels::weight_norm(self.conv.weight_g.val(), self.conv.weight_v.val());
        let n_taps = kernel.dims()[2];
        let mut y = kernels::grouped_conv1d(x, kernel, n_taps / 2, self.n_groups, precision);
        if n_taps.is_multiple_of(2) {
            y = y.narrow(1, 0, n_frames);
        }
        kernels::gelu(y + self.conv.bias.val().unsqueeze())
    }
}

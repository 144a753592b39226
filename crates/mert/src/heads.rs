//! Heads of pre-training: projections compared with codeword embeddings, and the constant-Q head. Parameter names are fairseq's.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::{Device, activation};
use kernels::Precision;

use crate::front_end::{Linear, blank};
use crate::{EncoderConfig, HeadsConfig};

/// The constant-Q head.
#[derive(Module, Debug)]
pub struct CqtHead {
    /// Width to bins.
    pub fc: Linear,
}

/// Everything of a pre-training model that is not in the encoder.
#[derive(Module, Debug)]
pub struct Heads {
    /// Embeddings of the classes of all codebooks, `[K·V, F]`.
    pub label_embs_concat: Param<Tensor<2>>,
    /// Width to the compared vectors: `[K·F, D]`, or `[F, D]` when tied.
    pub final_proj: Linear,
    /// The linear map of the gated unit over class embeddings, `[2F, F]`: none or one. A list, because fairseq calls it `target_glu.0`.
    pub target_glu: Vec<Linear>,
    /// Constant-Q head.
    pub encoder_cqt_model: Option<CqtHead>,
    n_codebooks: usize,
    tied: bool,
    #[module(skip)]
    pub(crate) precision: Precision,
}

impl Heads {
    pub(crate) fn blank(config: &HeadsConfig, encoder: &EncoderConfig, device: &Device) -> Self {
        let width = encoder.hidden_size;
        let features = config.features(width);
        let projected = if config.tied_projection { features } else { features * config.n_codebooks };
        let glu = config.target_glu.then(|| Linear::blank(features, 2 * features, device));
        Self {
            label_embs_concat: blank([config.n_codebooks * config.n_classes, features], device),
            final_proj: Linear::blank(width, projected, device),
            target_glu: glu.into_iter().collect(),
            encoder_cqt_model: config.cqt_bins.map(|bins| CqtHead { fc: Linear::blank(width, bins, device) }),
            n_codebooks: config.n_codebooks,
            tied: config.tied_projection,
            precision: Precision::default(),
        }
    }

    /// Frames `[1, N, D]` to the vectors that are compared, `[1, N, K·F]`.
    pub(crate) fn project(&self, frames: Tensor<3>) -> Tensor<3> {
        let projected = self.final_proj.forward(frames, self.precision);
        if self.tied { Tensor::cat(vec![projected; self.n_codebooks], 2) } else { projected }
    }

    /// Class embeddings as they are compared, `[K·V, F]`.
    pub(crate) fn classes(&self) -> Tensor<2> {
        let embeddings = self.label_embs_concat.val();
        match self.target_glu.first() {
            Some(linear) => {
                activation::glu(linear.forward(embeddings.unsqueeze(), self.precision), 2).squeeze_dim(0)
            }
            None => embeddings,
        }
    }
}

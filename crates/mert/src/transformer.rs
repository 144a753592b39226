//! Transformer layers, norms after or before the sublayers.
//!
//! Post: `x ← LN₁(α x + Attn(x)); x ← LN₂(α x + FFN(x))`. Pre: `x ← x + Attn(LN₁ x); x ← x + FFN(LN₂ x)`. `FFN(x) = W₂ gelu(W₁ x)`.
//! `α = 1`, or `(2·layers)^¼` with deepnorm. Source: fairseq `wav2vec2.py` 925–1170, transformers `modeling_hubert.py` 480–567.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use kernels::{Attention, Precision, ResidualNorm};

use crate::draws_of_step::Site;
use crate::encoder::Observer;
use crate::front_end::{Linear, Norm};
use crate::{EncoderConfig, StepDraws};

/// Projections of the self-attention.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Keys.
    pub k_proj: Linear,
    /// Values.
    pub v_proj: Linear,
    /// Queries.
    pub q_proj: Linear,
    /// Of all heads back to the width.
    pub out_proj: Linear,
    n_heads: usize,
}

/// The two maps of a feed-forward layer.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// Up.
    pub intermediate_dense: Linear,
    /// Down.
    pub output_dense: Linear,
}

/// One layer.
#[derive(Module, Debug)]
pub struct Layer {
    /// Self-attention.
    pub attention: SelfAttention,
    /// Norm of the attention sublayer.
    pub layer_norm: Norm,
    /// Feed-forward sublayer.
    pub feed_forward: FeedForward,
    /// Norm of the feed-forward sublayer.
    pub final_layer_norm: Norm,
    epsilon: f64,
    alpha: f64,
    scales: bool,
    pre_norm: bool,
}

/// What a layer is told besides its input.
pub(crate) struct LayerContext<'a> {
    /// Its number, from 0.
    pub(crate) index: usize,
    /// Real frames of each clip; `None`: all.
    pub(crate) n_valid: Option<&'a [usize]>,
    /// Draws of a training step.
    pub(crate) draws: Option<&'a StepDraws>,
    /// Of the products.
    pub(crate) precision: Precision,
}

impl LayerContext<'_> {
    fn dropout(&self, x: Tensor<3>, site: Site) -> Tensor<3> {
        match self.draws.and_then(|draws| draws.dropout(site)) {
            Some(key) => kernels::dropout(x, key),
            None => x,
        }
    }
}

impl Layer {
    pub(crate) fn blank(config: &EncoderConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let square = || Linear::blank(width, width, device);
        Self {
            attention: SelfAttention {
                k_proj: square(),
                v_proj: square(),
                q_proj: square(),
                out_proj: square(),
                n_heads: config.num_attention_heads,
            },
            layer_norm: Norm::blank(width, device),
            feed_forward: FeedForward {
                intermediate_dense: Linear::blank(width, config.intermediate_size, device),
                output_dense: Linear::blank(config.intermediate_size, width, device),
            },
            final_layer_norm: Norm::blank(width, device),
            epsilon: config.layer_norm_eps,
            alpha: config.residual_alpha(),
            scales: config.deepnorm,
            pre_norm: config.do_stable_layer_norm,
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        context: &LayerContext<'_>,
        observe: Observer<'_>,
    ) -> Tensor<3> {
        let (attention, feed_forward) =
            (Site::AttentionOutput(context.index), Site::FeedForwardOutput(context.index));
        if self.pre_norm {
            let add = |x: Tensor<3>, y: Tensor<3>, site: Site| {
                let y = context.dropout(y, site);
                if self.scales { x * self.alpha + y } else { x + y }
            };
            let normed = |norm: &Norm, x: Tensor<3>| norm.forward(x, self.epsilon);
            let x = add(x.clone(), self.attend(normed(&self.layer_norm, x), context, observe), attention);
            add(x.clone(), self.feed(normed(&self.final_layer_norm, x), context), feed_forward)
        } else {
            let end = |norm: &Norm, x: Tensor<3>, y: Tensor<3>, site: Site| {
                let settings = ResidualNorm {
                    alpha: if self.scales { self.alpha } else { 1.0 },
                    dropout: context.draws.and_then(|draws| draws.dropout(site)),
                    epsilon: self.epsilon,
                };
                kernels::residual_norm(x, y, norm.weight.val(), norm.bias.val(), settings)
            };
            let x = end(&self.layer_norm, x.clone(), self.attend(x, context, observe), attention);
            end(&self.final_layer_norm, x.clone(), self.feed(x, context), feed_forward)
        }
    }

    fn attend(&self, x: Tensor<3>, context: &LayerContext<'_>, observe: Observer<'_>) -> Tensor<3> {
        let [_, _, width] = x.dims();
        let n_heads = self.attention.n_heads;
        let settings = Attention {
            n_heads,
            scale: ((width / n_heads) as f64).powf(-0.5) as f32,
            n_valid: context.n_valid.map(<[usize]>::to_vec),
            dropout: context.draws.and_then(|draws| draws.dropout(Site::Attention(context.index))),
            precision: context.precision,
        };
        let precision = context.precision;
        let query = self.attention.q_proj.forward(x.clone(), precision);
        let key = self.attention.k_proj.forward(x.clone(), precision);
        let value = self.attention.v_proj.forward(x, precision);
        let y = self.attention.out_proj.forward(kernels::attention(query, key, value, settings), precision);
        observe(&format!("layer.{}.attn_out", context.index), &y);
        y
    }

    fn feed(&self, x: Tensor<3>, context: &LayerContext<'_>) -> Tensor<3> {
        let feed_forward = &self.feed_forward;
        let x = feed_forward.intermediate_dense.forward_gelu(x, context.precision);
        let x = context.dropout(x, Site::Activation(context.index));
        feed_forward.output_dense.forward(x, context.precision)
    }
}

//! The encoder: front end, masking of frames, positional convolution, transformer.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::{Device, TensorData};
use kernels::Precision;

use crate::draws_of_step::Site;
use crate::front_end::{FeatureExtractor, FeatureProjection, Norm, blank};
use crate::pos_conv::PosConv;
use crate::recompute::recomputed;
use crate::transformer::{Layer, LayerContext};
use crate::{EncoderConfig, MertError, StepDraws};

/// Called with the name and value of every activation as it is made: `conv.0`, `features_norm`, `layer.3.out` …
pub type Observer<'a> = &'a mut dyn FnMut(&str, &Tensor<3>);

/// An observer that does not look.
pub fn silent(_: &str, _: &Tensor<3>) {}

/// What MERT knows as the transformer: positional convolution, layers and the norm before or after them.
#[derive(Module, Debug)]
pub struct Transformer {
    /// Positional convolution.
    pub pos_conv_embed: PosConv,
    /// Before the layers (post-norm model) or after them (pre-norm model).
    pub layer_norm: Norm,
    /// First to last.
    pub layers: Vec<Layer>,
}

/// HuBERT's encoder, with the parameter names of `transformers`' `HubertModel`.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Convolutions.
    pub feature_extractor: FeatureExtractor,
    /// From their channels to the width.
    pub feature_projection: FeatureProjection,
    /// What stands where a frame is masked, `[D]`.
    pub masked_spec_embed: Param<Tensor<1>>,
    /// Positional convolution and layers.
    pub encoder: Transformer,
    epsilon: f64,
    pre_norm: bool,
    field_of_view: usize,
    #[module(skip)]
    pub(crate) precision: Precision,
    #[module(skip)]
    pub(crate) recomputes: bool,
}

impl Encoder {
    /// A model of zeros; parameters are then filled by name.
    pub(crate) fn blank(config: &EncoderConfig, device: &Device) -> Self {
        Self {
            feature_extractor: FeatureExtractor::blank(config, device),
            feature_projection: FeatureProjection::blank(config, device),
            masked_spec_embed: blank([config.hidden_size], device),
            encoder: Transformer {
                pos_conv_embed: PosConv::blank(config, device),
                layer_norm: Norm::blank(config.hidden_size, device),
                layers: (0..config.num_hidden_layers).map(|_| Layer::blank(config, device)).collect(),
            },
            epsilon: config.layer_norm_eps,
            pre_norm: config.do_stable_layer_norm,
            field_of_view: config.field_of_view(),
            precision: Precision::default(),
            recomputes: false,
        }
    }

    /// All hidden states of waveforms `[B, L]`: `L + 1` tensors `[B, T, D]`; the last is the encoder's output.
    ///
    /// State 0 is the input of the first layer. As in transformers 4 (which MERT was released for), the last state of a pre-norm model
    /// has passed the final norm. `n_valid` are the real frames of each clip, when clips were padded to one length.
    pub fn hidden_states(
        &self,
        waveform: Tensor<2>,
        n_valid: Option<&[usize]>,
    ) -> Result<Vec<Tensor<3>>, MertError> {
        let [_, n_samples] = waveform.dims();
        if n_samples < self.field_of_view {
            return Err(MertError::TooShort { samples: n_samples, needed: self.field_of_view });
        }
        let features = self.feature_extractor.forward_in_parts(waveform, self.precision);
        let x = self.feature_projection.forward(features, self.precision, &mut silent);
        let mut states = Vec::with_capacity(self.encoder.layers.len() + 1);
        self.contextualise(x, n_valid, None, &mut |name, state| {
            let is_output = name.starts_with("layer.") && name.rsplit('.').next() == Some("out");
            if name == "layers_in" || is_output {
                states.push(state.clone());
            }
            if name == "encoder_out" {
                states.pop();
                states.push(state.clone());
            }
        });
        Ok(states)
    }

    /// Replaces the frames of `x [B, T, D]` that `mask [B·T]` names by the mask embedding.
    pub(crate) fn mask(&self, x: Tensor<3>, mask: &[bool]) -> Tensor<3> {
        let [n_clips, n_frames, _] = x.dims();
        let column = |of: fn(bool) -> f32| {
            let values: Vec<f32> = mask.iter().map(|&masked| of(masked)).collect();
            Tensor::<3>::from_data(TensorData::new(values, [n_clips, n_frames, 1]), &x.device())
        };
        let keep = column(|masked| f32::from(u8::from(!masked)));
        let replace = column(|masked| f32::from(u8::from(masked)));
        x * keep + self.masked_spec_embed.val().unsqueeze() * replace
    }

    /// Positional convolution and layers: `[B, T, D]` to `[B, T, D]`.
    pub(crate) fn contextualise(
        &self,
        x: Tensor<3>,
        n_valid: Option<&[usize]>,
        draws: Option<&StepDraws>,
        observe: Observer<'_>,
    ) -> Tensor<3> {
        let x = match n_valid {
            Some(n_valid) => silence_padding(x, n_valid),
            None => x,
        };
        let position = self.encoder.pos_conv_embed.forward(x.clone(), self.precision);
        observe("pos_conv_out", &position);
        let mut x = x + position;
        if !self.pre_norm {
            x = self.encoder.layer_norm.forward(x, self.epsilon);
        }
        if let Some(key) = draws.and_then(|draws| draws.dropout(Site::EncoderInput)) {
            x = kernels::dropout(x, key);
        }
        observe("layers_in", &x);
        for (index, layer) in self.encoder.layers.iter().enumerate() {
            if !draws.is_some_and(|draws| draws.skips(index)) {
                let context = LayerContext { index, n_valid, draws, precision: self.precision };
                x = if self.recomputes {
                    recomputed(layer, x, &context)
                } else {
                    layer.forward(x, &context, observe)
                };
            }
            observe(&format!("layer.{index}.out"), &x);
        }
        if self.pre_norm {
            x = self.encoder.layer_norm.forward(x, self.epsilon);
        }
        observe("encoder_out", &x);
        x
    }
}

/// Sets the frames after the real ones to 0.
fn silence_padding(x: Tensor<3>, n_valid: &[usize]) -> Tensor<3> {
    let [n_clips, n_frames, _] = x.dims();
    if n_valid.iter().all(|&n| n >= n_frames) {
        return x;
    }
    let real: Vec<f32> =
        n_valid.iter().flat_map(|&n| (0..n_frames).map(move |t| f32::from(u8::from(t < n)))).collect();
    let real = Tensor::<3>::from_data(TensorData::new(real, [n_clips, n_frames, 1]), &x.device());
    x * real
}

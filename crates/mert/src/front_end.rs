//! Convolutional front end: waveform to features, 75 a second; then the projection to the encoder's width.
//!
//! `group`: conv → group norm (one group a channel, over time) → GELU for the first, conv → GELU for the others; `layer`: conv → layer norm
//! over channels → GELU for all. No padding: `n ← ⌊(n − k)/s⌋ + 1`. Source: wav2vec 2.0, fairseq `wav2vec2.py` 844–922.
//! The norms' epsilon is fixed at 1e-5, whatever the configuration says of the others.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;
use kernels::operation::on_cpu;
use kernels::{FirstBlock, Moments, Precision};

use crate::encoder::Observer;
use crate::{ConvNorm, EncoderConfig};

/// Epsilon of the norms between convolutions.
const EPSILON: f64 = 1e-5;

/// Frames of a part of a long clip: 7 s, of which the first layer's output is 70 MB at the published width.
const PART: usize = 512;

/// A parameter of zeros, to be filled by name.
pub(crate) fn blank<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}

/// An affine map of the last axis.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[O, I]`.
    pub weight: Param<Tensor<2>>,
    /// `[O]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    pub(crate) fn blank(inputs: usize, outputs: usize, device: &Device) -> Self {
        Self { weight: blank([outputs, inputs], device), bias: blank([outputs], device) }
    }

    /// `[B, T, I]` to `[B, T, O]`.
    pub fn forward(&self, x: Tensor<3>, precision: Precision) -> Tensor<3> {
        kernels::linear(x, self.weight.val(), self.bias.val(), precision)
    }

    /// The same, followed by GELU.
    pub(crate) fn forward_gelu(&self, x: Tensor<3>, precision: Precision) -> Tensor<3> {
        kernels::linear_gelu(x, self.weight.val(), self.bias.val(), precision)
    }
}

/// Scale and shift of a norm.
#[derive(Module, Debug)]
pub struct Norm {
    /// `[C]`.
    pub weight: Param<Tensor<1>>,
    /// `[C]`.
    pub bias: Param<Tensor<1>>,
}

impl Norm {
    pub(crate) fn blank(width: usize, device: &Device) -> Self {
        Self { weight: blank([width], device), bias: blank([width], device) }
    }

    /// Layer norm over the last axis of `[B, T, C]`.
    pub fn forward(&self, x: Tensor<3>, epsilon: f64) -> Tensor<3> {
        kernels::layer_norm(x, self.weight.val(), self.bias.val(), epsilon)
    }
}

/// Kernel of one convolution.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[O, C, K]`.
    pub weight: Param<Tensor<3>>,
    /// `[O]`.
    pub bias: Option<Param<Tensor<1>>>,
}

/// One block of the front end.
#[derive(Module, Debug)]
pub struct ConvLayer {
    /// The convolution.
    pub conv: Conv,
    /// Its norm, where it has one.
    pub layer_norm: Option<Norm>,
    stride: usize,
    over_time: bool,
}

impl ConvLayer {
    /// Whether this is a first block without bias and normalised over time, which is computed in one pass.
    fn is_one_pass(&self) -> bool {
        let [_, n_inputs, _] = self.conv.weight.dims();
        self.over_time && n_inputs == 1 && self.conv.bias.is_none() && self.layer_norm.is_some()
    }

    fn one_pass(&self, precision: Precision) -> FirstBlock {
        FirstBlock { stride: self.stride, epsilon: EPSILON, precision, moments: None }
    }

    /// `moments` are those of the whole clips, when `x` is a part of them.
    fn forward(&self, x: Tensor<3>, precision: Precision, moments: Option<&Moments>) -> Tensor<3> {
        let weight = self.conv.weight.val();
        if self.conv.bias.is_none() && self.layer_norm.is_none() {
            return kernels::conv1d_gelu(x, weight, self.stride, precision);
        }
        if let Some(norm) = self.layer_norm.as_ref().filter(|_| self.is_one_pass()) {
            let settings = FirstBlock { moments: moments.cloned(), ..self.one_pass(precision) };
            return kernels::first_block(x, weight, norm.weight.val(), norm.bias.val(), settings);
        }
        let mut x = kernels::conv1d(x, weight, self.stride, precision);
        if let Some(bias) = &self.conv.bias {
            x = x + bias.val().unsqueeze();
        }
        if let Some(norm) = &self.layer_norm {
            x = if self.over_time {
                kernels::channel_norm(x, norm.weight.val(), norm.bias.val(), EPSILON)
            } else {
                norm.forward(x, EPSILON)
            };
        }
        kernels::gelu(x)
    }
}

/// The convolutions.
#[derive(Module, Debug)]
pub struct FeatureExtractor {
    /// First to last.
    pub conv_layers: Vec<ConvLayer>,
}

impl FeatureExtractor {
    pub(crate) fn blank(config: &EncoderConfig, device: &Device) -> Self {
        let by_layer = config.feat_extract_norm == ConvNorm::Layer;
        let conv_layers = (0..config.conv_dim.len())
            .map(|i| {
                let inputs = if i == 0 { 1 } else { config.conv_dim[i - 1] };
                let outputs = config.conv_dim[i];
                let conv = Conv {
                    weight: blank([outputs, inputs, config.conv_kernel[i]], device),
                    bias: config.conv_bias.then(|| blank([outputs], device)),
                };
                let layer_norm = (by_layer || i == 0).then(|| Norm::blank(outputs, device));
                ConvLayer { conv, layer_norm, stride: config.conv_stride[i], over_time: !by_layer }
            })
            .collect();
        Self { conv_layers }
    }

    /// Waveforms `[B, L]` to features `[B, T, C]`.
    pub fn forward(&self, waveform: Tensor<2>, precision: Precision, observe: Observer<'_>) -> Tensor<3> {
        let [n_clips, n_samples] = waveform.dims();
        let mut x = waveform.reshape([n_clips, n_samples, 1]);
        for (i, layer) in self.conv_layers.iter().enumerate() {
            x = layer.forward(x, precision, None);
            observe(&format!("conv.{i}"), &x);
        }
        x
    }

    /// The same, part after part, so that the first layers' long outputs never exist at once; without a gradient tape.
    pub(crate) fn forward_in_parts(&self, waveform: Tensor<2>, precision: Precision) -> Tensor<3> {
        let taps: Vec<(usize, usize)> =
            self.conv_layers.iter().map(|layer| (layer.conv.weight.dims()[2], layer.stride)).collect();
        let hop: usize = taps.iter().map(|(_, stride)| stride).product();
        let field_of_view = taps.iter().rev().fold(1, |n, (taps, stride)| (n - 1) * stride + taps);
        let [n_clips, n_samples] = waveform.dims();
        let n_frames = (n_samples - field_of_view) / hop + 1;
        // Clips of a batch take turns on the processor; on a card all are there at once.
        let part = if on_cpu(&waveform) { PART } else { (PART / n_clips).max(1) };
        if n_frames <= part || waveform.is_autodiff() {
            return self.forward(waveform, precision, &mut crate::silent);
        }
        let first = &self.conv_layers[0];
        let moments = first.is_one_pass().then(|| {
            let clips = waveform.clone().unsqueeze_dim(2);
            Moments::of(clips, &first.conv.weight.val(), &first.one_pass(precision))
        });
        let moments = moments.flatten();
        if moments.is_none() && first.over_time {
            return self.forward(waveform, precision, &mut crate::silent);
        }
        let parts = (0..n_frames).step_by(part).map(|frame| {
            let n = part.min(n_frames - frame);
            let x = waveform.clone().narrow(1, frame * hop, (n - 1) * hop + field_of_view);
            let x = x.unsqueeze_dim(2);
            self.conv_layers.iter().fold(x, |x, layer| layer.forward(x, precision, moments.as_ref()))
        });
        Tensor::cat(parts.collect(), 1)
    }
}

/// From the front end's channels to the encoder's width.
#[derive(Module, Debug)]
pub struct FeatureProjection {
    /// Norm of the features.
    pub layer_norm: Option<Norm>,
    /// The projection.
    pub projection: Option<Linear>,
    epsilon: f64,
}

impl FeatureProjection {
    pub(crate) fn blank(config: &EncoderConfig, device: &Device) -> Self {
        let channels = config.conv_dim[config.conv_dim.len() - 1];
        Self {
            layer_norm: config.feat_proj_layer_norm.then(|| Norm::blank(channels, device)),
            projection: config.feat_proj_linear.then(|| Linear::blank(channels, config.hidden_size, device)),
            epsilon: config.layer_norm_eps,
        }
    }

    /// `[B, T, C]` to `[B, T, D]`.
    pub fn forward(&self, mut x: Tensor<3>, precision: Precision, observe: Observer<'_>) -> Tensor<3> {
        if let Some(norm) = &self.layer_norm {
            x = norm.forward(x, self.epsilon);
            observe("features_norm", &x);
        }
        if let Some(projection) = &self.projection {
            x = projection.forward(x, precision);
            observe("features_proj", &x);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::Mert;

    #[test]
    fn a_clip_in_parts_gives_the_features_of_the_whole() {
        for norm in [ConvNorm::Group, ConvNorm::Layer] {
            let config = EncoderConfig {
                hidden_size: 8,
                num_hidden_layers: 1,
                num_attention_heads: 2,
                intermediate_size: 8,
                conv_dim: vec![16; 7],
                feat_extract_norm: norm,
                num_conv_pos_embeddings: 4,
                num_conv_pos_embedding_groups: 2,
                ..EncoderConfig::v1_95m()
            };
            let model = Mert::from_scratch(&config, None, 5, &Device::flex()).unwrap();
            let samples: Vec<f32> =
                (0..2 * 400_000).map(|i| (i as f32 * 0.013).sin() * (i as f32 * 0.7).cos()).collect();
            let wave = Tensor::<2>::from_data(TensorData::new(samples, [2, 400_000]), &Device::flex());
            let front_end = &model.encoder.feature_extractor;
            let whole = front_end.forward(wave.clone(), Precision::Float32, &mut crate::silent);
            let parts = front_end.forward_in_parts(wave, Precision::Float32);
            assert_eq!(whole.dims(), parts.dims());
            assert!(whole.dims()[1] > 2 * PART);
            // Products of few rows add in another order.
            let worst = (whole - parts).abs().max().into_scalar::<f32>();
            assert!(worst < 1e-5, "{norm:?}: {worst}");
        }
    }
}

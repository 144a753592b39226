//! Convolutional front end: waveform to features, 75 a second; then the projection to the encoder's width.
//!
//! `group`: conv → group norm (one group a channel, over time) → GELU for the first, conv → GELU for the others; `layer`: conv → layer norm
//! over channels → GELU for all. No padding: `n ← ⌊(n − k)/s⌋ + 1`. Source: wav2vec 2.0, fairseq `wav2vec2.py` 844–922.
//! The norms' epsilon is fixed at 1e-5, whatever the configuration says of the others.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::tensor::Device;

use crate::encoder::Observer;
use crate::{ConvNorm, EncoderConfig};

/// Epsilon of the norms between convolutions.
const EPSILON: f64 = 1e-5;

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
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        kernels::linear(x, self.weight.val(), self.bias.val())
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
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let mut x = kernels::conv1d(x, self.conv.weight.val(), self.stride);
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
    pub fn forward(&self, waveform: Tensor<2>, observe: Observer<'_>) -> Tensor<3> {
        let [n_clips, n_samples] = waveform.dims();
        let mut x = waveform.reshape([n_clips, n_samples, 1]);
        for (i, layer) in self.conv_layers.iter().enumerate() {
            x = layer.forward(x);
            observe(&format!("conv.{i}"), &x);
        }
        x
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
    pub fn forward(&self, mut x: Tensor<3>, observe: Observer<'_>) -> Tensor<3> {
        if let Some(norm) = &self.layer_norm {
            x = norm.forward(x, self.epsilon);
            observe("features_norm", &x);
        }
        if let Some(projection) = &self.projection {
            x = projection.forward(x);
            observe("features_proj", &x);
        }
        x
    }
}

//! Encoder and heads together, with the configurations they were made from.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, TensorData};
use kernels::Precision;

use crate::{Encoder, EncoderConfig, Heads, HeadsConfig, MertError, initial, parameters};

/// A MERT model.
#[derive(Clone, Debug)]
pub struct Mert {
    /// The encoder.
    pub encoder: Encoder,
    /// Heads of pre-training; a released checkpoint has none.
    pub heads: Option<Heads>,
    pub(crate) config: EncoderConfig,
    pub(crate) heads_config: Option<HeadsConfig>,
    pub(crate) device: Device,
}

impl Mert {
    /// A model of zeros on `device`, to be filled by [`parameters::load`]. A device with a gradient tape makes a model that can be trained.
    pub fn blank(
        config: &EncoderConfig,
        heads: Option<&HeadsConfig>,
        device: &Device,
    ) -> Result<Self, MertError> {
        config.check()?;
        heads.map_or(Ok(()), HeadsConfig::check)?;
        Ok(Self {
            encoder: Encoder::blank(config, device),
            heads: heads.map(|heads| Heads::blank(heads, config, device)),
            config: config.clone(),
            heads_config: heads.cloned(),
            device: device.clone(),
        })
    }

    /// A model that starts from nothing. Another `seed` is another model.
    pub fn from_scratch(
        config: &EncoderConfig,
        heads: Option<&HeadsConfig>,
        seed: u64,
        device: &Device,
    ) -> Result<Self, MertError> {
        let model = Self::blank(config, heads, device)?;
        Ok(parameters::replace(model, &mut |name, shape| Some(initial::values(seed, name, shape, config))))
    }

    /// The first values a parameter has in a model that starts from nothing: for heads that a checkpoint lacks.
    pub fn initial_values(&self, seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
        initial::values(seed, name, shape, &self.config)
    }

    /// The same model whose products are computed in `precision`; a new model computes in float32. Parameters stay float32.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.encoder.precision = precision;
        if let Some(heads) = &mut self.heads {
            heads.precision = precision;
        }
        self
    }

    /// The same model whose transformer layers keep only their inputs for the backward pass and compute the rest again: less memory, more
    /// time, the same numbers. Activations inside a layer are then not observed.
    #[must_use]
    pub fn with_recomputation(mut self, recomputes: bool) -> Self {
        self.encoder.recomputes = recomputes;
        self
    }

    /// What products are computed in.
    pub fn precision(&self) -> Precision {
        self.encoder.precision
    }

    /// Shape of the encoder.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Shape of the heads.
    pub fn heads_config(&self) -> Option<&HeadsConfig> {
        self.heads_config.as_ref()
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The same weights without a gradient tape: to measure with while it trains.
    #[must_use]
    pub fn without_tape(&self) -> Self {
        Self {
            encoder: self.encoder.valid(),
            heads: self.heads.as_ref().map(Module::valid),
            config: self.config.clone(),
            heads_config: self.heads_config.clone(),
            device: self.device.clone().inner(),
        }
    }

    /// All hidden states of equally long clips, `samples [B · L]`: `layers + 1` lists of `[B, T, D]` and T. No gradients.
    pub fn embed(&self, samples: &[f32], n_clips: usize) -> Result<(Vec<Vec<f32>>, usize), MertError> {
        let n_samples = samples.len() / n_clips.max(1);
        if n_clips * n_samples != samples.len() {
            let expected = n_clips * n_samples;
            return Err(MertError::Size { what: "the batch", expected, found: samples.len() });
        }
        let waveform =
            Tensor::<2>::from_data(TensorData::new(samples.to_vec(), [n_clips, n_samples]), &self.device);
        let states = self.encoder.hidden_states(waveform, None)?;
        let n_frames = self.config.n_frames(n_samples);
        let host = |state: Tensor<3>| {
            let n: usize = state.dims().iter().product();
            parameters::read(state.reshape([n]))
        };
        Ok((states.into_iter().map(host).collect::<Result<_, _>>()?, n_frames))
    }
}

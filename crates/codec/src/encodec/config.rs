//! `config.json` of an EnCodec model in the Hugging Face layout: what the encoder needs of it.
//!
//! Weights without one, as the original package publishes them, tell their architecture by their shapes (`shapes.rs`).

use serde::Deserialize;

use crate::CodecError;

/// Longest reach of a convolution, in rows: a chunk of as many frames has more rows than any layer looks back.
pub(super) const MAX_REACH: usize = 64;

/// Other keys of the file do not concern the encoder.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EncodecConfig {
    pub(crate) target_bandwidths: Vec<f64>,
    pub(crate) sampling_rate: u32,
    pub(super) audio_channels: usize,
    pub(super) normalize: bool,
    pub(super) chunk_length_s: Option<f64>,
    pub(crate) hidden_size: usize,
    pub(crate) num_filters: usize,
    pub(crate) num_residual_layers: usize,
    pub(crate) upsampling_ratios: Vec<usize>,
    pub(super) norm_type: String,
    pub(crate) kernel_size: usize,
    pub(crate) last_kernel_size: usize,
    pub(crate) residual_kernel_size: usize,
    pub(crate) dilation_growth_rate: usize,
    pub(super) use_causal_conv: bool,
    pub(super) pad_mode: String,
    pub(crate) compress: usize,
    pub(crate) num_lstm_layers: usize,
    pub(crate) codebook_size: usize,
    pub(super) codebook_dim: Option<usize>,
    pub(crate) use_conv_shortcut: bool,
}

impl EncodecConfig {
    /// Samples a frame.
    pub(crate) fn hop(&self) -> usize {
        self.upsampling_ratios.iter().product()
    }

    /// Codebooks at `kbps`: `max(1, ⌊bw·1000 / (log₂ size · rate)⌋)` with `rate = ⌈Hz / hop⌉`.
    pub(crate) fn codebooks_at(&self, kbps: f64) -> usize {
        let rate = (self.sampling_rate as usize).div_ceil(self.hop());
        ((kbps * 1000.0 / ((self.codebook_size as f64).log2() * rate as f64)) as usize).max(1)
    }

    /// Codebooks at `kbps`, which has to be one of the bandwidths that the model was trained for.
    pub(crate) fn codebooks_for(&self, kbps: f64) -> Result<usize, CodecError> {
        if self.target_bandwidths.iter().any(|known| (known - kbps).abs() < 1e-6) {
            return Ok(self.codebooks_at(kbps));
        }
        let known: Vec<String> = self.target_bandwidths.iter().map(f64::to_string).collect();
        let needed = format!("one of {} (kbit/s), which this model was trained for", known.join(", "));
        Err(CodecError::Setting { key: "bandwidth", value: kbps.to_string(), needed })
    }

    /// Codebooks at the highest bandwidth.
    pub(crate) fn max_codebooks(&self) -> usize {
        self.codebooks_at(self.target_bandwidths.iter().copied().fold(0.0, f64::max))
    }

    /// What determines the codes beside the weights.
    pub(crate) fn identity(&self) -> (&[usize], usize, usize, [usize; 5], bool) {
        let Self { upsampling_ratios, num_filters, hidden_size, use_conv_shortcut, .. } = self;
        let rest = [
            self.num_residual_layers,
            self.residual_kernel_size,
            self.dilation_growth_rate,
            self.compress,
            self.num_lstm_layers,
        ];
        (upsampling_ratios, *num_filters, *hidden_size, rest, *use_conv_shortcut)
    }

    /// Refuses what we do not do and sizes without sense; the reason is a clause.
    pub(crate) fn check(&self) -> Result<(), String> {
        let within = |key: &str, value: usize, low: usize, high: usize| {
            let fine = (low..=high).contains(&value);
            if fine { Ok(()) } else { Err(format!("`{key}` is {value}, not from {low} to {high}")) }
        };
        within("audio_channels", self.audio_channels, 1, 1)?;
        within("sampling_rate", self.sampling_rate as usize, 1, 1_000_000)?;
        within("hidden_size", self.hidden_size, 1, 4096)?;
        within("number of upsampling_ratios", self.upsampling_ratios.len(), 1, 8)?;
        for &ratio in &self.upsampling_ratios {
            within("upsampling_ratios", ratio, 1, MAX_REACH / 2)?;
        }
        within("num_filters", self.num_filters, 1, 4096 >> self.upsampling_ratios.len())?;
        within("num_residual_layers", self.num_residual_layers, 0, 8)?;
        within("num_lstm_layers", self.num_lstm_layers, 0, 8)?;
        within("compress", self.compress, 1, self.num_filters)?;
        within("codebook_size", self.codebook_size, 2, 1 << 16)?;
        within(
            "codebook_dim",
            self.codebook_dim.unwrap_or(self.hidden_size),
            self.hidden_size,
            self.hidden_size,
        )?;
        within("kernel_size", self.kernel_size, 1, MAX_REACH)?;
        within("last_kernel_size", self.last_kernel_size, 1, MAX_REACH)?;
        within("residual_kernel_size", self.residual_kernel_size, 1, MAX_REACH)?;
        within("dilation_growth_rate", self.dilation_growth_rate, 1, MAX_REACH)?;
        let widest = self.dilation_growth_rate.pow(self.num_residual_layers.saturating_sub(1).min(6) as u32);
        within("reach of a residual layer", self.residual_kernel_size.saturating_mul(widest), 1, MAX_REACH)?;
        let bandwidths = self.target_bandwidths.iter().all(|&kbps| kbps > 0.0 && kbps < 1e4);
        if self.target_bandwidths.is_empty() || !bandwidths {
            return Err("`target_bandwidths` are not kilobits a second".into());
        }
        if self.normalize || self.chunk_length_s.is_some() {
            return Err("it normalises or cuts its input, which only the 48 kHz model does".into());
        }
        if !self.use_causal_conv || self.pad_mode != "reflect" || self.norm_type != "weight_norm" {
            return Err("its convolutions are not causal, reflected at the edges and weight-normed".into());
        }
        Ok(())
    }
}

//! Operations and parameters of a model, from its shape.
//!
//! Front end: `Σ 2·k·c_in·c_out·rate`; a layer of the transformer: `75·(2·(4·H² + 2·H·F) + 4·T·H)` for `T` frames in a window; positional
//! convolution: `75·2·K·H·H/G`. MERT-95M in windows of 30 s: 27.0 GFLOP for a second, where 812 GFLOP for 30 s were counted.
//! Training passes through everything three times; what does not train needs no gradient of its weights and costs two. Pure.

use mert::EncoderConfig;
use pretrain::ObjectivePlan;
use serde_json::Value;

/// Frames a second.
const FRAMES: f64 = 75.0;
/// Samples a second.
const RATE: f64 = 24_000.0;

/// A model's shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    encoder: EncoderConfig,
    heads: f64,
}

impl Shape {
    pub(super) fn mert_95m() -> Self {
        Self { encoder: EncoderConfig::v1_95m(), heads: 0.0 }
    }

    pub(super) fn of_config(config: &Value) -> Option<Self> {
        Some(Self { encoder: EncoderConfig::from_json(config).ok()?, heads: 0.0 })
    }

    /// With the heads that an objective needs: codewords, a projection for each codebook, spectra.
    pub(super) fn with_heads(self, objective: &ObjectivePlan) -> Self {
        let classes = (objective.entries + objective.special_entries) as f64;
        let (books, dim) = (objective.codebooks as f64, objective.final_dim as f64);
        let width = self.width();
        let heads =
            books * classes * dim + books * dim * (width + 1.0) + objective.cqt_bins as f64 * (width + 1.0);
        Self { heads, ..self }
    }

    pub(super) fn width(&self) -> f64 {
        self.encoder.hidden_size as f64
    }

    /// Numbers of all hidden states of a window's mean.
    pub(super) fn features(&self) -> f64 {
        self.width() * (self.encoder.num_hidden_layers + 1) as f64
    }

    /// Bytes of the first convolution's output for a second of sound, float32.
    pub(super) fn first_output(&self) -> f64 {
        let (stride, width) = (self.encoder.conv_stride.first(), self.encoder.conv_dim.first());
        4.0 * RATE / stride.copied().unwrap_or(1) as f64 * width.copied().unwrap_or(0) as f64
    }

    /// Parameters of the encoder.
    pub(super) fn encoder(&self) -> f64 {
        let width = self.width();
        let feed = self.encoder.intermediate_size as f64;
        let layer = 4.0 * width * width + 2.0 * width * feed + 9.0 * width + feed;
        let last = self.encoder.conv_dim.last().copied().unwrap_or(0) as f64;
        self.convolutions().map(|(k, c_in, c_out, _)| k * c_in * c_out).sum::<f64>()
            + last * (width + 2.0)
            + self.positional_weights()
            + self.encoder.num_hidden_layers as f64 * layer
    }

    /// Parameters of encoder and heads.
    pub(super) fn parameters(&self) -> f64 {
        self.encoder() + self.heads
    }

    /// Operations of a second of sound that is embedded in windows of so many seconds.
    pub(super) fn embedding(&self, window: f64) -> f64 {
        self.front_end() + self.transformer(window)
    }

    /// Operations of a second of sound that trains in crops of so many seconds.
    pub(super) fn training(&self, crop: f64, trains_all: bool) -> f64 {
        let passes = if trains_all { 3.0 } else { 2.0 };
        3.0 * self.front_end() + passes * (self.transformer(crop) + 2.0 * FRAMES * self.heads)
    }

    fn front_end(&self) -> f64 {
        self.convolutions().map(|(k, c_in, c_out, rate)| 2.0 * k * c_in * c_out * rate).sum()
    }

    fn transformer(&self, window: f64) -> f64 {
        let (width, feed) = (self.width(), self.encoder.intermediate_size as f64);
        let layer = 2.0 * (4.0 * width * width + 2.0 * width * feed) + 4.0 * FRAMES * window * width;
        FRAMES * (self.encoder.num_hidden_layers as f64 * layer + 2.0 * self.positional_weights())
    }

    fn positional_weights(&self) -> f64 {
        let groups = self.encoder.num_conv_pos_embedding_groups.max(1) as f64;
        self.encoder.num_conv_pos_embeddings as f64 * self.width() * self.width() / groups
    }

    /// Kernel, channels in, channels out, and outputs a second of every convolution.
    fn convolutions(&self) -> impl Iterator<Item = (f64, f64, f64, f64)> + '_ {
        let layers =
            self.encoder.conv_kernel.iter().zip(&self.encoder.conv_stride).zip(&self.encoder.conv_dim);
        layers.scan((1.0, RATE), |(c_in, rate), ((&kernel, &stride), &c_out)| {
            *rate /= stride as f64;
            let of_layer = (kernel as f64, *c_in, c_out as f64, *rate);
            *c_in = c_out as f64;
            Some(of_layer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merts_operations_and_parameters_are_the_counted_ones() {
        let shape = Shape::mert_95m();
        let of_window = 30.0 * shape.embedding(30.0) / 1e9;
        assert!((of_window - 812.0).abs() < 8.0, "{of_window}");
        // 94.4 million in the encoder.
        assert!((shape.encoder() - 94.4e6).abs() < 1e6, "{}", shape.encoder());
        // The measured step with the transformer frozen took 0.76 of the full one.
        let share = shape.training(5.0, false) / shape.training(5.0, true);
        assert!((share - 0.76).abs() < 0.03, "{share}");
    }
}

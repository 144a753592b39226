//! Operations of the encoder in its products and convolutions, a multiplication and an addition counted as two.

use mert::EncoderConfig;

/// GFLOP of a forward pass over `n_clips` clips of `n_samples`.
pub(super) fn forward(config: &EncoderConfig, n_clips: usize, n_samples: usize) -> f64 {
    let (mut length, mut channels, mut products) = (n_samples, 1, 0.0);
    for ((&out, &kernel), &stride) in config.conv_dim.iter().zip(&config.conv_kernel).zip(&config.conv_stride)
    {
        length = (length - kernel) / stride + 1;
        products += (length * out * kernel * channels) as f64;
        channels = out;
    }
    let (frames, width) = (length as f64, config.hidden_size as f64);
    products += frames * channels as f64 * width;
    let taps = config.num_conv_pos_embeddings as f64;
    products += frames * width * taps * width / config.num_conv_pos_embedding_groups as f64;
    let linear = 4.0 * width * width + 2.0 * width * config.intermediate_size as f64;
    let attention = 2.0 * frames * width;
    products += config.num_hidden_layers as f64 * frames * (linear + attention);
    2.0 * products * n_clips as f64 / 1e9
}

/// GFLOP of a training step: the backward pass has two products for each of the forward pass.
pub(super) fn step(config: &EncoderConfig, n_clips: usize, n_samples: usize) -> f64 {
    3.0 * forward(config, n_clips, n_samples)
}

//! Arithmetic of a pass, counted from the shape alone.

use crate::EncoderConfig;

impl EncoderConfig {
    /// Operations of a forward pass over one clip of `n_samples`, in 1e9: linear maps, convolutions and attention, a multiplication and an
    /// addition counted as two. A backward pass of all parameters has twice as many. 0 for a clip without a frame.
    pub fn forward_gflop(&self, n_samples: usize) -> f64 {
        let (mut frames, mut channels, mut products) = (n_samples, 1, 0.0);
        for ((&outputs, &taps), &stride) in self.conv_dim.iter().zip(&self.conv_kernel).zip(&self.conv_stride)
        {
            if frames < taps {
                return 0.0;
            }
            frames = (frames - taps) / stride + 1;
            products += (frames * outputs) as f64 * (taps * channels) as f64;
            channels = outputs;
        }
        let (frames, width) = (frames as f64, self.hidden_size as f64);
        let projection = channels as f64 * width;
        let position =
            width * self.num_conv_pos_embeddings as f64 * width / self.num_conv_pos_embedding_groups as f64;
        let linear = 4.0 * width * width + 2.0 * width * self.intermediate_size as f64;
        let attention = 2.0 * frames * width;
        let layers = self.num_hidden_layers as f64 * (linear + attention);
        2e-9 * (products + frames * (projection + position + layers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_more_costs_a_second_more_but_for_attention() {
        let config = EncoderConfig::v1_95m();
        // 812 GFLOP for 30 s, counted by hand from the shapes of `reference/hubert.md`.
        assert!((config.forward_gflop(720_000) - 812.0).abs() < 2.0, "{}", config.forward_gflop(720_000));
        let (five, ten) = (config.forward_gflop(120_000), config.forward_gflop(240_000));
        assert!(ten > 2.0 * five && ten < 2.1 * five);
        assert!(config.forward_gflop(5).abs() < f64::EPSILON);
    }
}

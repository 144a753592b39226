//! Weights of a model that starts from nothing: each parameter drawn by its name, so that neither order nor threads matter.
//!
//! Convolutions: normal, `std = √(2 / fan_in)` (Kaiming). Linear maps: normal, std `initializer_range` of the
//! configuration (0.02 where it says none), bias 0. Norms 1 and 0. Positional convolution:
//! normal, `std = √(4 / (K·D))`, `g` its norms. Mask and class embeddings: uniform in [0, 1).
//! Deepnorm divides values, outputs and feed-forward maps by `(8·layers)^¼`. Source: fairseq, `reference/mert.md` section 1.

use draws::{Draws, fnv1a64};

use crate::EncoderConfig;

/// The first values of parameter `name` of `shape`.
pub(crate) fn values(seed: u64, name: &str, shape: &[usize], config: &EncoderConfig) -> Vec<f32> {
    let n: usize = shape.iter().product();
    let mut draws = Draws::new(seed, "initial weights", &[fnv1a64(name.as_bytes())]);
    let mut normal = |std: f64| -> Vec<f32> { (0..n).map(|_| (draws.normal() * std) as f32).collect() };
    if name == "masked_spec_embed" || name == "label_embs_concat" {
        return (0..n).map(|_| draws.uniform() as f32).collect();
    }
    if name.ends_with("weight_g") {
        let tap_count = shape[2];
        let direction =
            [config.hidden_size, config.hidden_size / config.num_conv_pos_embedding_groups, tap_count];
        let v = values(seed, &name.replace("weight_g", "weight_v"), &direction, config);
        let mut squares = vec![0.0f64; tap_count];
        for taps in v.chunks_exact(tap_count) {
            squares.iter_mut().zip(taps).for_each(|(sum, &v)| *sum += f64::from(v) * f64::from(v));
        }
        return squares.into_iter().map(|square| square.sqrt() as f32).collect();
    }
    if name.ends_with("weight_v") {
        return normal((4.0 / (shape[2] * config.hidden_size) as f64).sqrt());
    }
    if name.ends_with("bias") {
        return vec![0.0; n];
    }
    if name.ends_with("layer_norm.weight") {
        return vec![1.0; n];
    }
    if name.ends_with("conv.weight") {
        return normal((2.0 / (shape[1] * shape[2]) as f64).sqrt());
    }
    let deep =
        ["v_proj", "out_proj", "intermediate_dense", "output_dense"].iter().any(|part| name.contains(part));
    let shrink =
        if config.deepnorm && deep { (8.0 * config.num_hidden_layers as f64).powf(0.25) } else { 1.0 };
    let range = config.other.get("initializer_range").and_then(serde_json::Value::as_f64).unwrap_or(0.02);
    normal(range / shrink)
}

//! The `config.json` of a model that fairseq describes by its own configuration.
//!
//! Source: `scripts/hf_config/mert_base.json` of the MERT repository for which key is which; values are the checkpoint's own.

use serde_json::{Value, json};

use crate::WeightsError;

/// No front end has more convolutions.
const MOST_CONVOLUTIONS: usize = 64;

/// Translates `/cfg/model` of a fairseq checkpoint. Settings that change the computation and that `HubertModel` lacks are errors.
pub fn hf_config(model: &Value, place: &str) -> Result<Value, WeightsError> {
    let bad =
        |reason: String| WeightsError::Config { place: place.into(), reason: format!("fairseq's {reason}") };
    let get = |key: &str| model.get(key).filter(|value| !value.is_null());
    let need = |key: &str| get(key).cloned().ok_or_else(|| bad(format!("`{key}` is absent")));
    let or = |key: &str, default: Value| get(key).cloned().unwrap_or(default);
    for (key, plain) in [
        ("deepnorm", json!(false)),
        ("feature_extractor_cqt", json!(false)),
        ("layer_type", json!("transformer")),
        ("activation_fn", json!("gelu")),
        ("audio_extract_type", json!("w2v_conv")),
        ("pos_conv_depth", json!(1)),
    ] {
        if let Some(value) = get(key).filter(|&value| *value != plain) {
            return Err(bad(format!(
                "`{key}` is {value}, which a Hugging Face model cannot express (it can {plain})"
            )));
        }
    }
    let norm = match get("extractor_mode").and_then(Value::as_str) {
        Some("default") | None => "group",
        Some("layer_norm") => "layer",
        Some(other) => {
            return Err(bad(format!("`extractor_mode` is `{other}`, not `default` or `layer_norm`")));
        }
    };
    let text = need("conv_feature_layers")?;
    let convolutions = text.as_str().and_then(convolutions);
    let convolutions =
        convolutions.ok_or_else(|| bad(format!("`conv_feature_layers` is {text}, which cannot be read")))?;
    let column = |axis: usize| convolutions.iter().map(|layer| layer[axis]).collect::<Vec<_>>();
    let mut config = json!({
        "architectures": ["HubertModel"],
        "model_type": "hubert",
        "hidden_size": need("encoder_embed_dim")?,
        "num_hidden_layers": need("encoder_layers")?,
        "num_attention_heads": need("encoder_attention_heads")?,
        "intermediate_size": need("encoder_ffn_embed_dim")?,
        "hidden_act": "gelu",
        "hidden_dropout": or("dropout", json!(0.1)),
        "activation_dropout": or("activation_dropout", json!(0.0)),
        "attention_dropout": or("attention_dropout", json!(0.1)),
        "feat_proj_dropout": or("dropout_input", json!(0.0)),
        "layerdrop": or("encoder_layerdrop", json!(0.0)),
        "layer_norm_eps": 1e-5,
        "feat_proj_layer_norm": true,
        "feat_extract_norm": norm,
        "feat_extract_activation": "gelu",
        "conv_dim": column(0),
        "conv_kernel": column(1),
        "conv_stride": column(2),
        "conv_bias": or("conv_bias", json!(false)),
        "num_feat_extract_layers": convolutions.len(),
        "num_conv_pos_embeddings": or("conv_pos", json!(128)),
        "num_conv_pos_embedding_groups": or("conv_pos_groups", json!(16)),
        "do_stable_layer_norm": or("layer_norm_first", json!(false)),
        "mask_time_prob": 0.05,
        "mask_time_length": or("mask_length", json!(10)),
        "initializer_range": 0.02,
    });
    // The scaled softmax equals the plain one; the value is kept for those who look for it.
    if let Some(relax) =
        get("attention_relax").filter(|relax| relax.as_f64().is_some_and(|relax| relax > 0.0))
    {
        config["attention_relax"] = relax.clone();
    }
    Ok(config)
}

/// Reads `[(512,10,5)] + [(512,3,2)] * 4`: channels, kernel and stride of every convolution.
fn convolutions(text: &str) -> Option<Vec<[usize; 3]>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut all = Vec::new();
    for term in text.split('+') {
        let (list, times) = match term.rsplit_once("]*") {
            Some((list, times)) => (list, times.parse().ok().filter(|&n: &usize| n <= MOST_CONVOLUTIONS)?),
            None => (term.strip_suffix(']')?, 1),
        };
        let list = list.strip_prefix('[')?.strip_prefix('(')?.trim_end_matches(',').strip_suffix(')')?;
        let layer = |layer: &str| -> Option<[usize; 3]> {
            let numbers = layer.split(',').map(|n| n.parse().ok()).collect::<Option<Vec<usize>>>()?;
            numbers.try_into().ok()
        };
        let layers = list.split("),(").map(layer).collect::<Option<Vec<_>>>()?;
        if all.len() + layers.len().checked_mul(times)? > MOST_CONVOLUTIONS {
            return None;
        }
        (0..times).for_each(|_| all.extend_from_slice(&layers));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_ends_are_read() {
        let published = convolutions("[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2").unwrap();
        assert_eq!(published.len(), 7);
        assert_eq!((published[0], published[4], published[6]), ([512, 10, 5], [512, 3, 2], [512, 2, 2]));
        assert_eq!(convolutions("[(1, 2, 3), (4, 5, 6)]").unwrap(), [[1, 2, 3], [4, 5, 6]]);
        for bad in
            ["", "[]", "[(1,2)]", "[(1,2,3)]*99999999999", "[(1,2,3)]*65", "__import__('os')", "[(1,2,-3)]"]
        {
            assert_eq!(convolutions(bad), None, "{bad}");
        }
    }
}

//! The `config.json` of a model that fairseq describes by its own configuration.
//!
//! Source: `scripts/hf_config/mert_base.json` of the MERT repository for which key is which; values are the checkpoint's own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::TrainingSettings;
use crate::{FrontEndNorm, ModelShape, TensorInfo, WeightsError};

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

/// fairseq's configuration of a model that did not come from there: the model's shape, its heads', and what is known of its training;
/// what is not known is the released MERT's (`reference/mert.md` section 10). The inverse of [`hf_config`].
pub(super) fn fairseq_config(
    config: &Value,
    heads: &BTreeMap<String, TensorInfo>,
    settings: &TrainingSettings,
    place: &str,
) -> Result<Value, WeightsError> {
    let shape = ModelShape::from_config(config, place)?;
    let setting = |section, key, default: f64| settings.number(section, key).unwrap_or(default);
    let whole = |section, key, default: f64| setting(section, key, default).round() as i64;
    let text = |key: &str, default: &str| {
        let stated = settings.sections.get("mixture").and_then(|mixture| mixture.get(key));
        stated.map_or_else(|| default.to_owned(), ToString::to_string)
    };
    let dropout = |key: &str, theirs: &str, default: f64| {
        settings.number("dropout", key).or_else(|| config[theirs].as_f64()).unwrap_or(default)
    };
    let rows = |name: &str| heads.get(name).and_then(|info| info.shape.first().copied());
    let columns = |name: &str| heads.get(name).and_then(|info| info.shape.get(1).copied());
    let bins = rows("encoder_cqt_model.fc.weight");
    let final_dim = columns("label_embs_concat").map_or(64, |width| width as i64);
    let projected = rows("final_proj.weight").unwrap_or(0) as i64;
    let untied = projected != final_dim || whole("objective", "codebooks", 8.0) == 1;
    let codebooks = match whole("objective", "codebooks", 0.0) {
        0 if untied && projected > 0 => projected / final_dim,
        0 => 8,
        stated => stated,
    };
    let labels: Vec<String> = (0..codebooks).map(|codebook| format!("encodec_{codebook}")).collect();
    // Their key says how often a clip is left alone; 0 and less mean never mixed.
    let mixed = setting("mixture", "probability", 0.5);
    let left_alone = if mixed > 0.0 { (1.0 - mixed).max(f64::MIN_POSITIVE) } else { -1.0 };
    let learning = json!({"_name": "adam", "adam_betas": "(0.9,0.98)", "adam_eps": 1e-6, "weight_decay": 0.01, "lr": [5e-4]});
    let mut weights = vec![json!(setting("objective", "features_penalty", 10.0))];
    weights.extend(bins.map(|_| json!(setting("objective", "cqt", 1.0))));
    Ok(json!({
        "_name": null,
        "common": {"_name": null, "seed": 1337},
        "model": {
            "_name": "mert",
            "label_rate": 75.0,
            "extractor_mode": if shape.norm == FrontEndNorm::Layer { "layer_norm" } else { "default" },
            "encoder_layers": shape.n_layers,
            "encoder_embed_dim": shape.hidden_size,
            "encoder_ffn_embed_dim": shape.intermediate_size,
            "encoder_attention_heads": shape.n_heads,
            "activation_fn": "gelu",
            "layer_type": "transformer",
            "dropout": dropout("hidden", "hidden_dropout", 0.1),
            "attention_dropout": dropout("attention", "attention_dropout", 0.1),
            "activation_dropout": dropout("activation", "activation_dropout", 0.0),
            "encoder_layerdrop": dropout("layer", "layerdrop", 0.05),
            "dropout_input": dropout("input", "feat_proj_dropout", 0.1),
            "dropout_features": setting("dropout", "features", 0.1),
            "final_dim": final_dim,
            "untie_final_proj": untied,
            "layer_norm_first": shape.pre_norm,
            "conv_feature_layers": conv_feature_layers(&shape),
            "conv_bias": shape.conv_bias,
            "logit_temp": setting("objective", "logit_temperature", 0.1),
            "target_glu": heads.contains_key("target_glu.0.weight"),
            "feature_grad_mult": setting("objective", "front_end_gradient", 0.1),
            "conv_pos": shape.pos_kernel,
            "conv_pos_groups": shape.pos_groups,
            "pos_conv_depth": 1,
            "mask_length": whole("masking", "length", 5.0),
            "mask_prob": setting("masking", "probability", 0.8),
            "mask_selection": "static",
            "required_seq_len_multiple": 2,
            "audio_cqt_loss_m": bins.is_some(),
            "audio_cqt_bins": bins.unwrap_or(336),
            "mixture_prob": left_alone,
            "inbatch_noise_augment_len_range": text("samples", "[12000, 24000]"),
            "inbatch_noise_augment_number_range": text("segments", "[1, 3]"),
            "inbatch_noise_augment_volume": setting("mixture", "gain", 1.0),
            "deepnorm": false,
            "attention_relax": config["attention_relax"].as_f64().unwrap_or(-1.0),
        },
        "task": {
            "_name": "mert_pretraining",
            "data": "data",
            "labels": labels,
            "label_dir": "labels",
            "label_rate": 75.0,
            "sample_rate": 24000,
            "normalize": false,
            "enable_padding": false,
            "max_sample_size": (setting("crop", "seconds", 5.0) * 24_000.0).round() as i64,
            "min_sample_size": 72000,
            "random_crop": true,
            "pad_audio": false,
            "numpy_memmap_label": settings.number("objective", "special_entries") == Some(0.0),
        },
        "criterion": {
            "_name": "hubert",
            "pred_masked_weight": setting("objective", "masked", 1.0),
            "pred_nomask_weight": setting("objective", "unmasked", 0.0),
            "loss_weights": weights,
            "log_keys": [],
        },
        "optimizer": learning,
        "lr_scheduler": {"_name": "polynomial_decay", "warmup_updates": 32000, "total_num_update": 400_000, "lr": [5e-4]},
    }))
}

/// `[(512,10,5)] + [(512,3,2)] * 4`: equal convolutions that follow each other are counted.
fn conv_feature_layers(shape: &ModelShape) -> String {
    let sizes = shape.conv_dim.iter().zip(&shape.conv_kernel).zip(&shape.conv_stride);
    let layers: Vec<String> =
        sizes.map(|((n, kernel), stride)| format!("[({n},{kernel},{stride})]")).collect();
    let runs = layers.chunk_by(|one, next| one == next).map(|run| match run.len() {
        1 => run[0].clone(),
        n => format!("{} * {n}", run[0]),
    });
    runs.collect::<Vec<_>>().join(" + ")
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
    fn what_is_written_for_fairseq_is_read_back() {
        let config = json!({
            "hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 32,
            "conv_dim": [12, 12, 12, 8], "conv_kernel": [10, 3, 3, 2], "conv_stride": [5, 2, 2, 2], "conv_bias": true,
            "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "feat_extract_norm": "layer",
            "do_stable_layer_norm": true, "layerdrop": 0.25,
        });
        let cfg = fairseq_config(&config, &BTreeMap::new(), &TrainingSettings::default(), "x").unwrap();
        assert_eq!(cfg["model"]["conv_feature_layers"], "[(12,10,5)] + [(12,3,2)] * 2 + [(8,2,2)]");
        let back = hf_config(&cfg["model"], "x").unwrap();
        let shape = |config| ModelShape::from_config(config, "x").unwrap();
        assert_eq!(shape(&back), shape(&config));
        assert_eq!(back["layerdrop"], 0.25);
    }

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

//! fairseq's configuration and parameter names, as the recorded cases state them.

use mert::mixture::Mixture;
use mert::{EncoderConfig, HeadsConfig, Objective};
use serde_json::{Value, json};

/// `[(16,10,5)] + [(16,3,2)] * 4`: channels, taps, stride of every convolution.
fn convolutions(text: &str) -> Vec<[usize; 3]> {
    let mut layers = Vec::new();
    for part in text.split('+') {
        let (list, times) = match part.rsplit_once('*') {
            Some((list, times)) => (list, times.trim().parse().unwrap()),
            None => (part, 1),
        };
        let numbers: Vec<usize> = list
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().unwrap())
            .collect();
        let triples: Vec<[usize; 3]> = numbers.chunks(3).map(|three| three.try_into().unwrap()).collect();
        for _ in 0..times {
            layers.extend(&triples);
        }
    }
    layers
}

pub(crate) fn encoder_config(model: &Value) -> EncoderConfig {
    let layers = convolutions(model["conv_feature_layers"].as_str().unwrap());
    let width = model["encoder_embed_dim"].as_u64().unwrap() as usize;
    let column = |index: usize| layers.iter().map(|layer| layer[index]).collect::<Vec<_>>();
    EncoderConfig::from_json(&json!({
        "hidden_size": width,
        "num_hidden_layers": model["encoder_layers"],
        "num_attention_heads": model["encoder_attention_heads"],
        "intermediate_size": model["encoder_ffn_embed_dim"],
        "feat_extract_norm": if model["extractor_mode"] == "layer_norm" { "layer" } else { "group" },
        "conv_dim": column(0),
        "conv_kernel": column(1),
        "conv_stride": column(2),
        "conv_bias": model["conv_bias"],
        "num_conv_pos_embeddings": model["conv_pos"],
        "num_conv_pos_embedding_groups": model["conv_pos_groups"],
        "do_stable_layer_norm": model["layer_norm_first"],
        "feat_proj_linear": layers.last().unwrap()[0] != width,
        "deepnorm": model["deepnorm"],
    }))
    .unwrap()
}

pub(crate) fn heads_config(config: &Value) -> HeadsConfig {
    let model = &config["model"];
    let cqt = model["audio_cqt_loss_m"].as_bool().unwrap();
    HeadsConfig {
        n_codebooks: config["codebooks"].as_u64().unwrap() as usize,
        n_classes: config["num_classes"].as_u64().unwrap() as usize,
        label_offset: 4,
        final_dim: model["final_dim"].as_i64().unwrap().max(0) as usize,
        tied_projection: !model["untie_final_proj"].as_bool().unwrap(),
        target_glu: model["target_glu"].as_bool().unwrap(),
        cqt_bins: cqt.then(|| model["audio_cqt_bins"].as_u64().unwrap() as usize),
    }
}

pub(crate) fn objective(config: &Value) -> Objective {
    let (model, criterion) = (&config["model"], &config["criterion"]);
    let weight = |index: usize| criterion["loss_weights"][index].as_f64().unwrap_or(0.0);
    Objective {
        masked: criterion["pred_masked_weight"].as_f64().unwrap(),
        unmasked: criterion["pred_nomask_weight"].as_f64().unwrap(),
        features_penalty: weight(0),
        cqt: weight(1),
        temperature: model["logit_temp"].as_f64().unwrap(),
        feature_grad_mult: model["feature_grad_mult"].as_f64().unwrap(),
    }
}

/// fairseq's name of one of our parameters.
pub(crate) fn name(ours: &str, layer_norm_extractor: bool) -> String {
    if let Some(rest) = ours.strip_prefix("feature_extractor.conv_layers.") {
        let (layer, rest) = rest.split_once('.').unwrap();
        let norm = if layer_norm_extractor { "2.1." } else { "2." };
        let rest = rest.replace("conv.", "0.").replace("layer_norm.", norm);
        return format!("feature_extractor.conv_layers.{layer}.{rest}");
    }
    let pairs = [
        ("feature_projection.layer_norm.", "layer_norm."),
        ("feature_projection.projection.", "post_extract_proj."),
        ("masked_spec_embed", "mask_emb"),
        ("encoder.pos_conv_embed.conv.", "encoder.pos_conv.0."),
    ];
    for (theirs, fairseq) in pairs {
        if let Some(rest) = ours.strip_prefix(theirs) {
            return format!("{fairseq}{rest}");
        }
    }
    if ours.starts_with("encoder.layers.") {
        let renamed = ours
            .replace(".attention.", ".self_attn.")
            .replace(".feed_forward.intermediate_dense.", ".fc1.")
            .replace(".feed_forward.output_dense.", ".fc2.");
        return if renamed.contains(".final_layer_norm.") {
            renamed
        } else {
            renamed.replace(".layer_norm.", ".self_attn_layer_norm.")
        };
    }
    ours.to_owned()
}

pub(crate) fn mixture(model: &Value) -> Mixture {
    let pair = |key: &str| -> [usize; 2] {
        let numbers: Vec<usize> = serde_json::from_str(model[key].as_str().unwrap()).unwrap();
        numbers.try_into().unwrap()
    };
    Mixture {
        probability: model["mixture_prob"].as_f64().unwrap(),
        segments: pair("inbatch_noise_augment_number_range"),
        samples: pair("inbatch_noise_augment_len_range"),
        gain: model["inbatch_noise_augment_volume"].as_f64().unwrap() as f32,
    }
}

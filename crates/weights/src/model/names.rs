//! Names of tensors: fairseq's, which training checkpoints use, and Hugging Face's, which released models use.
//!
//! Source: the conversion script of the MERT repository. Ours is Hugging Face's with the older names of weight normalisation
//! (`weight_g`, `weight_v`), which every release of transformers reads. No name means different things in the two dialects,
//! so reading needs not know which one a file speaks.

/// Where a tensor of a model file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the encoder, under this Hugging Face name.
    Encoder(String),
    /// In the heads that only pre-training uses, under this fairseq name.
    Head(String),
    /// Nowhere: it is computed from constants (the kernels of the CQT).
    Ignored,
}

/// What normalises the convolutions of the front end; fairseq's names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEndNorm {
    /// Group norm after the first convolution only.
    Group,
    /// Layer norm after every convolution.
    Layer,
}

/// What wrappers put before the names of the model inside them.
const PREFIXES: [&str; 5] = ["module.", "hubert.", "mert_model.", "mert.", "model."];

/// Constants of the CQT that fairseq stores with the weights (the misspelling is theirs).
const CQT_BUFFERS: [&str; 4] = ["lenghts", "lengths", "cqt_kernels_real", "cqt_kernels_imag"];

/// Tensors outside the layers: fairseq's name, Hugging Face's name.
const SINGLE: [(&str, &str); 4] = [
    ("layer_norm", "feature_projection.layer_norm"),
    ("post_extract_proj", "feature_projection.projection"),
    ("encoder.pos_conv.0", "encoder.pos_conv_embed.conv"),
    ("encoder.layer_norm", "encoder.layer_norm"),
];

/// Modules of a transformer layer: fairseq's name, Hugging Face's name.
const LAYER: [(&str, &str); 8] = [
    ("self_attn.q_proj", "attention.q_proj"),
    ("self_attn.k_proj", "attention.k_proj"),
    ("self_attn.v_proj", "attention.v_proj"),
    ("self_attn.out_proj", "attention.out_proj"),
    ("self_attn_layer_norm", "layer_norm"),
    ("fc1", "feed_forward.intermediate_dense"),
    ("fc2", "feed_forward.output_dense"),
    ("final_layer_norm", "final_layer_norm"),
];

/// Finds the place of a tensor named by either dialect, with or without a wrapper's prefix; `None` when no MERT has it.
pub fn locate(name: &str) -> Option<Place> {
    let name = PREFIXES.iter().fold(name, |name, prefix| name.strip_prefix(prefix).unwrap_or(name));
    if let Some(buffer) = name.strip_prefix("encoder_cqt_model.spec_layer.") {
        return CQT_BUFFERS.contains(&buffer).then_some(Place::Ignored);
    }
    let head = matches!(
        name,
        "label_embs_concat"
            | "final_proj.weight"
            | "final_proj.bias"
            | "encoder_cqt_model.fc.weight"
            | "encoder_cqt_model.fc.bias"
            | "target_glu.0.weight"
            | "target_glu.0.bias"
    );
    if head { Some(Place::Head(name.into())) } else { encoder_name(name).map(Place::Encoder) }
}

fn encoder_name(name: &str) -> Option<String> {
    if matches!(name, "mask_emb" | "masked_spec_embed") {
        return Some("masked_spec_embed".into());
    }
    if let Some(rest) = name.strip_prefix("feature_extractor.conv_layers.") {
        let (layer, parameter) = numbered(rest)?;
        let ours = match parameter {
            "0.weight" | "conv.weight" => "conv.weight",
            "0.bias" | "conv.bias" => "conv.bias",
            "2.weight" | "2.1.weight" | "layer_norm.weight" => "layer_norm.weight",
            "2.bias" | "2.1.bias" | "layer_norm.bias" => "layer_norm.bias",
            _ => return None,
        };
        return Some(format!("feature_extractor.conv_layers.{layer}.{ours}"));
    }
    if let Some(rest) = name.strip_prefix("encoder.layers.") {
        let (layer, parameter) = numbered(rest)?;
        let (module, leaf) = weight_or_bias(parameter)?;
        let ours = LAYER.iter().find(|(theirs, ours)| module == *theirs || module == *ours)?.1;
        return Some(format!("encoder.layers.{layer}.{ours}.{leaf}"));
    }
    for spelling in ["encoder.pos_conv.0.", "encoder.pos_conv_embed.conv."] {
        if let Some(leaf) = name.strip_prefix(spelling) {
            let ours = match leaf {
                "bias" => "bias",
                // A model whose weight norm was folded in; adapt takes it apart again.
                "weight" => "weight",
                "weight_g" | "parametrizations.weight.original0" => "weight_g",
                "weight_v" | "parametrizations.weight.original1" => "weight_v",
                _ => return None,
            };
            return Some(format!("encoder.pos_conv_embed.conv.{ours}"));
        }
    }
    let (module, leaf) = weight_or_bias(name)?;
    let ours = SINGLE.iter().find(|(theirs, ours)| module == *theirs || module == *ours)?.1;
    Some(format!("{ours}.{leaf}"))
}

/// fairseq's name of an encoder tensor named by [`locate`]; `None` for a name it does not give.
pub fn fairseq_name(name: &str, norm: FrontEndNorm) -> Option<String> {
    if name == "masked_spec_embed" {
        return Some("mask_emb".into());
    }
    if let Some(rest) = name.strip_prefix("feature_extractor.conv_layers.") {
        let (layer, parameter) = numbered(rest)?;
        let (module, leaf) = weight_or_bias(parameter)?;
        let theirs = match (module, norm) {
            ("conv", _) => "0",
            ("layer_norm", FrontEndNorm::Group) => "2",
            ("layer_norm", FrontEndNorm::Layer) => "2.1",
            _ => return None,
        };
        return Some(format!("feature_extractor.conv_layers.{layer}.{theirs}.{leaf}"));
    }
    if let Some(rest) = name.strip_prefix("encoder.layers.") {
        let (layer, parameter) = numbered(rest)?;
        let (module, leaf) = weight_or_bias(parameter)?;
        let theirs = LAYER.iter().find(|(_, ours)| module == *ours)?.0;
        return Some(format!("encoder.layers.{layer}.{theirs}.{leaf}"));
    }
    let (module, leaf) = name.rsplit_once('.')?;
    let theirs = SINGLE.iter().find(|(_, ours)| module == *ours)?.0;
    let known = match theirs {
        "encoder.pos_conv.0" => matches!(leaf, "weight_g" | "weight_v" | "bias"),
        _ => matches!(leaf, "weight" | "bias"),
    };
    known.then(|| format!("{theirs}.{leaf}"))
}

/// Takes `3` and `rest` from `3.rest`; numbers are written as Python writes them.
fn numbered(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    let value: usize = number.parse().ok()?;
    (value.to_string() == number).then_some((value, rest))
}

fn weight_or_bias(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(_, leaf)| matches!(*leaf, "weight" | "bias"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(theirs: &str, ours: &str) {
        let place = Some(Place::Encoder(ours.into()));
        assert_eq!(locate(theirs), place);
        assert_eq!(locate(ours), place, "its own name");
        assert_eq!(locate(&format!("hubert.{ours}")), place);
        assert_eq!(locate(&format!("module.mert_model.{theirs}")), place);
        let norm = if theirs.contains(".2.1.") { FrontEndNorm::Layer } else { FrontEndNorm::Group };
        assert_eq!(fairseq_name(ours, norm).as_deref(), Some(theirs));
    }

    #[test]
    fn names_translate_both_ways() {
        check("feature_extractor.conv_layers.6.0.weight", "feature_extractor.conv_layers.6.conv.weight");
        check("feature_extractor.conv_layers.0.2.bias", "feature_extractor.conv_layers.0.layer_norm.bias");
        check(
            "feature_extractor.conv_layers.3.2.1.weight",
            "feature_extractor.conv_layers.3.layer_norm.weight",
        );
        check("layer_norm.weight", "feature_projection.layer_norm.weight");
        check("post_extract_proj.bias", "feature_projection.projection.bias");
        check("mask_emb", "masked_spec_embed");
        check("encoder.pos_conv.0.weight_g", "encoder.pos_conv_embed.conv.weight_g");
        check("encoder.pos_conv.0.weight_v", "encoder.pos_conv_embed.conv.weight_v");
        check("encoder.pos_conv.0.bias", "encoder.pos_conv_embed.conv.bias");
        check("encoder.layer_norm.bias", "encoder.layer_norm.bias");
        check("encoder.layers.11.self_attn.out_proj.weight", "encoder.layers.11.attention.out_proj.weight");
        check("encoder.layers.0.self_attn_layer_norm.bias", "encoder.layers.0.layer_norm.bias");
        check("encoder.layers.0.final_layer_norm.bias", "encoder.layers.0.final_layer_norm.bias");
        check("encoder.layers.2.fc1.weight", "encoder.layers.2.feed_forward.intermediate_dense.weight");
        check("encoder.layers.2.fc2.bias", "encoder.layers.2.feed_forward.output_dense.bias");
    }

    #[test]
    fn the_newer_names_of_weight_norm_mean_the_older_ones() {
        let place = |leaf| locate(&format!("encoder.pos_conv_embed.conv.parametrizations.weight.{leaf}"));
        let ours = |leaf| Some(Place::Encoder(format!("encoder.pos_conv_embed.conv.{leaf}")));
        assert_eq!(place("original0"), ours("weight_g"));
        assert_eq!(place("original1"), ours("weight_v"));
    }

    #[test]
    fn heads_buffers_and_strangers_are_told_apart() {
        assert_eq!(locate("label_embs_concat"), Some(Place::Head("label_embs_concat".into())));
        assert_eq!(locate("encoder_cqt_model.spec_layer.cqt_kernels_imag"), Some(Place::Ignored));
        for stranger in
            ["", ".", "classifier.weight", "encoder.layers.x.fc1.weight", "encoder.layers.01.fc1.weight"]
        {
            assert_eq!(locate(stranger), None, "{stranger}");
        }
    }
}

//! A model's tensors under fairseq's names and in fairseq's order.

use serde_json::Value;

use super::adapt::PROJECTION;
use super::{ModelShape, fairseq_name};
use crate::{TensorSource, Tensors, WeightsError};

/// Encoder and heads under fairseq's names, as its training checkpoints have them: `mask_emb` and the codewords first, then
/// module by module. Names are given with those of `encoder` and `heads`.
///
/// A projection between equal widths, which fairseq does not have, is left out where it is the identity and refused elsewhere.
pub fn fairseq_names(
    encoder: &dyn TensorSource,
    heads: &dyn TensorSource,
    config: &Value,
) -> Result<Vec<FairseqTensor>, WeightsError> {
    let place = encoder.place();
    let shape = ModelShape::from_config(config, &place)?;
    let has_projection = shape.conv_dim.last() != Some(&shape.hidden_size);
    let mut all: Vec<FairseqTensor> = heads.infos().into_keys().map(FairseqTensor::head).collect();
    for name in encoder.infos().into_keys() {
        let theirs = fairseq_name(&name, shape.norm).ok_or_else(|| WeightsError::Names {
            place: place.clone(),
            missing: Vec::new(),
            unexpected: vec![name.clone()],
        })?;
        if !has_projection && name.starts_with(PROJECTION) {
            refuse_transformation(encoder, &name)?;
            continue;
        }
        all.push(FairseqTensor { name, theirs, is_head: false });
    }
    all.sort_by_cached_key(|tensor| training_order(&tensor.theirs));
    Ok(all)
}

/// A tensor of a model and fairseq's name of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairseqTensor {
    /// Our name.
    pub name: String,
    /// fairseq's.
    pub theirs: String,
    /// Whether it is one of the heads.
    pub is_head: bool,
}

impl FairseqTensor {
    fn head(name: String) -> Self {
        Self { theirs: name.clone(), name, is_head: true }
    }
}

fn refuse_transformation(encoder: &dyn TensorSource, name: &str) -> Result<(), WeightsError> {
    let tensor = encoder.read(name)?;
    let width = tensor.shape.last().copied().unwrap_or(1);
    let is_bias = tensor.shape.len() == 1;
    let due = |index: usize| if !is_bias && index.is_multiple_of(width + 1) { 1.0f32 } else { 0.0 };
    if tensor.data.iter().enumerate().all(|(index, x)| x.to_bits() == due(index).to_bits()) {
        return Ok(());
    }
    let reason = format!("`{name}` is not the identity, and fairseq has no projection between equal widths");
    Err(WeightsError::Config { place: encoder.place(), reason })
}

/// The order in which fairseq registers parameters: its optimiser state lies in that order.
fn training_order(name: &str) -> (usize, usize, usize, String) {
    const MODULES: [&str; 11] = [
        "mask_emb",
        "label_embs_concat",
        "feature_extractor.",
        "post_extract_proj.",
        "encoder.pos_conv.",
        "encoder.layers.",
        "encoder.layer_norm.",
        "layer_norm.",
        "target_glu.",
        "final_proj.",
        "encoder_cqt_model.",
    ];
    const PARTS: [&str; 8] = [
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.q_proj",
        "self_attn.out_proj",
        "self_attn_layer_norm",
        "fc1",
        "fc2",
        "final_layer_norm",
    ];
    let module = MODULES.iter().position(|module| name.starts_with(module)).unwrap_or(MODULES.len());
    let layer = name.split('.').find_map(|part| part.parse().ok()).unwrap_or(0);
    let part = PARTS.iter().position(|part| name.contains(&format!(".{part}."))).unwrap_or(0);
    // A weight comes before its bias, but for the positional convolution, whose weight norm is added to it later.
    let leaf = match name.rsplit_once('.') {
        Some((module, "bias")) if module != "encoder.pos_conv.0" => format!("{module}.weight-bias"),
        _ => name.to_owned(),
    };
    (module, layer, part, leaf)
}

/// The encoder and its heads under fairseq's names, in memory.
pub fn to_fairseq_tensors(
    encoder: &Tensors,
    heads: &Tensors,
    config: &Value,
) -> Result<Tensors, WeightsError> {
    let mut all = Tensors::new();
    for FairseqTensor { name, theirs, is_head } in fairseq_names(encoder, heads, config)? {
        let from = if is_head { heads } else { encoder };
        all.insert_raw(theirs, from.read_raw(&name)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairseq_registers_direct_parameters_first_and_weights_before_biases() {
        let mut names = [
            "encoder.layers.10.fc1.bias",
            "encoder.layers.2.self_attn.q_proj.bias",
            "encoder.layers.2.self_attn.k_proj.bias",
            "encoder.layers.2.self_attn.k_proj.weight",
            "encoder.pos_conv.0.weight_v",
            "encoder.pos_conv.0.bias",
            "feature_extractor.conv_layers.0.2.bias",
            "feature_extractor.conv_layers.0.2.weight",
            "feature_extractor.conv_layers.0.0.weight",
            "label_embs_concat",
            "mask_emb",
        ];
        names.sort_by_cached_key(|name| training_order(name));
        assert_eq!(
            names,
            [
                "mask_emb",
                "label_embs_concat",
                "feature_extractor.conv_layers.0.0.weight",
                "feature_extractor.conv_layers.0.2.weight",
                "feature_extractor.conv_layers.0.2.bias",
                "encoder.pos_conv.0.bias",
                "encoder.pos_conv.0.weight_v",
                "encoder.layers.2.self_attn.k_proj.weight",
                "encoder.layers.2.self_attn.k_proj.bias",
                "encoder.layers.2.self_attn.q_proj.bias",
                "encoder.layers.10.fc1.bias",
            ]
        );
    }
}

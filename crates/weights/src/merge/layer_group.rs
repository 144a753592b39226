//! Groups of layers that a merge can treat apart: front end, projection, positional convolution, transformer layers, heads.
//!
//! A tensor belongs to a group by its place in the model, so both dialects of names mean the same; see [`locate`].

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Place, WeightsError, locate};

/// What [`LayerGroup::from_str`] reads, for messages.
const KNOWN: &str = "`front-end`, `projection`, `positional`, `mask-embedding`, `final-norm`, `layers`, `layers.3`, `layers.0-5`, \
                     `codewords` and `heads`";

/// Some layers of a model, by what they do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LayerGroup {
    /// The convolutions that read samples: `front-end`.
    FrontEnd,
    /// Norm and projection from front end to transformer: `projection`.
    Projection,
    /// The convolution that tells positions: `positional`.
    Positional,
    /// What stands in for masked frames: `mask-embedding`.
    MaskEmbedding,
    /// The norm of the whole encoder: `final-norm`.
    FinalNorm,
    /// Transformer layers, counted from 0, both ends included: `layers.0-5`, `layers.3`, or `layers` for all.
    Layers(RangeInclusive<usize>),
    /// The embeddings of codewords, a part of the heads: `codewords`.
    Codewords,
    /// All that only pre-training uses, codewords included: `heads`.
    Heads,
}

impl LayerGroup {
    /// Whether a tensor, named by either dialect, belongs to the group. One that no MERT model has belongs to none.
    pub fn contains(&self, tensor: &str) -> bool {
        match locate(tensor) {
            Some(Place::Encoder(name)) => match self {
                Self::FrontEnd => name.starts_with("feature_extractor."),
                Self::Projection => name.starts_with("feature_projection."),
                Self::Positional => name.starts_with("encoder.pos_conv_embed."),
                Self::MaskEmbedding => name == "masked_spec_embed",
                Self::FinalNorm => name.starts_with("encoder.layer_norm."),
                Self::Layers(range) => layer_of(&name).is_some_and(|layer| range.contains(&layer)),
                Self::Codewords | Self::Heads => false,
            },
            Some(Place::Head(name)) => match self {
                Self::Codewords => name == "label_embs_concat",
                Self::Heads => true,
                _ => false,
            },
            Some(Place::Ignored) | None => false,
        }
    }
}

fn layer_of(name: &str) -> Option<usize> {
    name.strip_prefix("encoder.layers.")?.split_once('.')?.0.parse().ok()
}

impl FromStr for LayerGroup {
    type Err = WeightsError;

    fn from_str(text: &str) -> Result<Self, WeightsError> {
        let range = |text: &str| -> Option<RangeInclusive<usize>> {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(first..=last)
        };
        let group = match text {
            "front-end" => Some(Self::FrontEnd),
            "projection" => Some(Self::Projection),
            "positional" => Some(Self::Positional),
            "mask-embedding" => Some(Self::MaskEmbedding),
            "final-norm" => Some(Self::FinalNorm),
            "layers" => Some(Self::Layers(0..=usize::MAX)),
            "codewords" => Some(Self::Codewords),
            "heads" => Some(Self::Heads),
            _ => text.strip_prefix("layers.").and_then(range).map(Self::Layers),
        };
        group.ok_or_else(|| {
            WeightsError::Plan(format!("`{text:.80}` is no group of layers; the groups are {KNOWN}"))
        })
    }
}

impl TryFrom<String> for LayerGroup {
    type Error = WeightsError;

    fn try_from(text: String) -> Result<Self, WeightsError> {
        text.parse()
    }
}

impl From<LayerGroup> for String {
    fn from(group: LayerGroup) -> Self {
        group.to_string()
    }
}

impl fmt::Display for LayerGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::FrontEnd => "front-end",
            Self::Projection => "projection",
            Self::Positional => "positional",
            Self::MaskEmbedding => "mask-embedding",
            Self::FinalNorm => "final-norm",
            Self::Layers(range) if *range == (0..=usize::MAX) => "layers",
            Self::Layers(range) if range.start() == range.end() => {
                return write!(f, "layers.{}", range.start());
            }
            Self::Layers(range) => return write!(f, "layers.{}-{}", range.start(), range.end()),
            Self::Codewords => "codewords",
            Self::Heads => "heads",
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelShape;

    fn group(text: &str) -> LayerGroup {
        text.parse().expect(text)
    }

    #[test]
    fn names_survive_and_others_are_refused() {
        for text in ["front-end", "layers", "layers.0", "layers.3-11", "heads", "codewords", "final-norm"] {
            assert_eq!(group(text).to_string(), text);
        }
        for text in ["", "layer.3", "layers.", "layers.5-3", "layers.-1", "layers.1-2-3", "frontend"] {
            let error = text.parse::<LayerGroup>().expect_err(text).to_string();
            assert!(error.contains("front-end") && error.contains(text), "{error}");
        }
    }

    /// Every tensor of an encoder is in exactly one group, so factors by group leave none out.
    #[test]
    fn the_groups_part_the_encoder() {
        let shape = ModelShape::from_config(&serde_json::json!({}), "x").unwrap();
        let groups = [
            "front-end",
            "projection",
            "positional",
            "mask-embedding",
            "final-norm",
            "layers.0-5",
            "layers.6-11",
        ];
        for name in shape.tensors().keys() {
            let held: Vec<&str> = groups.into_iter().filter(|text| group(text).contains(name)).collect();
            assert_eq!(held.len(), 1, "{name}: {held:?}");
        }
        assert!(!group("layers.1").contains("encoder.layers.11.layer_norm.bias"));
    }

    #[test]
    fn both_dialects_name_the_same_layers() {
        assert!(group("layers.2").contains("encoder.layers.2.fc1.weight"));
        assert!(group("projection").contains("post_extract_proj.weight"));
        assert!(group("projection").contains("layer_norm.weight"));
        assert!(group("codewords").contains("label_embs_concat"));
        assert!(group("heads").contains("label_embs_concat") && group("heads").contains("final_proj.bias"));
        assert!(!group("codewords").contains("final_proj.bias"));
        assert!(!group("heads").contains("classifier.weight"));
    }
}

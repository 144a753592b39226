//! The shape of a model, under the keys of Hugging Face's `config.json` (`transformers` `HubertConfig`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::MertError;

/// Where the front end normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvNorm {
    /// After the first convolution, every channel over time.
    Group,
    /// After every convolution, every frame over channels.
    Layer,
}

/// Shape of the encoder. Keys it does not know are kept and written back.
#[expect(clippy::struct_excessive_bools, reason = "these are the file's keys")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderConfig {
    /// Width D of the transformer.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads; divides the width.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Epsilon of all norms but those of the convolutions.
    #[serde(default = "epsilon")]
    pub layer_norm_eps: f64,
    /// Where the front end normalises.
    #[serde(default = "group")]
    pub feat_extract_norm: ConvNorm,
    /// Channels after each convolution.
    pub conv_dim: Vec<usize>,
    /// Stride of each convolution.
    pub conv_stride: Vec<usize>,
    /// Taps of each convolution.
    pub conv_kernel: Vec<usize>,
    /// Whether convolutions have a bias.
    #[serde(default)]
    pub conv_bias: bool,
    /// Taps of the positional convolution.
    #[serde(default = "pos_taps")]
    pub num_conv_pos_embeddings: usize,
    /// Groups of the positional convolution.
    #[serde(default = "pos_groups")]
    pub num_conv_pos_embedding_groups: usize,
    /// Norms before the sublayers (true) or after them.
    #[serde(default)]
    pub do_stable_layer_norm: bool,
    /// Whether front-end features are normalised before their projection.
    #[serde(default = "yes")]
    pub feat_proj_layer_norm: bool,
    /// Whether features are projected. fairseq leaves the projection out where the widths agree; `transformers` always has one.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub feat_proj_linear: bool,
    /// Residuals times `(2·layers)^¼` (DeepNet, Wang et al. 2022).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deepnorm: bool,
    /// Everything else of the file.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn epsilon() -> f64 {
    1e-5
}

fn group() -> ConvNorm {
    ConvNorm::Group
}

fn pos_taps() -> usize {
    128
}

fn pos_groups() -> usize {
    16
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

impl EncoderConfig {
    /// MERT-v1-95M (`mert_base.json`; `reference/hubert.md`).
    pub fn v1_95m() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            layer_norm_eps: 1e-5,
            feat_extract_norm: ConvNorm::Group,
            conv_dim: vec![512; 7],
            conv_stride: vec![5, 2, 2, 2, 2, 2, 2],
            conv_kernel: vec![10, 3, 3, 3, 3, 2, 2],
            conv_bias: false,
            num_conv_pos_embeddings: 128,
            num_conv_pos_embedding_groups: 16,
            do_stable_layer_norm: false,
            feat_proj_layer_norm: true,
            feat_proj_linear: true,
            deepnorm: false,
            other: Map::new(),
        }
    }

    /// Reads `config.json` and checks it.
    pub fn from_json(json: &Value) -> Result<Self, MertError> {
        let config: Self =
            serde_json::from_value(json.clone()).map_err(|error| MertError::Config(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// `config.json` of a model that `transformers` opens as `HubertModel`.
    pub fn to_json(&self) -> Value {
        let mut json = serde_json::to_value(self).expect("a configuration is plain data");
        let object = json.as_object_mut().expect("a struct becomes an object");
        let missing = [
            ("model_type", "hubert".into()),
            ("architectures", vec!["HubertModel"].into()),
            ("hidden_act", "gelu".into()),
            ("feat_extract_activation", "gelu".into()),
            ("num_feat_extract_layers", self.conv_dim.len().into()),
            ("conv_pos_batch_norm", false.into()),
        ];
        for (key, value) in missing {
            object.entry(key).or_insert(value);
        }
        json
    }

    /// Whether the shape is one the model can have.
    pub fn check(&self) -> Result<(), MertError> {
        const MOST: usize = 1 << 16;
        let fail = |name, value: String, requirement: &str| {
            Err(MertError::Setting { name, value, requirement: requirement.into() })
        };
        let counts = [
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("num_conv_pos_embeddings", self.num_conv_pos_embeddings),
            ("num_conv_pos_embedding_groups", self.num_conv_pos_embedding_groups),
        ];
        for (name, value) in counts {
            if !(1..=MOST).contains(&value) {
                return fail(name, value.to_string(), "it has to be between 1 and 65536");
            }
        }
        if !(1..=1024).contains(&self.num_hidden_layers) {
            return fail(
                "num_hidden_layers",
                self.num_hidden_layers.to_string(),
                "it has to be between 1 and 1024",
            );
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return fail(
                "num_attention_heads",
                self.num_attention_heads.to_string(),
                "it has to divide `hidden_size`",
            );
        }
        if !self.hidden_size.is_multiple_of(self.num_conv_pos_embedding_groups) {
            let value = self.num_conv_pos_embedding_groups.to_string();
            return fail("num_conv_pos_embedding_groups", value, "it has to divide `hidden_size`");
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return fail("layer_norm_eps", self.layer_norm_eps.to_string(), "it has to be between 0 and 1");
        }
        let n = self.conv_dim.len();
        if n == 0 || n > 64 || self.conv_stride.len() != n || self.conv_kernel.len() != n {
            let value = format!("{n}, {}, {}", self.conv_stride.len(), self.conv_kernel.len());
            return fail(
                "conv_dim",
                value,
                "`conv_dim`, `conv_stride` and `conv_kernel` have to be equally long, 1 to 64",
            );
        }
        let sizes = [
            ("conv_dim", &self.conv_dim),
            ("conv_stride", &self.conv_stride),
            ("conv_kernel", &self.conv_kernel),
        ];
        for (name, values) in sizes {
            if values.iter().any(|value| !(1..=MOST).contains(value)) {
                return fail(name, format!("{values:?}"), "its values have to be between 1 and 65536");
            }
        }
        if !self.feat_proj_linear && self.conv_dim.last() != Some(&self.hidden_size) {
            return fail(
                "feat_proj_linear",
                "false".into(),
                "without a projection the last of `conv_dim` has to be `hidden_size`",
            );
        }
        for (name, expected) in [
            ("hidden_act", Value::from("gelu")),
            ("feat_extract_activation", "gelu".into()),
            ("conv_pos_batch_norm", false.into()),
        ] {
            if let Some(value) = self.other.get(name).filter(|&value| *value != expected) {
                return fail(name, value.to_string(), &format!("only `{expected}` is supported"));
            }
        }
        Ok(())
    }

    /// Samples from one frame to the next: the product of the strides.
    pub fn stride(&self) -> usize {
        self.conv_stride.iter().product()
    }

    /// Samples one frame is made of.
    pub fn field_of_view(&self) -> usize {
        let layers = self.conv_kernel.iter().zip(&self.conv_stride);
        layers.fold((1, 1), |(field, jump), (kernel, stride)| (field + (kernel - 1) * jump, jump * stride)).0
    }

    /// Frames the front end makes of `samples`: `n ← ⌊(n − k)/s⌋ + 1` for every convolution. 0 when there are too few.
    pub fn n_frames(&self, samples: usize) -> usize {
        self.conv_kernel
            .iter()
            .zip(&self.conv_stride)
            .fold(samples, |n, (&kernel, &stride)| if n < kernel { 0 } else { (n - kernel) / stride + 1 })
    }

    /// Factor of the residuals.
    pub(crate) fn residual_alpha(&self) -> f64 {
        if self.deepnorm { (2.0 * self.num_hidden_layers as f64).powf(0.25) } else { 1.0 }
    }
}

/// Shape of the heads of pre-training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadsConfig {
    /// Codebooks K.
    pub n_codebooks: usize,
    /// Classes V of a codebook, specials included: 1028 for EnCodec's 1024 entries and fairseq's four specials.
    pub n_classes: usize,
    /// What is added to a code to get its class: 4 with fairseq's specials, which come first.
    #[serde(default)]
    pub label_offset: usize,
    /// Width F of the vectors that are compared; 0 stands for the encoder's width.
    pub final_dim: usize,
    /// One projection for all codebooks instead of one for each.
    #[serde(default)]
    pub tied_projection: bool,
    /// Whether class embeddings pass a gated linear unit.
    #[serde(default)]
    pub target_glu: bool,
    /// Bins of the constant-Q head; none without that head.
    #[serde(default)]
    pub cqt_bins: Option<usize>,
}

impl HeadsConfig {
    /// MERT-v1-95M with EnCodec codes (`MERT_RVQ-VAE_CQT_95M.yaml`).
    pub fn v1_95m() -> Self {
        Self {
            n_codebooks: 8,
            n_classes: 1028,
            label_offset: 4,
            final_dim: 64,
            tied_projection: false,
            target_glu: false,
            cqt_bins: Some(336),
        }
    }

    /// Width of the compared vectors in an encoder of `width`.
    pub fn features(&self, width: usize) -> usize {
        if self.final_dim == 0 { width } else { self.final_dim }
    }

    /// Whether the shape is one the heads can have.
    pub fn check(&self) -> Result<(), MertError> {
        let limits = [
            ("n_codebooks", self.n_codebooks, 1, 1024),
            ("n_classes", self.n_classes, 2, 1 << 17),
            ("label_offset", self.label_offset, 0, self.n_classes - 1),
            ("final_dim", self.final_dim, 0, 1 << 16),
            ("cqt_bins", self.cqt_bins.unwrap_or(1), 1, 1 << 16),
        ];
        for (name, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                let requirement = format!("it has to be between {least} and {most}");
                return Err(MertError::Setting { name, value: value.to_string(), requirement });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_published_model() {
        let config = EncoderConfig::v1_95m();
        let frames = [399, 400, 719, 720, 24_000, 120_000, 122_880, 720_000].map(|n| config.n_frames(n));
        assert_eq!(frames, [0, 1, 1, 2, 74, 374, 383, 2249]);
        assert_eq!((config.stride(), config.field_of_view()), (320, 400));
    }

    #[test]
    fn the_file_keeps_what_we_do_not_know() {
        let mut json = EncoderConfig::v1_95m().to_json();
        json["sample_rate"] = 24_000.into();
        let config = EncoderConfig::from_json(&json).unwrap();
        assert_eq!(config.to_json(), json);
    }

    #[test]
    fn impossible_shapes_name_the_key() {
        let message = |key: &str, value: Value| {
            let mut json = EncoderConfig::v1_95m().to_json();
            json[key] = value;
            EncoderConfig::from_json(&json).unwrap_err().to_string()
        };
        assert!(message("num_attention_heads", 7.into()).contains("num_attention_heads"));
        assert!(message("hidden_size", 0.into()).contains("hidden_size"));
        assert!(message("hidden_act", "relu".into()).contains("relu"));
        assert!(message("conv_dim", vec![512].into()).contains("conv_dim"));
        assert!(message("conv_stride", "a".into()).contains("invalid type"));
    }
}

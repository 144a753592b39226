//! Which tensors a `config.json` asks for: exactly those that transformers' `HubertModel` makes.
//!
//! Shape letters: C channels of a convolution, k its kernel, H width, F width of the feed-forward, K positional kernel, G its groups.

use std::collections::BTreeMap;

use serde_json::Value;

use super::FrontEndNorm;
use crate::WeightsError;

/// Everything in a configuration that names or shapes a tensor. Absent keys have transformers' defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the configuration has them")]
pub struct ModelShape {
    /// H.
    pub hidden_size: usize,
    /// Transformer layers.
    pub n_layers: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// F.
    pub intermediate_size: usize,
    /// C of every convolution.
    pub conv_dim: Vec<usize>,
    /// k of every convolution.
    pub conv_kernel: Vec<usize>,
    /// Stride of every convolution.
    pub conv_stride: Vec<usize>,
    /// Whether convolutions have a bias.
    pub conv_bias: bool,
    /// What normalises them.
    pub norm: FrontEndNorm,
    /// Whether the projection starts with a layer norm.
    pub feat_proj_layer_norm: bool,
    /// K.
    pub pos_kernel: usize,
    /// G.
    pub pos_groups: usize,
    /// Pre-norm layers: same names and shapes, other numbers.
    pub pre_norm: bool,
    /// Whether there is a mask embedding.
    pub mask_embedding: bool,
}

/// No encoder has more layers, and no axis is longer: a configuration that claims so is damaged.
const MOST_LAYERS: usize = 1_000;
const LONGEST_AXIS: usize = 1 << 20;

impl ModelShape {
    /// Reads a configuration. `place` names the model in messages.
    pub fn from_config(config: &Value, place: &str) -> Result<Self, WeightsError> {
        let read = Reader { config, place };
        if !config.is_object() {
            return Err(read.bad("it is not a JSON object".into()));
        }
        let conv_dim = read.sizes("conv_dim", &[512; 7])?;
        let conv_kernel = read.sizes("conv_kernel", &[10, 3, 3, 3, 3, 2, 2])?;
        let conv_stride = read.sizes("conv_stride", &[5, 2, 2, 2, 2, 2, 2])?;
        if conv_dim.is_empty() || conv_dim.len() != conv_kernel.len() || conv_dim.len() != conv_stride.len() {
            return Err(read.bad(format!(
                "`conv_dim`, `conv_kernel` and `conv_stride` have {}, {} and {} entries, which must be equal and not 0",
                conv_dim.len(),
                conv_kernel.len(),
                conv_stride.len()
            )));
        }
        let norm = match read.value("feat_extract_norm").map_or(Some("group"), Value::as_str) {
            Some("group") => FrontEndNorm::Group,
            Some("layer") => FrontEndNorm::Layer,
            _ => return Err(read.bad("`feat_extract_norm` must be `group` or `layer`".into())),
        };
        if read.flag("conv_pos_batch_norm", false)? {
            return Err(read.bad("`conv_pos_batch_norm` is not supported; MERT has weight norm there".into()));
        }
        let shape = Self {
            hidden_size: read.size("hidden_size", 768, LONGEST_AXIS)?,
            n_layers: read.size("num_hidden_layers", 12, MOST_LAYERS)?,
            n_heads: read.size("num_attention_heads", 12, LONGEST_AXIS)?,
            intermediate_size: read.size("intermediate_size", 3072, LONGEST_AXIS)?,
            conv_dim,
            conv_kernel,
            conv_stride,
            conv_bias: read.flag("conv_bias", false)?,
            norm,
            feat_proj_layer_norm: read.flag("feat_proj_layer_norm", true)?,
            pos_kernel: read.size("num_conv_pos_embeddings", 128, LONGEST_AXIS)?,
            pos_groups: read.size("num_conv_pos_embedding_groups", 16, LONGEST_AXIS)?,
            pre_norm: read.flag("do_stable_layer_norm", false)?,
            mask_embedding: read.number("mask_time_prob", 0.05)? > 0.0
                || read.number("mask_feature_prob", 0.0)? > 0.0,
        };
        for (divisor, key) in
            [(shape.n_heads, "num_attention_heads"), (shape.pos_groups, "num_conv_pos_embedding_groups")]
        {
            if !shape.hidden_size.is_multiple_of(divisor) {
                let width = shape.hidden_size;
                return Err(read.bad(format!("`hidden_size` {width} is no multiple of `{key}` {divisor}")));
            }
        }
        Ok(shape)
    }

    /// Names and shapes of all tensors of the encoder.
    pub fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        let mut all = BTreeMap::new();
        let mut affine = |name: String, weight: Vec<usize>, bias: bool| {
            if bias {
                all.insert(format!("{name}.bias"), vec![weight[0]]);
            }
            all.insert(format!("{name}.weight"), weight);
        };
        let mut n_in = 1;
        for (i, (&n_out, &kernel)) in self.conv_dim.iter().zip(&self.conv_kernel).enumerate() {
            let layer = format!("feature_extractor.conv_layers.{i}");
            affine(format!("{layer}.conv"), vec![n_out, n_in, kernel], self.conv_bias);
            if i == 0 || self.norm == FrontEndNorm::Layer {
                affine(format!("{layer}.layer_norm"), vec![n_out], true);
            }
            n_in = n_out;
        }
        let (width, inner) = (self.hidden_size, self.intermediate_size);
        if self.feat_proj_layer_norm {
            affine("feature_projection.layer_norm".into(), vec![n_in], true);
        }
        affine("feature_projection.projection".into(), vec![width, n_in], true);
        affine("encoder.layer_norm".into(), vec![width], true);
        for i in 0..self.n_layers {
            let layer = format!("encoder.layers.{i}");
            for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                affine(format!("{layer}.attention.{projection}"), vec![width, width], true);
            }
            affine(format!("{layer}.feed_forward.intermediate_dense"), vec![inner, width], true);
            affine(format!("{layer}.feed_forward.output_dense"), vec![width, inner], true);
            affine(format!("{layer}.layer_norm"), vec![width], true);
            affine(format!("{layer}.final_layer_norm"), vec![width], true);
        }
        let conv = "encoder.pos_conv_embed.conv";
        all.insert(format!("{conv}.weight_g"), vec![1, 1, self.pos_kernel]);
        all.insert(format!("{conv}.weight_v"), vec![width, width / self.pos_groups, self.pos_kernel]);
        all.insert(format!("{conv}.bias"), vec![width]);
        if self.mask_embedding {
            all.insert("masked_spec_embed".into(), vec![width]);
        }
        all
    }
}

struct Reader<'a> {
    config: &'a Value,
    place: &'a str,
}

impl Reader<'_> {
    fn bad(&self, reason: String) -> WeightsError {
        WeightsError::Config { place: self.place.into(), reason }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.config.get(key).filter(|value| !value.is_null())
    }

    fn size(&self, key: &str, default: usize, most: usize) -> Result<usize, WeightsError> {
        let Some(value) = self.value(key) else { return Ok(default) };
        match value.as_u64() {
            Some(n) if n >= 1 && n <= most as u64 => Ok(n as usize),
            _ => Err(self.bad(format!("`{key}` is {value}, not a whole number from 1 to {most}"))),
        }
    }

    fn sizes(&self, key: &str, default: &[usize]) -> Result<Vec<usize>, WeightsError> {
        let Some(value) = self.value(key) else { return Ok(default.to_vec()) };
        let bad = || self.bad(format!("`{key}` is not a list of at most 64 whole numbers above 0"));
        let list = value.as_array().filter(|list| list.len() <= 64).ok_or_else(bad)?;
        let size = |n: &Value| n.as_u64().filter(|&n| n >= 1 && n <= LONGEST_AXIS as u64).map(|n| n as usize);
        list.iter().map(|n| size(n).ok_or_else(bad)).collect()
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, WeightsError> {
        let Some(value) = self.value(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.bad(format!("`{key}` is {value}, not true or false")))
    }

    fn number(&self, key: &str, default: f64) -> Result<f64, WeightsError> {
        let Some(value) = self.value(key) else { return Ok(default) };
        value.as_f64().ok_or_else(|| self.bad(format!("`{key}` is {value}, not a number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_defaults_are_the_published_size() {
        let tensors = ModelShape::from_config(&json!({}), "x").unwrap().tensors();
        let n: usize = tensors.values().map(|shape| shape.iter().product::<usize>()).sum();
        // 95,550,160 parameters with heads: 1028 · 8 codewords of 64, projection 768 → 512, CQT head 768 → 336.
        assert_eq!(n + 8 * 1028 * 64 + (768 + 1) * 512 + (768 + 1) * 336, 95_550_160);
    }

    #[test]
    fn damaged_configurations_are_errors() {
        for config in [
            json!([]),
            json!({"hidden_size": 0}),
            json!({"hidden_size": -3}),
            json!({"hidden_size": "768"}),
            json!({"num_hidden_layers": 1e9}),
            json!({"num_hidden_layers": 1_000_000_000u64}),
            json!({"num_attention_heads": 7}),
            json!({"conv_dim": [1, 2]}),
            json!({"conv_dim": 5}),
            json!({"feat_extract_norm": "batch"}),
            json!({"conv_pos_batch_norm": true}),
            json!({"conv_bias": 1}),
        ] {
            assert!(ModelShape::from_config(&config, "x").is_err(), "{config}");
        }
    }
}

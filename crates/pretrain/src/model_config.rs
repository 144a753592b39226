//! The shape of a model made from scratch, in the keys of its Hugging Face `config.json`.
//!
//! A name stands for a whole table; a table may leave out what is as in MERT-v1-95M. Keys beyond those are refused. Dropouts are not among
//! them: training takes them from the section `dropout`. Source of the values: `m-a-p/MERT-v1-95M`'s configuration. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toml::Table;

use crate::PretrainError;

/// Names of shapes.
pub const MODELS: [&str; 2] = ["mert-95m", "pocket"];

/// A shape as a user writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelInit {
    /// A name.
    Name(String),
    /// Keys of `config.json`.
    Config(Table),
}

impl ModelInit {
    /// The whole table.
    pub(crate) fn resolve(&self) -> Result<Table, PretrainError> {
        let stated = match self {
            Self::Config(table) => table.clone(),
            Self::Name(name) => table(&match name.as_str() {
                "mert-95m" => mert_95m(),
                "pocket" => pocket(),
                _ => {
                    let meant = nearest::did_you_mean(name, MODELS);
                    let message =
                        format!("there is no model shape `{name}`, only: {}{meant}", MODELS.join(", "));
                    return Err(PretrainError::plan("model.init", message));
                }
            }),
        };
        let mut whole = table(&mert_95m());
        for (key, value) in stated {
            let Some(default) = whole.get(&key) else {
                let known: Vec<String> = whole.keys().map(|key| format!("`{key}`")).collect();
                let meant = nearest::did_you_mean(&key, whole.keys().map(String::as_str));
                let message = format!("is no key of a model's shape, only: {}{meant}", known.join(", "));
                return Err(PretrainError::plan(format!("model.init.{key}"), message));
            };
            if !default.same_type(&value) {
                let message = format!("is {}, not {}", value.type_str(), default.type_str());
                return Err(PretrainError::plan(format!("model.init.{key}"), message));
            }
            whole.insert(key, value);
        }
        Ok(whole)
    }
}

fn table(value: &Value) -> Table {
    Table::try_from(value).expect("the shapes here hold nothing that TOML lacks")
}

/// 12 layers of width 768, post-norm, group norm in the front end.
fn mert_95m() -> Value {
    json!({
        "model_type": "hubert",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "feat_extract_norm": "group",
        "feat_extract_activation": "gelu",
        "feat_proj_layer_norm": true,
        "conv_dim": [512, 512, 512, 512, 512, 512, 512],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_bias": false,
        "num_conv_pos_embeddings": 128,
        "num_conv_pos_embedding_groups": 16,
        "conv_pos_batch_norm": false,
        "do_stable_layer_norm": false,
        "layer_norm_eps": 1e-5,
        "initializer_range": 0.02,
        "sample_rate": 24000
    })
}

/// 4 layers of width 96: the same architecture at a size two cores train in minutes.
fn pocket() -> Value {
    json!({
        "hidden_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 256,
        "conv_dim": [48, 48, 48, 48, 48, 48, 48],
        "num_conv_pos_embeddings": 32,
        "num_conv_pos_embedding_groups": 4
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_and_tables_are_filled_up() {
        let pocket = ModelInit::Name("pocket".into()).resolve().unwrap();
        assert_eq!(
            (pocket["hidden_size"].as_integer(), pocket["conv_bias"].as_bool()),
            (Some(96), Some(false))
        );
        let own = ModelInit::Config(toml::from_str("hidden_size = 64").unwrap()).resolve().unwrap();
        assert_eq!(
            (own["hidden_size"].as_integer(), own["num_hidden_layers"].as_integer()),
            (Some(64), Some(12))
        );
    }

    #[test]
    fn unknown_names_keys_and_types_are_refused() {
        let message = |init: ModelInit| init.resolve().unwrap_err().to_string();
        assert!(message(ModelInit::Name("mert-1b".into())).contains("only: mert-95m, pocket"));
        let config = |text: &str| ModelInit::Config(toml::from_str(text).unwrap());
        assert!(message(config("hiden_size = 1")).ends_with("did you mean `hidden_size`?"));
        assert!(message(config("hidden_size = 'x'")).contains("is string, not integer"));
    }
}

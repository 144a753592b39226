//! Where a model comes from: `culturemert.toml`, in every model directory we write.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::TrainingSettings;

/// The history of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lineage {
    /// Version of this file's layout.
    pub schema: u32,
    /// Program and version that wrote the model.
    pub tool: String,
    /// Content hash of the encoder; filled in when the directory is written.
    pub content_hash: String,
    /// Random seed of the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How models were merged, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<String>,
    /// The model training started from; none when it started from scratch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<ParentModel>,
    /// Models that were merged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ParentModel>,
    /// What it was trained on, ancestors included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataOrigin>,
    /// Training stages, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageRecord>,
    /// Where the heads of pre-training come from, where not from the model that training started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<HeadsOrigin>,
    /// Loss weights, masks, mixture and dropout of the training, in the sections and keys of a plan.
    #[serde(skip_serializing_if = "TrainingSettings::is_empty")]
    pub settings: TrainingSettings,
    /// What changed while it was trained, accepted by hand, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<String>,
}

/// Where the heads of a training come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum HeadsOrigin {
    /// They were drawn anew: the training began with heads that knew nothing.
    Fresh {
        /// Seed of the draws.
        seed: u64,
    },
    /// They were taken from another file than the encoder.
    File {
        /// Name of the file.
        name: String,
        /// Content hash of the heads.
        hash: String,
    },
}

/// A model that another was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct ParentModel {
    /// Its name.
    pub name: String,
    /// Its content hash.
    pub hash: String,
    /// Its licence, as its authors write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// A corpus that a model was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataOrigin {
    /// Its name.
    pub corpus: String,
    /// Its content hash.
    pub hash: String,
    /// The traditions in it, named as their communities name them.
    pub cultures: Vec<String>,
    /// Licences of its recordings.
    pub licences: Vec<String>,
    /// Whether its recordings were made by a program.
    pub synthetic: bool,
    /// Hours of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
}

/// One stage of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// Optimiser updates.
    pub updates: u64,
    /// Hours of audio seen.
    pub hours: f64,
    /// Name patterns of the tensors that were trained.
    pub trainable: Vec<String>,
    /// Highest learning rate.
    pub peak_learning_rate: f64,
}

impl Lineage {
    /// The current layout.
    pub const SCHEMA: u32 = 1;

    /// An empty history, written by this version of the program.
    pub fn new() -> Self {
        let tool = concat!("culturemert ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { schema: Self::SCHEMA, tool, ..Self::default() }
    }

    /// All licences of data and ancestors, each once.
    pub fn licences(&self) -> BTreeSet<&str> {
        let of_data = self.data.iter().flat_map(|data| data.licences.iter().map(String::as_str));
        let of_models = self.base.iter().chain(&self.parents).filter_map(|parent| parent.licence.as_deref());
        of_data.chain(of_models).collect()
    }

    /// All traditions it was trained on, each once.
    pub fn cultures(&self) -> BTreeSet<&str> {
        self.data.iter().flat_map(|data| data.cultures.iter().map(String::as_str)).collect()
    }

    /// Whether any of the data was made by a program.
    pub fn is_synthetic(&self) -> bool {
        self.data.iter().any(|data| data.synthetic)
    }
}

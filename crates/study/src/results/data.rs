//! What a study was computed on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::paper::PaperSet;

/// The recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataDescription {
    /// Whether the sound was computed rather than played: then every table and figure says so.
    pub synthetic: bool,
    /// What it is, one or two plain sentences.
    pub description: String,
    /// Licence of the whole, where it has one.
    pub licence: String,
    /// The traditions, in the order tables show them.
    pub cultures: Vec<CultureData>,
}

/// One tradition's recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CultureData {
    /// Its name in this file, for instance `turkish-makam`.
    pub name: String,
    /// Its name for people, as its community writes it.
    pub label: String,
    /// Whether the paper's account counts it as Western.
    pub western: bool,
    /// The set of the paper it stands for, if any.
    pub paper_set: Option<PaperSet>,
    /// Seconds of sound per split.
    pub seconds: BTreeMap<String, f64>,
    /// Recordings per split.
    pub recordings: BTreeMap<String, u64>,
    /// Licence.
    pub licence: String,
}

/// What made the token targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerFacts {
    /// For instance `residual k-means`.
    pub name: String,
    /// Content hash.
    pub hash: String,
    /// Codebooks.
    pub n_codebooks: u32,
    /// Entries per codebook.
    pub n_entries: u32,
    /// Frames per second.
    pub frame_rate: f64,
    /// What it was fitted on, in words.
    pub fitted_on: String,
}

/// What was not used, counted by reason. Nothing is dropped in silence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Files that could not be read, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Sound or files that could be read but were not used, by reason (too short, no test tags, …).
    pub unused: BTreeMap<String, u64>,
}

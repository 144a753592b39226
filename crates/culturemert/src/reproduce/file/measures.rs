//! What is measured of the models.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::evaluation::Baseline;

/// Probes of every model on the traditions of a corpus: all tags of a tradition but its own name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProbeFile {
    /// Corpus; the first where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) corpus: String,
    /// Width of the hidden layer.
    pub(crate) hidden: usize,
    pub(crate) epochs: usize,
    pub(crate) seeds: Vec<u64>,
    /// Chunks a step.
    pub(crate) batch: usize,
    /// Tried in turn; the validation files choose.
    pub(crate) learning_rates: Vec<f64>,
}

/// Probes on data sets, as `evaluate` makes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EvaluationFile {
    /// Its name: its report goes to `evaluations/NAME`.
    pub(crate) name: String,
    /// Data sets of the study.
    pub(crate) datasets: Vec<String>,
    /// Other sets.
    pub(crate) sets: Vec<SetFile>,
    /// Models by name or by `*`, the one the others are compared with first; none: all of them, and what is merged.
    pub(crate) models: Vec<String>,
    /// What models have to beat.
    pub(crate) baselines: Vec<Baseline>,
    /// Whether the scores of its data sets go into the study's own tables.
    pub(crate) in_tables: bool,
    /// Draw splits of corpora by group instead of taking their own.
    pub(crate) split_by_group: bool,
    /// Length of a window, seconds; 30 where it is not stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<f64>,
    /// Settings of the probe, as in `evaluate --config`; by default MARBLE's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<evaluate::ProbeConfig>,
}

/// Recordings of the user's own, or of a corpus of the study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SetFile {
    /// Its name.
    pub(crate) name: String,
    /// A corpus of the study.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) corpus: String,
    /// An index, or a prepared corpus, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathBuf>,
    /// What the tags begin with, `@culture` for the culture; by default `NAME:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<String>,
}

/// Token statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SimilarityFile {
    /// Corpus; the first where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) corpus: String,
    /// Tokenizer; the first where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) tokenizer: String,
}

/// Recordings laid out on a plane as models hear them, for the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MapFile {
    /// Corpus; the first where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) corpus: String,
    /// Models by name, the one that the others are laid beside first.
    pub(crate) models: Vec<String>,
}

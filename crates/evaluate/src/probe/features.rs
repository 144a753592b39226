//! What a probe is fed: time-averaged hidden states of chunks, and what is known of the files they come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::aggregate::count_chunks;
use crate::error::{all_finite, same_size};
use crate::tagging::binary;

/// One recording of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its name in the data set.
    pub id: String,
    /// Hash of its content.
    pub content: String,
    /// What must not be parted by a split: an artist, a concert, an album.
    pub group: Option<String>,
}

/// The encoder the features come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderFacts {
    /// Its name.
    pub name: String,
    /// Hash of its weights.
    pub hash: String,
    /// Hidden states, the transformer's input included.
    pub n_layers: usize,
    /// Width of a hidden state.
    pub width: usize,
    /// Length of a chunk, seconds.
    pub chunk_seconds: f64,
}

/// The features and labels of one split.
///
/// # Shapes
/// M chunks, L hidden states, D width, F files, K tags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureSet {
    /// L.
    pub n_layers: usize,
    /// D.
    pub width: usize,
    /// `[M, L, D]`.
    pub features: Vec<f32>,
    /// The file of each chunk, `[M]`.
    pub chunk_file: Vec<usize>,
    /// Tags of each file, 0 or 1, `[F, K]`.
    pub labels: Vec<u8>,
    /// Values of each file, `[F, K]`, where the task is to predict values; labels are empty then.
    pub values: Vec<f32>,
    /// `[F]`.
    pub files: Vec<FileFacts>,
}

impl FeatureSet {
    /// F.
    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    /// M.
    pub fn n_chunks(&self) -> usize {
        self.chunk_file.len()
    }

    /// Fails unless all parts fit each other, `n_tags` and the encoder.
    pub fn check(
        &self,
        split: &str,
        n_tags: usize,
        n_layers: usize,
        width: usize,
    ) -> Result<(), EvaluateError> {
        if self.files.is_empty() {
            return Err(EvaluateError::Empty { what: format!("the {split} split") });
        }
        same_size(&format!("hidden states of {split}"), n_layers, self.n_layers)?;
        same_size(&format!("width of {split}"), width, self.width)?;
        let elements = self.n_chunks().saturating_mul(n_layers).saturating_mul(width);
        same_size(&format!("features of {split}"), elements, self.features.len())?;
        let cells = self.n_files().saturating_mul(n_tags);
        if self.values.is_empty() {
            same_size(&format!("labels of {split}"), cells, self.labels.len())?;
        } else {
            same_size(&format!("values of {split}"), cells, self.values.len())?;
            same_size(&format!("labels of {split} beside values"), 0, self.labels.len())?;
            all_finite(&format!("values of {split}"), &self.values)?;
        }
        count_chunks(&self.chunk_file, self.n_files())?;
        binary(&format!("labels of {split}"), &self.labels)?;
        all_finite(&format!("features of {split}"), &self.features)
    }

    /// The unit each file is drawn with in a bootstrap, `[F]`: its group, or itself where it has none.
    pub fn units(&self) -> Vec<usize> {
        let mut of_group = BTreeMap::new();
        let unit = |(file, facts): (usize, &FileFacts)| match &facts.group {
            Some(group) => *of_group.entry(group.clone()).or_insert(file),
            None => file,
        };
        self.files.iter().enumerate().map(unit).collect()
    }

    /// Labels of the tags `kept` only, `[F, kept]`.
    pub(super) fn labels_of(&self, kept: &[usize], n_tags: usize) -> Vec<u8> {
        self.labels.chunks_exact(n_tags).flat_map(|row| kept.iter().map(|&tag| row[tag])).collect()
    }
}

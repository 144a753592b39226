//! What a data set is, in words: licence, size, where to ask for it, what to cite.

use serde::Serialize;

use super::adapter::ADAPTERS;

/// A data set as its authors describe it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataSetCard {
    /// Short name, as commands and folders use it.
    pub name: &'static str,
    /// Name in full.
    pub title: &'static str,
    /// Culture as its community names it; the name that training plans use.
    pub culture: &'static str,
    /// Licence of the audio.
    pub licence: &'static str,
    /// Licence of splits and tags.
    pub metadata_licence: &'static str,
    /// What to expect on disk.
    pub size: &'static str,
    /// Where the audio is to be had.
    pub source: &'static str,
    /// What to cite.
    pub citation: &'static str,
    /// Recordings in the published splits: training, validation, test.
    pub recordings: [usize; 3],
    /// Tags that are predicted.
    pub tags: usize,
    /// Only the first seconds of a recording count in the evaluation (ccml, `config.py`).
    pub max_seconds: Option<f64>,
    /// Hours of its training split that CultureMERT is pre-trained on: those of its stage 2, and of Music4All the fifth of stage 1's 100 h that is
    /// replayed.
    pub pretraining_hours: Option<f64>,
}

/// All data sets, in the order of the paper's tables.
pub fn cards() -> Vec<&'static DataSetCard> {
    ADAPTERS.iter().map(|adapter| &adapter.card).collect()
}

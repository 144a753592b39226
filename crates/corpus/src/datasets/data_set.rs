//! What an adapter reads from a data set: the same shape for all of them.

use std::path::PathBuf;

use crate::Split;

/// A data set on disk, ready to be probed.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// Its short name: `makam`, `fma` …
    pub name: String,
    /// Culture as its community names it.
    pub culture: String,
    /// Licence of the audio, as stated by its authors.
    pub licence: String,
    /// The tags that are predicted, in the order of the label columns.
    pub vocabulary: Vec<String>,
    /// Only the first seconds of a recording count; `None`: all of it.
    pub max_seconds: Option<f64>,
    /// Recordings that are there, in the order of the split files.
    pub items: Vec<DataSetItem>,
    /// Names of recordings that a split lists and the disk lacks; empty unless they were allowed.
    pub missing: Vec<String>,
    /// Names of recordings that are there but whose tags nobody states; they are no items. Empty unless they were allowed.
    pub untagged: Vec<String>,
    /// In what else this is not the published data set, a sentence each; empty unless allowed.
    pub deviations: Vec<String>,
    /// What a reader should know that makes no result another: where the tags came from, what was passed over.
    pub remarks: Vec<String>,
}

impl DataSet {
    /// Whether it is the published data set, whole.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.untagged.is_empty() && self.deviations.is_empty()
    }
}

/// One recording, or one piece cut out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSetItem {
    /// Unique in the data set.
    pub id: String,
    /// File to open.
    pub path: PathBuf,
    /// Split.
    pub split: Split,
    /// Tags of the vocabulary that it has; may be none.
    pub tags: Vec<String>,
    /// What must not be parted by a split: artist, album, concert; where known.
    pub group: Option<String>,
    /// Piece of the file, seconds; `None`: all of it.
    pub piece: Option<(f64, f64)>,
}

//! What split and tag files say, before anybody looks for the audio.

use std::collections::BTreeMap;

use super::metadata_folder::MetadataFolder;
use crate::{CorpusError, Split};

/// A data set as its metadata lists it.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// Recordings in the order of the split files: training, validation, test.
    pub(super) recordings: Vec<Listed>,
    /// The order of the label columns, where a file states it.
    pub(super) columns: Option<Vec<String>>,
    /// Splits whose published size is not known.
    pub(super) free_sizes: Vec<Split>,
    /// In what the files are not the published ones.
    pub(super) deviations: Vec<String>,
    /// What a reader should know besides.
    pub(super) remarks: Vec<String>,
}

/// One recording of a split.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) split: Split,
    /// All tags that are stated, in or out of the vocabulary; `None` where nobody states any.
    pub(super) labels: Option<Vec<String>>,
    pub(super) group: Option<String>,
    /// Where its audio may be, the first choice first.
    pub(super) places: Vec<Place>,
}

/// A file that may hold a recording, and which part of it that is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) file: FileName,
    /// Seconds.
    pub(super) piece: Option<(f64, f64)>,
}

/// How a data set names its files.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FileName {
    /// A path below one of its folders.
    Path(String),
    /// A name without its ending, which may be that of any kind of recording.
    Stem(String),
}

impl Listed {
    /// A recording that is a whole file.
    pub(super) fn whole(id: String, split: Split, file: FileName, labels: Option<Vec<String>>) -> Self {
        Self { id, split, labels, group: None, places: vec![Place { file, piece: None }] }
    }
}

/// Refuses recordings that stand in the splits more than once, with their number.
pub(super) fn refuse_repeated(
    folder: &MetadataFolder,
    recordings: &[(String, Split)],
) -> Result<(), CorpusError> {
    let mut first = BTreeMap::new();
    let mut repeated: Vec<(&str, Split, Split)> = Vec::new();
    for (id, split) in recordings {
        if let Some(earlier) = first.insert(id.as_str(), *split) {
            repeated.push((id, earlier, *split));
        }
    }
    let Some(&(id, earlier, later)) = repeated.first() else { return Ok(()) };
    let n = repeated.len();
    Err(folder.fault(format!(
        "{n} of the {} recordings of the splits {} a second time, the first is `{id}` ({earlier} and {later}); take split files in which \
         every recording stands once",
        recordings.len(),
        if n == 1 { "stands there" } else { "stand there" },
    )))
}

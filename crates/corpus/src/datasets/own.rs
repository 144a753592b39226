//! A user's own recordings as a data set: an index with tags, and with splits or without.

use std::path::{Path, PathBuf};

use super::vocabulary::most_frequent;
use super::{DataSet, DataSetItem};
use crate::leaks::{self, Placed};
use crate::saved_splits::contents;
use crate::{CorpusError, Recording, Split, SplitShares, SplitsKept, keep_splits, read_index};

/// What is asked of a user's own recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexRequest {
    /// Index file, or a folder that holds one.
    pub index: PathBuf,
    /// Where splits that are drawn are kept; by default beside the index, `<index>.splits.tsv`.
    pub splits: Option<PathBuf>,
    /// Shares of splits that are drawn.
    pub shares: SplitShares,
    /// Seed of splits that are drawn.
    pub seed: u64,
    /// Go on where recordings are missing or stated splits part a group; the result is marked.
    pub allow_missing: bool,
}

impl IndexRequest {
    /// The usual shares, nothing missing.
    pub fn new(index: impl Into<PathBuf>) -> Self {
        Self {
            index: index.into(),
            splits: None,
            shares: SplitShares::default(),
            seed: 0,
            allow_missing: false,
        }
    }

    /// Where splits that are drawn are kept.
    pub fn splits_file(&self) -> PathBuf {
        let beside = || {
            let mut name = self.index.file_name().unwrap_or("index".as_ref()).to_owned();
            name.push(".splits.tsv");
            if self.index.is_dir() { self.index.join("splits.tsv") } else { self.index.with_file_name(name) }
        };
        self.splits.clone().unwrap_or_else(beside)
    }
}

/// Reads a user's recordings as a data set; recordings without a split get one that is kept in a file.
///
/// The tags of the training recordings are the vocabulary, the most frequent first. The same content in two splits is an error; so is a group
/// (a singer, a work) that stated splits part, unless the request allows it.
pub fn load_index(request: &IndexRequest) -> Result<(DataSet, SplitsKept), CorpusError> {
    let fault = |reason: String| CorpusError::DataSet { name: request.index.display().to_string(), reason };
    let mut index = read_index(&request.index, None)?;
    let is_there = |recording: &Recording| {
        std::fs::metadata(&recording.path).is_ok_and(|file| file.is_file() && file.len() > 0)
    };
    let n_listed = index.recordings.len();
    let (there, missing): (Vec<Recording>, Vec<Recording>) = index.recordings.into_iter().partition(is_there);
    if there.is_empty() {
        return Err(fault(format!("none of its {n_listed} recordings is there")));
    }
    let to_go_on = "to go on all the same, and have the result marked: `--allow-missing`";
    if let Some(first) = missing.first().filter(|_| !request.allow_missing) {
        let (n, first) = (missing.len(), first.path.display());
        return Err(fault(format!(
            "{n} of {n_listed} recordings are not there or have no byte, the first is `{first}`; {to_go_on}"
        )));
    }
    index.recordings = there;
    let kept = keep_splits(&mut index, &request.splits_file(), request.shares, request.seed)?;
    let deviations = compare_sides(&index.recordings)?;
    if let Some(deviation) = deviations.first().filter(|_| !request.allow_missing) {
        return Err(fault(format!("{deviation}; {to_go_on}")));
    }
    let trains = |recording: &&Recording| recording.split == Some(Split::Train);
    let tags = index.recordings.iter().filter(trains).map(|recording| recording.tags.as_slice());
    let vocabulary = most_frequent(tags, usize::MAX);
    let items = index.recordings.iter().filter_map(|recording| item(recording, &vocabulary)).collect();
    let data_set = DataSet {
        name: stem_of(&request.index),
        culture: joined(&index.recordings, |recording| Some(&recording.culture)),
        licence: joined(&index.recordings, |recording| recording.licence.as_deref()),
        items,
        vocabulary,
        max_seconds: None,
        missing: missing.into_iter().map(|recording| recording.source).collect(),
        untagged: Vec::new(),
        deviations,
        remarks: Vec::new(),
    };
    Ok((data_set, kept))
}

/// Refuses the same content in two splits; says which groups are parted.
fn compare_sides(recordings: &[Recording]) -> Result<Vec<String>, CorpusError> {
    let hashes = contents(recordings, None);
    let placed: Vec<Placed<'_>> = recordings
        .iter()
        .zip(&hashes)
        .filter_map(|(recording, hash)| {
            let hash = hash.as_deref()?;
            Some(Placed {
                source: &recording.source,
                culture: &recording.culture,
                group: recording.group.as_deref(),
                split: recording.split?,
                hashes: [hash; 2],
            })
        })
        .collect();
    leaks::shared_content(&placed)?;
    let parted = leaks::leaking_groups(&placed);
    let sentence = |first: &leaks::GroupLeak| {
        let n = parted.len();
        format!("{n} groups stand on more than one side of the stated splits, the first is `{}`", first.group)
    };
    Ok(parted.first().map(sentence).into_iter().collect())
}

fn item(recording: &Recording, vocabulary: &[String]) -> Option<DataSetItem> {
    Some(DataSetItem {
        id: recording.source.clone(),
        path: recording.path.clone(),
        split: recording.split?,
        tags: vocabulary.iter().filter(|tag| recording.tags.contains(tag)).cloned().collect(),
        group: recording.group.clone(),
        piece: recording.cut.map(|cut| cut.times()),
    })
}

/// The different values, in order of their names.
fn joined<'a>(recordings: &'a [Recording], of: impl Fn(&'a Recording) -> Option<&'a str>) -> String {
    let values: std::collections::BTreeSet<&str> = recordings.iter().filter_map(of).collect();
    values.into_iter().collect::<Vec<_>>().join(", ")
}

fn stem_of(index: &Path) -> String {
    index.file_stem().map_or_else(|| "index".into(), |stem| stem.to_string_lossy().into_owned())
}

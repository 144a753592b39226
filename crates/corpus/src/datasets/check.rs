//! What is there of a data set, and what would come out of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;

use super::audio_files::Found;
use super::load::survey;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Split};

/// The state of a data set on disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataSetCheck {
    /// What the set is.
    pub card: DataSetCard,
    /// Folder of the recordings.
    pub audio: PathBuf,
    /// Folder in which splits and tags were found.
    pub metadata: PathBuf,
    /// What each split has, in order.
    pub splits: Vec<SplitCheck>,
    /// The tags that are predicted, in the order of the label columns, with the recordings of each split that carry them.
    pub tags: Vec<TagCount>,
    /// Recordings that a split names and the disk lacks.
    pub absent: Vec<String>,
    /// Files without a byte.
    pub empty: Vec<String>,
    /// Files whose beginning is no recording that can be read.
    pub unreadable: Vec<Unreadable>,
    /// Groups (artist, concert, song) that stand in more than one split.
    pub groups_in_several_splits: usize,
    /// In what else it is not the published data set.
    pub deviations: Vec<String>,
    /// What a reader should know besides.
    pub remarks: Vec<String>,
    /// Whether it can be used without `--allow-missing`.
    pub is_complete: bool,
}

/// What a split has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitCheck {
    /// The split.
    pub split: Split,
    /// Recordings in the published split.
    pub published: usize,
    /// Recordings that the split files here name.
    pub listed: usize,
    /// Of these, recordings that are there and can be read.
    pub there: usize,
    /// Of those listed, recordings whose tags are stated.
    pub tagged: usize,
    /// Of those tagged, recordings without any tag of the vocabulary; they are kept.
    pub without_tag: usize,
}

/// A tag, and how many recordings of training, validation and test carry it, there or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Recordings in training, validation and test.
    pub recordings: [usize; 3],
}

/// A file that cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unreadable {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub reason: String,
}

/// Looks at every recording of the data set `name`: what is there, absent or unreadable, and which splits and tags come out.
pub fn check(name: &str, request: &DataSetRequest) -> Result<DataSetCheck, CorpusError> {
    let surveyed = survey(name, request)?;
    let opened: Vec<Option<Unreadable>> = surveyed.found.par_iter().map(unreadable).collect();
    let card = surveyed.adapter.card.clone();
    let names = |wanted: fn(&Found) -> bool| {
        surveyed
            .recordings()
            .filter(|(_, found)| wanted(found))
            .map(|(listed, _)| listed.id.clone())
            .collect()
    };
    let in_vocabulary = |labels: &Vec<String>| labels.iter().any(|label| surveyed.vocabulary.contains(label));
    let split_check = |(split, published): (Split, usize)| {
        let of_split = || surveyed.recordings().zip(&opened).filter(|((listed, _), _)| listed.split == split);
        let labels = || of_split().filter_map(|((listed, _), _)| listed.labels.as_ref());
        SplitCheck {
            split,
            published,
            listed: of_split().count(),
            there: of_split()
                .filter(|((_, found), fault)| matches!(found, Found::File(..)) && fault.is_none())
                .count(),
            tagged: labels().count(),
            without_tag: labels().filter(|labels| !in_vocabulary(labels)).count(),
        }
    };
    let splits: Vec<SplitCheck> = Split::ALL.into_iter().zip(card.recordings).map(split_check).collect();
    let mut counts: BTreeMap<(&str, Split), usize> = BTreeMap::new();
    let mut splits_of_group: BTreeMap<&str, (Split, bool)> = BTreeMap::new();
    for (listed, _) in surveyed.recordings() {
        for label in listed.labels.iter().flatten() {
            *counts.entry((label, listed.split)).or_default() += 1;
        }
        if let Some(group) = &listed.group {
            let seen = splits_of_group.entry(group).or_insert((listed.split, false));
            seen.1 |= seen.0 != listed.split;
        }
    }
    let count = |tag: &str| Split::ALL.map(|split| counts.get(&(tag, split)).copied().unwrap_or(0));
    let tags =
        surveyed.vocabulary.iter().map(|tag| TagCount { tag: tag.clone(), recordings: count(tag) }).collect();
    let deviations = surveyed.catalogue.deviations.clone();
    let unreadable: Vec<Unreadable> = opened.iter().flatten().cloned().collect();
    let is_whole = |split: &SplitCheck| split.there == split.listed && split.tagged == split.listed;
    Ok(DataSetCheck {
        audio: request.audio.clone(),
        metadata: surveyed.metadata.clone(),
        is_complete: splits.iter().all(is_whole) && deviations.is_empty(),
        splits,
        tags,
        absent: names(|found| matches!(found, Found::Absent)),
        empty: names(|found| matches!(found, Found::Empty(_))),
        unreadable,
        groups_in_several_splits: splits_of_group.values().filter(|(_, is_torn)| *is_torn).count(),
        deviations,
        remarks: surveyed.catalogue.remarks.clone(),
        card,
    })
}

/// Why a file is no recording, as far as its beginning tells.
fn unreadable(found: &Found) -> Option<Unreadable> {
    let Found::File(file, _) = found else { return None };
    let error = audio::Stream24k::open(file, audio::Resampler::default()).err()?;
    Some(Unreadable { file: file.clone(), reason: error.to_string() })
}

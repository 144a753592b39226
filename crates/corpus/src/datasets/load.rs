//! From what metadata say and what the disk holds to what a probe reads.

use std::path::{Path, PathBuf};

use super::adapter::{Adapter, named};
use super::audio_files::{AudioFiles, Found};
use super::catalogue::{Catalogue, Listed};
use super::metadata_folder::MetadataFolder;
use super::vocabulary::{difference, most_frequent};
use super::{DataSet, DataSetItem, DataSetRequest};
use crate::{CorpusError, Split};

/// A data set with what was found of it.
pub(super) struct Surveyed {
    pub(super) adapter: &'static Adapter,
    /// Where splits and tags were read.
    pub(super) metadata: PathBuf,
    pub(super) catalogue: Catalogue,
    /// The file of every recording of the catalogue.
    pub(super) found: Vec<Found>,
    pub(super) vocabulary: Vec<String>,
}

/// Reads the data set `name` (`makam`, `hindustani`, `carnatic`, `lyra`, `fma`, `magnatagatune`, `music4all`).
///
/// Fails where a recording is absent or nobody states its tags, or where the tags are of another version than the published ones, unless the
/// request allows it; then the result is marked.
pub fn load(name: &str, request: &DataSetRequest) -> Result<DataSet, CorpusError> {
    let surveyed = survey(name, request)?;
    surveyed.refuse_unless_allowed(request, true)?;
    Ok(surveyed.into_data_set())
}

/// Reads metadata and looks for the audio; refuses only what cannot be read at all.
pub(super) fn survey(name: &str, request: &DataSetRequest) -> Result<Surveyed, CorpusError> {
    let adapter = named(name)?;
    let folder = MetadataFolder::find(adapter, request)?;
    let mut catalogue = (adapter.read)(&folder, request)?;
    let audio = AudioFiles::read(adapter, &request.audio)?;
    let found = catalogue.recordings.iter().map(|listed| audio.find(listed)).collect();
    compare_sizes(adapter, &mut catalogue);
    let vocabulary = vocabulary(adapter, &mut catalogue);
    Ok(Surveyed { adapter, metadata: folder.dir().into(), catalogue, found, vocabulary })
}

/// Says which splits name another number of recordings than the published ones.
fn compare_sizes(adapter: &Adapter, catalogue: &mut Catalogue) {
    for (split, published) in Split::ALL.into_iter().zip(adapter.card.recordings) {
        let listed = catalogue.recordings.iter().filter(|listed| listed.split == split).count();
        if listed != published && !catalogue.free_sizes.contains(&split) {
            catalogue
                .deviations
                .push(format!("the {split} split names {listed} recordings, the published one {published}"));
        }
    }
}

/// The published vocabulary, after comparing it with what the files here give.
fn vocabulary(adapter: &Adapter, catalogue: &mut Catalogue) -> Vec<String> {
    let published: Vec<String> = adapter.published.iter().map(|&tag| tag.to_owned()).collect();
    let counts = |listed: &&Listed| adapter.counted.contains(&listed.split);
    let counted: Vec<&Listed> = catalogue.recordings.iter().filter(counts).collect();
    let lists: Option<Vec<&[String]>> = counted.iter().map(|listed| listed.labels.as_deref()).collect();
    let ours = match (&catalogue.columns, lists) {
        (Some(columns), _) => columns.clone(),
        (None, Some(lists)) if !lists.is_empty() => most_frequent(lists, published.len()),
        // Without the tags of all training recordings nothing can be derived; the published list it is.
        _ => {
            if counted.iter().any(|listed| listed.labels.is_some()) {
                let known = |tag: &&String| {
                    let mut labels = counted.iter().filter_map(|listed| listed.labels.as_ref());
                    labels.any(|labels| labels.contains(tag))
                };
                let absent: Vec<&String> = published.iter().filter(|tag| !known(tag)).collect();
                if absent.len() == published.len() {
                    catalogue.deviations.push(format!(
                        "none of the {} published tags is among the tags stated here: they are of another version",
                        published.len()
                    ));
                } else if let Some(first) = absent.first() {
                    catalogue.remarks.push(format!(
                        "{} of the {} published tags occur in no training recording whose tags are stated, the first is `{first}`",
                        absent.len(),
                        published.len()
                    ));
                }
            }
            return published;
        }
    };
    if let Some(difference) = difference(&ours, adapter.published) {
        catalogue
            .deviations
            .push(format!("the tags are of another version: {difference}; the published list is predicted"));
    }
    published
}

impl Surveyed {
    /// Recordings that are listed but not there.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&Listed, &Found)> {
        self.recordings().filter(|(_, found)| !matches!(found, Found::File(..)))
    }

    /// All recordings with what was found.
    pub(super) fn recordings(&self) -> impl Iterator<Item = (&Listed, &Found)> {
        self.catalogue.recordings.iter().zip(&self.found)
    }

    /// Recordings that are there but have no tags.
    pub(super) fn untagged(&self) -> impl Iterator<Item = &Listed> {
        let is_there = |(_, found): &(&Listed, &Found)| matches!(found, Found::File(..));
        self.recordings().filter(is_there).map(|(listed, _)| listed).filter(|listed| listed.labels.is_none())
    }

    /// Fails where something is missing, all of it in one sentence. `with_tags`: tags are needed too.
    pub(super) fn refuse_unless_allowed(
        &self,
        request: &DataSetRequest,
        with_tags: bool,
    ) -> Result<(), CorpusError> {
        let audio = &request.audio;
        let fault = |reason: String| CorpusError::DataSet { name: self.adapter.card.name.into(), reason };
        let n_missing = self.missing().count();
        if n_missing == self.found.len() {
            return Err(fault(format!("none of its {n_missing} recordings is in `{}`", audio.display())));
        }
        if with_tags && self.recordings().all(|(listed, _)| listed.labels.is_none()) {
            return Err(fault(format!(
                "nobody states the tags of any of its {} recordings: put them beside the splits in `{}`",
                self.found.len(),
                self.metadata.display()
            )));
        }
        if request.allow_missing {
            return Ok(());
        }
        let mut reasons = Vec::new();
        reasons.extend(self.missing_in_words(audio));
        if with_tags {
            reasons.extend(self.untagged_in_words());
            reasons.extend(self.catalogue.deviations.iter().cloned());
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(fault(format!(
            "{}; to go on all the same, and have the result marked: `--allow-missing`",
            reasons.join("; ")
        )))
    }

    fn missing_in_words(&self, audio: &Path) -> Option<String> {
        let missing: Vec<(&Listed, &Found)> = self.missing().collect();
        let (first, _) = missing.first()?;
        let n_empty = missing.iter().filter(|(_, found)| matches!(found, Found::Empty(_))).count();
        let empty = if n_empty == 0 { String::new() } else { format!(", {n_empty} of them without a byte") };
        Some(format!(
            "{} of {} recordings are not in `{}`{empty} ({}), the first is `{}`",
            missing.len(),
            self.found.len(),
            audio.display(),
            by_split(&missing.iter().map(|(listed, _)| *listed).collect::<Vec<_>>()),
            first.id
        ))
    }

    fn untagged_in_words(&self) -> Option<String> {
        let untagged: Vec<&Listed> = self.untagged().collect();
        let first = untagged.first()?;
        Some(format!(
            "nobody states the tags of {} recordings ({}), the first is `{}`",
            untagged.len(),
            by_split(&untagged),
            first.id
        ))
    }

    pub(super) fn into_data_set(self) -> DataSet {
        let missing = self.missing().map(|(listed, _)| listed.id.clone()).collect();
        let untagged = self.untagged().map(|listed| listed.id.clone()).collect();
        let mut items = Vec::new();
        for (listed, found) in self.recordings() {
            let (Found::File(path, piece), Some(labels)) = (found, &listed.labels) else { continue };
            let tags = self.vocabulary.iter().filter(|tag| labels.contains(tag)).cloned().collect();
            items.push(DataSetItem {
                id: listed.id.clone(),
                path: path.clone(),
                split: listed.split,
                tags,
                group: listed.group.clone(),
                piece: *piece,
            });
        }
        let card = &self.adapter.card;
        DataSet {
            name: card.name.into(),
            culture: card.culture.into(),
            licence: card.licence.into(),
            vocabulary: self.vocabulary,
            max_seconds: card.max_seconds,
            items,
            missing,
            untagged,
            deviations: self.catalogue.deviations,
            remarks: self.catalogue.remarks,
        }
    }
}

/// `train 3, test 1`.
fn by_split(recordings: &[&Listed]) -> String {
    let count = |split| recordings.iter().filter(|listed| listed.split == split).count();
    let counts = Split::ALL.map(|split| (split, count(split)));
    let shown: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(split, n)| format!("{split} {n}")).collect();
    shown.join(", ")
}

//! The recordings that are evaluated on, by id and by content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::audio_files::Found;
use super::super::catalogue::Listed;
use super::super::load::Surveyed;
use super::choose::Watch;
use super::{GatheredSet, Overlap};
use crate::{CorpusError, Cut, Split};

/// Pieces of files, by the hash of the file. A whole file has no cut and meets all pieces of it.
#[derive(Default)]
pub(super) struct Contents(BTreeMap<String, Vec<(String, Option<Cut>)>>);

impl Contents {
    pub(super) fn insert(&mut self, id: &str, sha256: &str, cut: Option<Cut>) {
        self.0.entry(sha256.into()).or_default().push((id.into(), cut));
    }

    /// The recording that holds a moment of this one.
    pub(super) fn meeting(&self, sha256: &str, cut: Option<Cut>) -> Option<&str> {
        let meets = |other: Option<Cut>| match (cut, other) {
            (Some(cut), Some(other)) => cut.meets(&other),
            _ => true,
        };
        self.0.get(sha256)?.iter().find(|(_, other)| meets(*other)).map(|(id, _)| id.as_str())
    }
}

/// Validation and test of all sets that are compared with.
#[derive(Default)]
pub(super) struct Evaluation {
    ids: BTreeSet<String>,
    contents: Contents,
    sets: Vec<String>,
    n_recordings: usize,
    n_contents: usize,
}

impl Evaluation {
    /// Adds the evaluation splits of a set.
    pub(super) fn add(&mut self, surveyed: &Surveyed, watch: &mut Watch<'_>) -> Result<(), CorpusError> {
        let is_evaluated = |(listed, _): &(&Listed, &Found)| listed.split != Split::Train;
        let recordings: Vec<(&Listed, &Found)> = surveyed.recordings().filter(is_evaluated).collect();
        let there: Vec<(&str, &Path, Option<Cut>)> = recordings
            .iter()
            .filter_map(|(listed, found)| match found {
                Found::File(path, piece) => Some((listed.id.as_str(), path.as_path(), cut_of(*piece))),
                Found::Empty(_) | Found::Absent => None,
            })
            .collect();
        let paths: Vec<&Path> = there.iter().map(|(_, path, _)| *path).collect();
        let hashes = watch.hashes(&paths)?;
        for ((id, _, cut), hash) in there.iter().zip(&hashes) {
            // A file that cannot be read is evaluated by nobody either.
            if let Some(hash) = hash {
                self.contents.insert(id, hash, *cut);
                self.n_contents += 1;
            }
        }
        self.n_recordings += recordings.len();
        self.ids.extend(recordings.iter().map(|(listed, _)| listed.id.clone()));
        self.sets.push(surveyed.adapter.card.name.into());
        Ok(())
    }

    /// Why a recording must not train.
    pub(super) fn fault(&self, id: &str, sha256: &str, cut: Option<Cut>) -> Option<String> {
        if self.ids.contains(id) {
            return Some("its id stands in an evaluation split".into());
        }
        let other = self.contents.meeting(sha256, cut)?;
        Some(format!("it holds what `{other}` of an evaluation split holds"))
    }

    /// Compares all that was taken, whatever the choice did.
    pub(super) fn overlap(&self, sets: &[GatheredSet]) -> Overlap {
        let files = || sets.iter().flat_map(|set| &set.files);
        let is_shared = |sha256: &str, piece| self.contents.meeting(sha256, cut_of(piece)).is_some();
        Overlap {
            by_id: files().filter(|file| self.ids.contains(&file.id)).count(),
            by_content: files().filter(|file| is_shared(&file.sha256, file.piece)).count(),
            compared_with: self.sets.clone(),
            evaluation_recordings: self.n_recordings,
            evaluation_contents: self.n_contents,
        }
    }
}

/// A piece in whole milliseconds. Metadata with times that are none are refused when they are read.
pub(super) fn cut_of(piece: Option<(f64, f64)>) -> Option<Cut> {
    piece.and_then(|(start, end)| Cut::new(start, end).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_meets_its_pieces_and_pieces_meet_where_they_overlap() {
        let cut = |start, end| Some(Cut::new(start, end).unwrap());
        let mut contents = Contents::default();
        contents.insert("whole", "a", None);
        contents.insert("piece", "b", cut(10.0, 20.0));
        assert_eq!(contents.meeting("a", cut(1.0, 2.0)), Some("whole"));
        assert_eq!(contents.meeting("b", None), Some("piece"));
        assert_eq!(contents.meeting("b", cut(19.0, 30.0)), Some("piece"));
        assert_eq!(contents.meeting("b", cut(20.0, 30.0)), None);
        assert_eq!(contents.meeting("c", None), None);
    }
}

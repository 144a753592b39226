//! Splits that are drawn once and kept in a file, so that the next run has the same.
//!
//! The file is a table of recording and split, for the recordings whose index states none. Where it lacks some, they are drawn in keeping with
//! all that is known (no group and no content comes to two sides) and added; what it says is never changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::containment::Containment;
use crate::survey::look_at_piece;
use crate::{CorpusError, Index, Recording, Split, SplitShares, stratify};

/// Where the splits of a list come from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SplitsKept {
    /// The file.
    pub file: PathBuf,
    /// Recordings whose index states a split.
    pub stated: usize,
    /// Recordings whose split the file states.
    pub read: usize,
    /// Recordings whose split was drawn now.
    pub drawn: usize,
    /// Recordings that cannot be read and got none.
    pub left_out: usize,
    /// Names in the file that the index lacks; they stay there.
    pub unknown: usize,
}

const HEADER: &str = "recording\tsplit";

/// Gives every recording of `index` a split: its own, that of `file`, or one that is drawn and written there.
pub fn keep_splits(
    index: &mut Index,
    file: &Path,
    shares: SplitShares,
    seed: u64,
) -> Result<SplitsKept, CorpusError> {
    keep_splits_within(index, file, shares, seed, None)
}

pub(crate) fn keep_splits_within(
    index: &mut Index,
    file: &Path,
    shares: SplitShares,
    seed: u64,
    containment: Option<&Containment>,
) -> Result<SplitsKept, CorpusError> {
    let mut saved = if file.is_file() { read(file)? } else { BTreeMap::new() };
    let mut kept =
        SplitsKept { file: file.into(), stated: 0, read: 0, drawn: 0, left_out: 0, unknown: saved.len() };
    for recording in &mut index.recordings {
        let in_file = saved.get(&recording.source).copied();
        kept.unknown -= usize::from(in_file.is_some());
        match (recording.split, in_file) {
            (Some(own), Some(other)) if own != other => {
                let name = &recording.source;
                return Err(CorpusError::damaged(
                    file,
                    format!("it says {other} of `{name}`, the index {own}; take one of them out"),
                ));
            }
            (Some(_), _) => kept.stated += 1,
            (None, Some(split)) => {
                recording.split = Some(split);
                kept.read += 1;
            }
            (None, None) => {}
        }
    }
    if index.recordings.iter().all(|recording| recording.split.is_some()) {
        return Ok(kept);
    }
    let hashes = contents(&index.recordings, containment);
    let readable: Vec<usize> = (0..hashes.len()).filter(|&at| hashes[at].is_some()).collect();
    let item = |&at: &usize| {
        let (recording, hash) = (&index.recordings[at], hashes[at].as_deref().unwrap_or_default());
        stratify::Item {
            culture: &recording.culture,
            group: recording.group.as_deref(),
            tags: &recording.tags,
            hashes: [hash; 2],
            given: recording.split,
        }
    };
    let items: Vec<stratify::Item<'_>> = readable.iter().map(item).collect();
    let splits = stratify::assign(&items, shares, seed);
    for (at, split) in readable.into_iter().zip(splits) {
        let recording = &mut index.recordings[at];
        if recording.split.is_none() {
            recording.split = Some(split);
            saved.insert(recording.source.clone(), split);
            kept.drawn += 1;
        }
    }
    kept.left_out = index.recordings.iter().filter(|recording| recording.split.is_none()).count();
    if kept.drawn > 0 {
        write(file, &saved)?;
    }
    Ok(kept)
}

/// The hash of every recording's content; `None` where it leads out of its folder or cannot be read.
pub(crate) fn contents(recordings: &[Recording], containment: Option<&Containment>) -> Vec<Option<String>> {
    let hash = |recording: &Recording| {
        if containment.and_then(|containment| containment.fault(&recording.path)).is_some() {
            return None;
        }
        look_at_piece(recording).ok().map(|hash| hash.to_string())
    };
    recordings.par_iter().with_max_len(1).map(hash).collect()
}

fn read(file: &Path) -> Result<BTreeMap<String, Split>, CorpusError> {
    let bytes = crate::index::read_bounded(file)?;
    let fail = |line: usize, reason: String| CorpusError::damaged(file, format!("line {line}: {reason}"));
    let text = std::str::from_utf8(&bytes).map_err(|_| fail(1, "the file is not UTF-8".into()))?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(fail(1, "it is not `recording<TAB>split`, so this is no file of kept splits".into()));
    }
    let mut saved = BTreeMap::new();
    for (line, text) in (2..).zip(lines) {
        let (name, split) =
            text.rsplit_once('\t').ok_or_else(|| fail(line, "it is not `recording<TAB>split`".into()))?;
        let split = split.parse().map_err(|reason| fail(line, reason))?;
        if saved.insert(name.to_owned(), split).is_some() {
            return Err(fail(line, format!("`{name}` stands there a second time")));
        }
    }
    Ok(saved)
}

fn write(file: &Path, saved: &BTreeMap<String, Split>) -> Result<(), CorpusError> {
    if let Some(name) = saved.keys().find(|name| name.contains(['\n', '\r'])) {
        return Err(CorpusError::damaged(
            file,
            format!("the name {name:?} has a line break, which no table can hold"),
        ));
    }
    let lines = saved.iter().map(|(name, split)| format!("{name}\t{split}\n"));
    let text: String = std::iter::once(format!("{HEADER}\n")).chain(lines).collect();
    Ok(files::write_atomic(file, text.as_bytes())?)
}

//! The data report: hours asked and found, files used, and that none of them is evaluated on.

use std::path::PathBuf;

use serde::Serialize;

use super::super::Unreadable;
use crate::Split;

/// What continual pre-training is to hear.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataReport {
    /// Version of this structure.
    pub schema: u32,
    /// What the choice was drawn with.
    pub seed: u64,
    /// Hours for training, of all sets.
    pub hours: f64,
    /// Each set, in the order named.
    pub sets: Vec<GatheredSet>,
    /// What the recordings taken share with evaluation splits.
    pub overlap: Overlap,
    /// Whether every set is whole and has the hours asked for, and every evaluation recording was there to compare with and none is shared.
    pub is_complete: bool,
}

/// Version of [`DataReport`].
const SCHEMA: u32 = 1;

/// What was taken of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatheredSet {
    /// Short name.
    pub name: String,
    /// Culture, as training plans name it.
    pub culture: String,
    /// Licence of the audio.
    pub licence: String,
    /// What to cite.
    pub citation: String,
    /// Hours asked for; `None`: all there is.
    pub hours_asked: Option<f64>,
    /// Hours taken for training, in whole crops of 5 s.
    pub hours_found: f64,
    /// Whether that is less than was asked for.
    pub falls_short: bool,
    /// Recordings that its training split names.
    pub listed: usize,
    /// Of these, recordings that the disk lacks.
    pub absent: usize,
    /// Recordings taken for training.
    pub recordings: usize,
    /// Recordings held out.
    pub held_out: usize,
    /// Hours held out.
    pub held_out_hours: f64,
    /// Recordings shorter than a crop, which cannot train.
    pub too_short: Vec<String>,
    /// Files that were looked at and cannot be used.
    pub unreadable: Vec<Unreadable>,
    /// Recordings left out because of what they share with others.
    pub excluded: Vec<Excluded>,
    /// In what the splits are not the published ones.
    pub deviations: Vec<String>,
    /// Every recording taken, in the order drawn, those held out last.
    pub files: Vec<UsedFile>,
}

/// A recording taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsedFile {
    /// Its id in the data set.
    pub id: String,
    /// Its file.
    pub file: PathBuf,
    /// Piece of the file, seconds.
    pub piece: Option<(f64, f64)>,
    /// Its length, seconds.
    pub seconds: f64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Training, or validation where it is held out.
    pub split: Split,
    /// Concert, release, film or artist, where known.
    pub group: Option<String>,
}

/// A recording left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Excluded {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What the recordings taken share with those evaluated on, counted after the choice. Both counts are 0, or something is wrong here.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overlap {
    /// Recordings taken whose id stands in an evaluation split.
    pub by_id: usize,
    /// Recordings taken whose content, or a moment of it, an evaluation split holds.
    pub by_content: usize,
    /// Data sets whose evaluation splits were compared with.
    pub compared_with: Vec<String>,
    /// Recordings in these evaluation splits.
    pub evaluation_recordings: usize,
    /// Of these, recordings that were there to compare contents with.
    pub evaluation_contents: usize,
}

impl DataReport {
    pub(super) fn new(seed: u64, sets: Vec<GatheredSet>, overlap: Overlap) -> Self {
        Self {
            schema: SCHEMA,
            seed,
            hours: sets.iter().map(|set| set.hours_found).sum(),
            is_complete: sets.iter().all(|set| !set.falls_short && set.absent == 0)
                && overlap.evaluation_contents == overlap.evaluation_recordings
                && overlap.by_id + overlap.by_content == 0,
            sets,
            overlap,
        }
    }
}

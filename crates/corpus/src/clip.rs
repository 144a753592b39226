//! One line of `clips.jsonl`.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::index::fault_of_culture;
use crate::{FRAME_SAMPLES, Split};

/// A segment of a recording, and where its samples lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// Unique in the corpus: source, `#` and the segment's number.
    pub id: String,
    /// The recording's name, relative to where the recordings came from.
    pub source: String,
    /// SHA-256 of the recording's file; of a piece of a file, of that and the piece's times.
    pub source_sha256: String,
    /// First sample within the recording, at 24 kHz.
    pub start: u64,
    /// Number of samples.
    pub samples: u64,
    /// Culture as its community names it.
    pub culture: String,
    /// What it is for.
    pub split: Split,
    /// Performer, album or session.
    #[serde(default)]
    pub group: Option<String>,
    /// Tags `namespace:value`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Licence as stated.
    #[serde(default)]
    pub licence: Option<String>,
    /// Number of the array file.
    pub shard: usize,
    /// First sample within the array.
    pub offset: u64,
    /// Whether nothing sounds in it; silent clips do not train.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
}

impl Clip {
    /// Code frames of the clip, 75 a second: `ceil(samples / 320)`.
    pub fn n_frames(&self) -> u64 {
        self.samples.div_ceil(FRAME_SAMPLES)
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(audio::SAMPLE_RATE)
    }

    /// What is wrong with the clip by itself: a name that leaves the corpus, an empty field, numbers that overflow.
    pub(crate) fn fault(&self) -> Option<String> {
        if !is_clean_name(&self.source) || !is_clean_name(&self.id) {
            return Some(format!("its name `{}` is not a clean relative path", self.source));
        }
        if let Some(fault) = fault_of_culture(&self.culture) {
            return Some(fault);
        }
        if self.samples == 0 {
            return Some("it has no samples".into());
        }
        let ends = self.offset.checked_add(self.samples).and(self.start.checked_add(self.samples));
        ends.is_none().then(|| "its position is beyond counting".into())
    }
}

/// Whether a name is a relative path that stays where it is put.
pub(crate) fn is_clean_name(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

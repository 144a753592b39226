//! Laying parts down as array files.
//!
//! Segments fill a shard until the next would make it too large. A finished shard is noted in `parts/assembled.jsonl` together with a
//! hash of what it was to hold; then the parts that no later shard needs are removed, so that the audio lies on the disk once (plus one
//! shard). A rerun keeps the shards whose latest note agrees with the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use files::{FilesError, Hasher};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::manifest::{Shard, shard_name};
use crate::part::Parts;
use crate::sample_format::{SampleArray, SampleWriter};
use crate::{CorpusError, PrepareSettings, Progress, Recording, segments};

/// A recording whose part is there.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    /// Its place in the index.
    pub(crate) recording: usize,
    /// The name of its part.
    pub(crate) key: String,
    /// SHA-256 of its file.
    pub(crate) content: String,
    pub(crate) samples: u64,
    pub(crate) clipped: u64,
    pub(crate) audio_sha256: String,
}

impl Decoded {
    /// Its segments.
    pub(crate) fn segments(&self, settings: &PrepareSettings) -> Vec<Range<u64>> {
        segments::cut(self.samples, settings.segment_samples(), settings.min_samples())
    }
}

/// A segment and where it goes.
pub(crate) struct Piece {
    /// Which of the decoded recordings.
    pub(crate) decoded: usize,
    /// Number of the segment within it.
    pub(crate) segment: usize,
    pub(crate) range: Range<u64>,
    pub(crate) shard: usize,
    pub(crate) offset: u64,
}

impl Piece {
    pub(crate) fn samples(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Where every segment goes: in order, a new shard where the last has no room.
pub(crate) fn plan(decoded: &[Decoded], settings: &PrepareSettings) -> Vec<Piece> {
    let (mut shard, mut filled) = (0, 0);
    let mut pieces = Vec::new();
    for (position, one) in decoded.iter().enumerate() {
        for (segment, range) in one.segments(settings).into_iter().enumerate() {
            let length = range.end - range.start;
            if filled + length > settings.shard_samples() {
                (shard, filled) = (shard + 1, 0);
            }
            pieces.push(Piece { decoded: position, segment, range, shard, offset: filled });
            filled += length;
        }
    }
    pieces
}

/// One line of the notes of finished shards. An empty plan takes back earlier notes: the shard is being written anew.
#[derive(Serialize, Deserialize)]
struct Note {
    shard: usize,
    plan: String,
    sha256: String,
}

/// What is laid down, and where.
pub(crate) struct Layout<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) recordings: &'a [Recording],
    pub(crate) decoded: &'a [Decoded],
    pub(crate) pieces: &'a [Piece],
    pub(crate) progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl Layout<'_> {
    /// Writes the shards that are not there yet.
    pub(crate) fn write(&self) -> Result<Vec<Shard>, CorpusError> {
        let by_shard: Vec<&[Piece]> = self.pieces.chunk_by(|a, b| a.shard == b.shard).collect();
        let plans: Vec<String> = by_shard.iter().map(|pieces| self.plan_hash(pieces)).collect();
        let done = self.done(&by_shard, &plans)?;
        self.restore_parts(&done)?;
        let mut last_use: BTreeMap<&str, usize> = BTreeMap::new();
        for piece in self.pieces {
            last_use.insert(&self.decoded[piece.decoded].key, piece.shard);
        }
        let mut shards = Vec::with_capacity(by_shard.len());
        for (shard, done) in done.into_iter().enumerate() {
            if self.parts.stop.load(Ordering::Relaxed) {
                return Err(self.interrupted(self.recordings.len()));
            }
            let sha256 = if let Some(sha256) = done {
                sha256
            } else {
                self.note(&Note { shard, plan: String::new(), sha256: String::new() })?;
                let sha256 = self.write_shard(shard, by_shard[shard])?;
                self.note(&Note { shard, plan: plans[shard].clone(), sha256: sha256.clone() })?;
                sha256
            };
            for (key, _) in last_use.iter().filter(|(_, last)| **last == shard) {
                self.parts.forget_samples(key)?;
            }
            (self.progress)(Progress::Stored { done: shard + 1, total: by_shard.len() });
            shards.push(Shard { samples: samples_of(by_shard[shard]), sha256 });
        }
        self.remove_other_shards(shards.len())?;
        Ok(shards)
    }

    fn interrupted(&self, done: usize) -> CorpusError {
        CorpusError::Interrupted { done, total: self.recordings.len() }
    }

    fn file(&self, shard: usize) -> PathBuf {
        self.folder.join(shard_name(shard))
    }

    /// Per shard the hash of its file, where an earlier run has written just this.
    fn done(&self, by_shard: &[&[Piece]], plans: &[String]) -> Result<Vec<Option<String>>, CorpusError> {
        let notes = self.notes()?;
        let is_done = |shard: usize| {
            let note = notes.get(&shard).filter(|note| note.plan == plans[shard])?;
            // A shard is renamed into place whole, so one of the right length is the one that was noted.
            let stored = SampleArray::open(&self.file(shard), self.parts.settings.sample_format).ok()?;
            (stored.len() as u64 == samples_of(by_shard[shard])).then(|| note.sha256.clone())
        };
        Ok((0..by_shard.len()).map(is_done).collect())
    }

    /// Writes a shard; returns the hash of its file.
    fn write_shard(&self, shard: usize, pieces: &[Piece]) -> Result<String, CorpusError> {
        let format = self.parts.settings.sample_format;
        let mut writer = SampleWriter::create(&self.file(shard), format)?;
        for of_recording in pieces.chunk_by(|a, b| a.decoded == b.decoded) {
            let part_file = self.parts.samples_file(&self.decoded[of_recording[0].decoded].key);
            let part = SampleArray::open(&part_file, format)?;
            for piece in of_recording {
                if piece.range.end > part.len() as u64 {
                    let reason = format!("it has {} samples, not the {} noted", part.len(), piece.range.end);
                    return Err(CorpusError::damaged(part_file, reason));
                }
                writer.push_stored(&part, piece.range.start as usize..piece.range.end as usize)?;
            }
        }
        writer.finish()?;
        Ok(files::hash_file(&self.file(shard))?.to_string())
    }

    /// Decodes again what an earlier, differently planned run has already removed.
    fn restore_parts(&self, done: &[Option<String>]) -> Result<(), CorpusError> {
        let is_needed = |piece: &&Piece| done[piece.shard].is_none();
        let needed: BTreeSet<usize> =
            self.pieces.iter().filter(is_needed).map(|piece| piece.decoded).collect();
        let mut keys = BTreeSet::new();
        let missing: Vec<&Decoded> = needed
            .into_iter()
            .map(|position| &self.decoded[position])
            .filter(|one| !self.parts.samples_file(&one.key).exists() && keys.insert(&one.key))
            .collect();
        missing.into_par_iter().with_max_len(1).try_for_each(|one| {
            let recording = &self.recordings[one.recording];
            let part = self.parts.make(recording, &one.key)?;
            part.map(|_| ()).ok_or_else(|| self.interrupted(one.recording))
        })
    }

    /// Names what is in a shard: parts and ranges, in order.
    fn plan_hash(&self, pieces: &[Piece]) -> String {
        let mut hasher = Hasher::default();
        for piece in pieces {
            hasher.part(&self.decoded[piece.decoded].key);
            hasher.part(piece.range.start.to_le_bytes()).part(piece.range.end.to_le_bytes());
        }
        hasher.finish().to_string()
    }

    fn notes_file(&self) -> PathBuf {
        self.parts.folder.join("assembled.jsonl")
    }

    fn note(&self, note: &Note) -> Result<(), CorpusError> {
        let line = serde_json::to_string(note).expect("a note is plain data");
        Ok(files::append_line(&self.notes_file(), &line)?)
    }

    /// The latest note of each shard; lines cut short by a kill say nothing.
    fn notes(&self) -> Result<BTreeMap<usize, Note>, CorpusError> {
        let file = self.notes_file();
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(FilesError::io("read", &file))?,
        };
        let notes = text.lines().filter_map(|line| serde_json::from_str::<Note>(line).ok());
        Ok(notes.map(|note| (note.shard, note)).collect())
    }

    /// Removes arrays that an earlier, longer corpus left.
    fn remove_other_shards(&self, n_shards: usize) -> Result<(), CorpusError> {
        let ours: BTreeSet<String> = (0..n_shards).map(shard_name).collect();
        for entry in std::fs::read_dir(&self.folder).map_err(FilesError::io("list", &self.folder))? {
            let entry = entry.map_err(FilesError::io("list", &self.folder))?;
            if !ours.contains(&*entry.file_name().to_string_lossy()) {
                files::remove_file(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn samples_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::samples).sum()
}

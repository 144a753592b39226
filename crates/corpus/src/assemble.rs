//! The last pass of `prepare`: splits, shards, clips, report and manifest, in the order of the index.
//!
//! The manifest is written last; after it the work files go.

use std::path::{Path, PathBuf};

use files::FilesError;
use serde::Serialize;

use crate::leaks::{self, Placed};
use crate::manifest::{self, Manifest, shard_name};
use crate::part::Parts;
use crate::prepare::{AUDIO, CLIPS, CODES, PARTS, QUARANTINE, REPORT};
use crate::sample_format::SampleArray;
use crate::shards::{self, Decoded, Layout, Piece};
use crate::{Clip, CorpusError, Index, PrepareReport, Progress, Quarantined, Recording, Split, stratify};

/// What is assembled, and where.
pub(crate) struct Job<'a> {
    pub(crate) out: &'a Path,
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) progress: &'a (dyn Fn(Progress<'_>) + Sync),
    pub(crate) index: &'a Index,
    /// Hash of the index and of the contents it names.
    pub(crate) inputs: String,
}

impl Job<'_> {
    pub(crate) fn run(
        self,
        decoded: &[Decoded],
        quarantine: Vec<Quarantined>,
    ) -> Result<PrepareReport, CorpusError> {
        let (settings, recordings) = (self.parts.settings, self.index.recordings.as_slice());
        let splits = self.splits(decoded, recordings);
        let placed = placed(decoded, recordings, &splits);
        let copies = leaks::shared_content(&placed)?;
        let leaking_groups = leaks::leaking_groups(&placed);
        // From here on the directory holds no finished corpus until the manifest is written.
        files::remove_file(&self.out.join(manifest::FILE))?;
        files::remove_directory(&self.out.join(CODES))?;
        let pieces = shards::plan(decoded, settings);
        let (folder, progress) = (self.out.join(AUDIO), self.progress);
        let layout = Layout { folder, parts: self.parts, recordings, decoded, pieces: &pieces, progress };
        let shards = layout.write()?;
        let clips = self.clips(decoded, &pieces, &splits, shards.len())?;
        let quarantine_text = json_lines(&quarantine);
        let mut report = PrepareReport::of(&clips, quarantine);
        report.leaking_groups = leaking_groups;
        report.copies = copies;
        self.add_remarks(&mut report, decoded);
        let report_text = serde_json::to_string_pretty(&report).expect("a report is plain data") + "\n";
        let manifest = Manifest {
            schema: manifest::SCHEMA,
            tool: format!("culturemert {}", env!("CARGO_PKG_VERSION")),
            sample_rate: audio::SAMPLE_RATE,
            clips_sha256: self.write(CLIPS, &json_lines(&clips))?,
            quarantine_sha256: self.write(QUARANTINE, &quarantine_text)?,
            report_sha256: self.write(REPORT, &report_text)?,
            inputs: self.inputs.clone(),
            settings: settings.clone(),
            shards,
        };
        self.remove_leftovers()?;
        manifest.write(self.out)?;
        files::remove_directory(&self.out.join(PARTS))?;
        Ok(report)
    }

    /// Writes a text of the corpus; returns its hash.
    fn write(&self, name: &str, text: &str) -> Result<String, CorpusError> {
        files::write_atomic(&self.out.join(name), text.as_bytes())?;
        Ok(files::hash_bytes(text.as_bytes()).to_string())
    }

    /// Removes what killed writes left beside their targets, so that the corpus holds its files and no other.
    fn remove_leftovers(&self) -> Result<(), CorpusError> {
        for entry in std::fs::read_dir(self.out).map_err(FilesError::io("list", self.out))? {
            let entry = entry.map_err(FilesError::io("list", self.out))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".tmp-") {
                files::remove_file(&entry.path())?;
            }
        }
        Ok(())
    }

    /// What clips alone do not tell.
    fn add_remarks(&self, report: &mut PrepareReport, decoded: &[Decoded]) {
        report.ignored_columns.clone_from(&self.index.ignored_columns);
        report.skipped_files.clone_from(&self.index.skipped_files);
        for one in decoded {
            let recording = &self.index.recordings[one.recording];
            report.splits_drawn += usize::from(recording.split.is_none());
            if one.clipped > 0 {
                report.clipped.insert(recording.source.clone(), one.clipped);
            }
            let kept = one.segments(self.parts.settings);
            let left_out = one.samples - kept.last().map_or(0, |last| last.end);
            if left_out > 0 {
                report.ends_left_out.insert(recording.source.clone(), left_out);
            }
        }
    }

    fn splits(&self, decoded: &[Decoded], recordings: &[Recording]) -> Vec<Split> {
        let items: Vec<stratify::Item<'_>> = decoded
            .iter()
            .map(|one| {
                let recording = &recordings[one.recording];
                stratify::Item {
                    culture: &recording.culture,
                    group: recording.group.as_deref(),
                    tags: &recording.tags,
                    hashes: [&one.content, &one.audio_sha256],
                    given: recording.split,
                }
            })
            .collect();
        let settings = self.parts.settings;
        stratify::assign(&items, settings.split_shares, settings.seed)
    }

    fn clips(
        &self,
        decoded: &[Decoded],
        pieces: &[Piece],
        splits: &[Split],
        n_shards: usize,
    ) -> Result<Vec<Clip>, CorpusError> {
        let format = self.parts.settings.sample_format;
        let file = |shard| -> PathBuf { self.out.join(AUDIO).join(shard_name(shard)) };
        let arrays: Vec<SampleArray> =
            (0..n_shards).map(|shard| SampleArray::open(&file(shard), format)).collect::<Result<_, _>>()?;
        let clip = |piece: &Piece| {
            let one = &decoded[piece.decoded];
            let recording = &self.index.recordings[one.recording];
            let stored = piece.offset as usize..(piece.offset + piece.samples()) as usize;
            Clip {
                id: format!("{}#{}", recording.source, piece.segment),
                source: recording.source.clone(),
                source_sha256: one.content.clone(),
                start: piece.range.start,
                samples: piece.samples(),
                culture: recording.culture.clone(),
                split: splits[piece.decoded],
                group: recording.group.clone(),
                tags: recording.tags.clone(),
                licence: recording.licence.clone(),
                shard: piece.shard,
                offset: piece.offset,
                silent: arrays[piece.shard].is_silent(stored),
            }
        };
        Ok(pieces.iter().map(clip).collect())
    }
}

fn placed<'a>(decoded: &'a [Decoded], recordings: &'a [Recording], splits: &[Split]) -> Vec<Placed<'a>> {
    let place = |(one, &split): (&'a Decoded, &Split)| {
        let recording = &recordings[one.recording];
        Placed {
            source: &recording.source,
            culture: &recording.culture,
            group: recording.group.as_deref(),
            split,
            hashes: [&one.content, &one.audio_sha256],
        }
    };
    decoded.iter().zip(splits).map(place).collect()
}

/// One JSON document a line.
pub(crate) fn json_lines<T: Serialize>(values: &[T]) -> String {
    let mut text = String::new();
    for value in values {
        text += &serde_json::to_string(value).expect("lines of ours are plain data");
        text.push('\n');
    }
    text
}

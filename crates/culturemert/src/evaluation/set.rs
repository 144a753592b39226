//! An evaluation set: recordings with splits and answers, wherever they lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use audio::SAMPLE_RATE;
use corpus::{Corpus, Split};
use evaluate::{FeatureSet, FileFacts, Kind};
use rayon::prelude::*;
use study::evaluation::Named;
use study::paper::PaperSet;

use super::extract::Features;
use super::kept::Rows;

/// Recordings that models are probed on.
pub(crate) struct EvaluationSet {
    /// Its name, as it was given.
    pub(crate) name: String,
    /// What is asked.
    pub(crate) kind: Kind,
    pub(crate) published: Option<PaperSet>,
    pub(crate) is_western: bool,
    /// Tags, classes or targets, in the order of the answers.
    pub(crate) outputs: Vec<String>,
    pub(crate) recordings: Vec<SetRecording>,
    /// Only the first seconds of a recording count.
    pub(crate) max_seconds: Option<f64>,
    /// In what it is not the whole published set.
    pub(crate) incomplete: Vec<String>,
    pub(crate) remarks: Vec<String>,
    /// Recordings that could not take part.
    pub(crate) left_out: Vec<Named>,
}

/// One recording of a set.
pub(crate) struct SetRecording {
    pub(crate) id: String,
    /// Hash of what is heard of it.
    pub(crate) content: String,
    pub(crate) group: Option<String>,
    pub(crate) split: Split,
    /// One a tag or class, 0 or 1; empty where there are values.
    pub(crate) labels: Vec<u8>,
    pub(crate) values: Vec<f32>,
    /// Middles of the frames that are items, seconds of the recording; labels then stand for each of them. Empty where the recording is one.
    pub(crate) frames: Vec<f64>,
    pub(crate) source: Source,
}

impl SetRecording {
    /// What its samples are a function of: the content, and of a prepared corpus the clips that were kept of it.
    pub(crate) fn heard(&self) -> String {
        let mut heard = match &self.source {
            Source::File(_, _, resampler) => format!("{} {resampler}", self.content),
            Source::Clips(corpus, range) => {
                let clips = &corpus.clips()[range.clone()];
                let parts: Vec<String> =
                    clips.iter().map(|clip| format!("{}+{}", clip.start, clip.samples)).collect();
                format!("{} {:?} {}", self.content, corpus.manifest().settings, parts.join(" "))
            }
        };
        if !self.frames.is_empty() {
            let _ = write!(heard, " frames {:?}", self.frames);
        }
        heard
    }
}

/// Where the samples of a recording are.
pub(crate) enum Source {
    /// Clips of a prepared corpus, one after the other.
    Clips(Arc<Corpus>, std::ops::Range<usize>),
    /// A file, or a piece of it from second to second.
    File(PathBuf, Option<(f64, f64)>, audio::Resampler),
}

impl Source {
    /// Where a moment of the recording lies in [`Self::samples`]; nowhere where no clip was kept of it or a piece leaves it out.
    pub(crate) fn place(&self, seconds: f64) -> Option<usize> {
        let rate = f64::from(SAMPLE_RATE);
        let sample = (seconds * rate).round() as u64;
        match self {
            Self::File(_, None, _) => Some(sample as usize),
            Self::File(_, Some((start, end)), _) => {
                let is_inside = (*start..*end).contains(&seconds);
                is_inside.then(|| ((seconds - start) * rate).round() as usize)
            }
            Self::Clips(corpus, range) => {
                let mut before = 0;
                for clip in &corpus.clips()[range.clone()] {
                    if (clip.start..clip.start + clip.samples).contains(&sample) {
                        return Some((before + sample - clip.start) as usize);
                    }
                    before += clip.samples;
                }
                None
            }
        }
    }

    /// All samples at 24 kHz.
    pub(crate) fn samples(&self) -> anyhow::Result<Vec<f32>> {
        match self {
            Self::Clips(corpus, range) => {
                let mut samples = Vec::new();
                for clip in &corpus.clips()[range.clone()] {
                    samples.extend(corpus.clip_samples(clip)?);
                }
                Ok(samples)
            }
            Self::File(path, piece, resampler) => {
                let mut samples = audio::load(path, *resampler)?;
                if let Some((start, end)) = piece {
                    let at = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)).round() as usize;
                    let (start, end) = (at(*start), at(*end).min(samples.len()));
                    if start >= end {
                        let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
                        anyhow::bail!(
                            "`{}` ends after {seconds:.1} s, before its piece begins",
                            path.display()
                        );
                    }
                    samples = samples[start..end].to_vec();
                }
                Ok(samples)
            }
        }
    }
}

impl EvaluationSet {
    /// Hashes the files whose content is not known yet.
    pub(crate) fn hash_contents(&mut self) -> anyhow::Result<()> {
        self.recordings.par_iter_mut().filter(|recording| recording.content.is_empty()).try_for_each(
            |recording| {
                let Source::File(path, piece, _) = &recording.source else { return Ok(()) };
                let hash =
                    files::hash_file(path).with_context(|| format!("recording `{}`", path.display()))?;
                recording.content = match piece {
                    None => hash.to_string(),
                    Some((start, end)) => format!("{hash}@{start}-{end}"),
                };
                anyhow::Ok(())
            },
        )
    }

    /// Hashes of contents by the recordings' ids.
    pub(crate) fn contents(&self) -> BTreeMap<String, String> {
        self.recordings.iter().map(|recording| (recording.id.clone(), recording.content.clone())).collect()
    }

    /// Takes hashes of contents over that were made before, where there are none yet.
    pub(crate) fn know_contents(&mut self, known: &BTreeMap<String, String>) {
        for recording in self.recordings.iter_mut().filter(|recording| recording.content.is_empty()) {
            if let Some(content) = known.get(&recording.id) {
                recording.content.clone_from(content);
            }
        }
    }

    /// Published splits stay as they are: groups and contents that stand on several sides are told, and do not stop the evaluation.
    pub(crate) fn accept_published_splits(&mut self) {
        let mut parted = |what: &str, key: fn(&SetRecording) -> Option<&str>| -> BTreeSet<String> {
            let mut sides: BTreeMap<&str, BTreeSet<Split>> = BTreeMap::new();
            for recording in &self.recordings {
                if let Some(key) = key(recording) {
                    sides.entry(key).or_default().insert(recording.split);
                }
            }
            let on_several = sides.into_iter().filter(|(_, sides)| sides.len() > 1);
            let keys: BTreeSet<String> = on_several.map(|(key, _)| key.to_owned()).collect();
            if let Some(first) = keys.first() {
                let n = keys.len();
                self.remarks.push(format!(
                    "{n} {what} stand on more than one side of the published splits, the first is `{first}`"
                ));
            }
            keys
        };
        let groups = parted("groups", |recording| recording.group.as_deref());
        let contents = parted("recordings", |recording| Some(&recording.content));
        for recording in &mut self.recordings {
            let split = recording.split;
            if let Some(group) = recording.group.as_mut().filter(|group| groups.contains(*group)) {
                *group = format!("{group} ({split})");
            }
            if contents.contains(&recording.content) {
                recording.content = format!("{} ({split})", recording.content);
            }
        }
    }

    /// A hash of everything but the sound that probes depend on, and of the contents' hashes.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = files::Hasher::default();
        hasher.part(format!("{:?} {:?}", self.kind, self.max_seconds));
        for output in &self.outputs {
            hasher.part(output);
        }
        for recording in &self.recordings {
            let SetRecording { id, content, group, split, labels, values, frames, .. } = recording;
            hasher.part(id).part(content).part(format!("{group:?} {split}")).part(labels);
            hasher.part(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
            if !frames.is_empty() {
                hasher.part(frames.iter().flat_map(|seconds| seconds.to_le_bytes()).collect::<Vec<u8>>());
            }
        }
        hasher.finish().to_string()
    }

    /// Train, validation and test features, and the recordings that have no window.
    pub(crate) fn feature_sets(&self, features: &Features) -> ([FeatureSet; 3], Vec<Named>) {
        let empty =
            || FeatureSet { n_layers: features.n_states, width: features.width, ..FeatureSet::default() };
        let mut sets = [empty(), empty(), empty()];
        let mut windowless = Vec::new();
        let row_len = features.n_states * features.width;
        for (recording, Rows { rows, places: frames }) in self.recordings.iter().zip(&features.of) {
            if rows.is_empty() {
                let reason = format!("too short for a window, of {}", recording.split);
                windowless.push(Named { name: recording.id.clone(), reason });
                continue;
            }
            let set = &mut sets[match recording.split {
                Split::Train => 0,
                Split::Valid => 1,
                Split::Test => 2,
            }];
            set.features.extend_from_slice(rows);
            if !recording.frames.is_empty() {
                push_frames(set, recording, frames, self.outputs.len());
                continue;
            }
            let file = set.files.len();
            set.chunk_file.extend(std::iter::repeat_n(file, rows.len() / row_len));
            set.labels.extend_from_slice(&recording.labels);
            set.values.extend_from_slice(&recording.values);
            set.files.push(FileFacts {
                id: recording.id.clone(),
                content: recording.content.clone(),
                group: recording.group.clone(),
            });
        }
        (sets, windowless)
    }
}

/// Every frame is a file of one chunk: scored by itself, and drawn together with its recording, or its group, in a bootstrap.
fn push_frames(set: &mut FeatureSet, recording: &SetRecording, frames: &[usize], n_outputs: usize) {
    for &frame in frames {
        set.chunk_file.push(set.files.len());
        set.labels.extend_from_slice(&recording.labels[frame * n_outputs..][..n_outputs]);
        set.files.push(FileFacts {
            id: format!("{} at {:.4} s", recording.id, recording.frames[frame]),
            content: recording.content.clone(),
            group: Some(recording.group.clone().unwrap_or_else(|| recording.id.clone())),
        });
    }
}

//! From a corpus and an encoder to the features and labels a probe learns from.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use corpus::{Clip, Corpus, Split, SplitShares, redraw_splits};
use evaluate::{
    EncoderFacts, FeatureSet, FileFacts, LearningData, ProbeConfig, ProbeData, ProbeOutcome, SideScore,
    Validated,
};
use rayon::prelude::*;

use crate::embedding::Embedder;
use crate::exit::{stopped, usage};
use crate::kept_clips::KeptClips;
use crate::tag_names::beginnings;
use crate::terminal::Terminal;

/// Means over time of all hidden states of clips of a corpus.
pub(crate) struct ClipFeatures {
    /// For each clip of the corpus `[states · width]`; empty for clips that were not asked for or are too short.
    pub(crate) rows: Vec<Vec<f32>>,
    pub(crate) n_states: usize,
    pub(crate) width: usize,
}

/// Recordings with their tags: what one probe is about.
pub(crate) struct Task {
    pub(crate) tags: Vec<String>,
    recordings: Vec<Tagged>,
}

/// A recording that takes part.
struct Tagged {
    clips: Range<usize>,
    /// Which of the task's tags it has, 0 or 1.
    labels: Vec<u8>,
    split: Split,
}

impl Task {
    /// Recordings of which the first clip is wanted and that have a tag that begins with `prefix`.
    pub(crate) fn with_prefix(
        corpus: &Corpus,
        is_wanted: impl Fn(&Clip) -> bool,
        prefix: &str,
    ) -> anyhow::Result<Self> {
        let wanted: Vec<&Clip> = corpus.clips().iter().filter(|clip| is_wanted(clip)).collect();
        if wanted.iter().any(|clip| clip.tags.iter().any(|tag| tag.starts_with(prefix))) {
            return Self::select(corpus, is_wanted, |tag| tag.starts_with(prefix));
        }
        let beginnings = beginnings(wanted.iter().flat_map(|clip| &clip.tags), prefix);
        Err(usage(format!("no recording of the corpus has a tag that begins with `{prefix}`; {beginnings}")))
    }

    /// Recordings of which the first clip is wanted and that have a tag; tags are sorted.
    pub(crate) fn select(
        corpus: &Corpus,
        is_wanted: impl Fn(&Clip) -> bool,
        is_tag: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let clips = corpus.clips();
        let chosen: Vec<Range<usize>> = corpus
            .recordings()
            .into_iter()
            .filter(|range| {
                is_wanted(&clips[range.start]) && clips[range.start].tags.iter().any(|tag| is_tag(tag))
            })
            .collect();
        let tags: std::collections::BTreeSet<&str> = chosen
            .iter()
            .flat_map(|range| &clips[range.start].tags)
            .map(String::as_str)
            .filter(|tag| is_tag(tag))
            .collect();
        if tags.is_empty() {
            return Err(usage("no recording of the corpus has such a tag"));
        }
        let tags: Vec<String> = tags.into_iter().map(str::to_owned).collect();
        let recordings = chosen
            .into_iter()
            .map(|range| {
                let has = |tag: &String| u8::from(clips[range.start].tags.contains(tag));
                let labels = tags.iter().map(has).collect();
                let split = clips[range.start].split;
                Tagged { clips: range, labels, split }
            })
            .collect();
        Ok(Self { tags, recordings })
    }

    /// Keeps `most` of the recordings: those whose contents have the smallest hashes, whatever their order.
    pub(crate) fn keep(&mut self, corpus: &Corpus, most: usize) {
        let content = |recording: &Tagged| corpus.clips()[recording.clips.start].source_sha256.as_str();
        let mut hashes: Vec<&str> = self.recordings.iter().map(content).collect();
        hashes.sort_unstable();
        if let Some(&first_left_out) = hashes.get(most) {
            self.recordings.retain(|recording| content(recording) < first_left_out);
        }
    }

    /// Every clip of the task's recordings.
    pub(crate) fn clips(&self) -> Vec<Range<usize>> {
        self.recordings.iter().map(|recording| recording.clips.clone()).collect()
    }

    /// Draws splits for this task alone: by group, with every tag on every side where there are groups enough.
    pub(crate) fn split_by_group(&mut self, corpus: &Corpus, shares: SplitShares, seed: u64) {
        let tags: Vec<Vec<String>> = self
            .recordings
            .iter()
            .map(|recording| {
                let has = self.tags.iter().zip(&recording.labels).filter(|(_, label)| **label == 1);
                has.map(|(tag, _)| tag.clone()).collect()
            })
            .collect();
        let first = |recording: &Tagged| &corpus.clips()[recording.clips.start];
        let items: Vec<(&Clip, &[String])> = self
            .recordings
            .iter()
            .zip(&tags)
            .map(|(recording, tags)| (first(recording), tags.as_slice()))
            .collect();
        let splits = redraw_splits(&items, shares, seed);
        for (recording, split) in self.recordings.iter_mut().zip(splits) {
            recording.split = split;
        }
    }

    /// Every clip of the task's recordings of these splits.
    pub(crate) fn clips_of(&self, splits: &[Split]) -> Vec<Range<usize>> {
        let wanted = self.recordings.iter().filter(|recording| splits.contains(&recording.split));
        wanted.map(|recording| recording.clips.clone()).collect()
    }

    /// Recordings of train, validation and test.
    pub(crate) fn sizes(&self) -> [usize; 3] {
        Split::ALL.map(|split| self.recordings.iter().filter(|recording| recording.split == split).count())
    }

    /// Why nothing could be measured of the task, whatever the model; none where something can.
    pub(crate) fn lack(&self) -> Option<String> {
        let has_both = |split: Split, tag: usize| {
            let of_split = self.recordings.iter().filter(|recording| recording.split == split);
            let labels: Vec<u8> = of_split.map(|recording| recording.labels[tag]).collect();
            labels.contains(&0) && labels.contains(&1)
        };
        let learnt: Vec<usize> = (0..self.tags.len()).filter(|&tag| has_both(Split::Train, tag)).collect();
        let n = self.tags.len();
        let none = |what: &str| {
            Some(format!("none of its {n} tags has recordings with and without it among {what}"))
        };
        if learnt.is_empty() {
            return none("the training recordings");
        }
        let measured = |split: Split| learnt.iter().any(|&tag| has_both(split, tag));
        match (measured(Split::Valid), measured(Split::Test)) {
            (true, true) => None,
            (false, _) => none("the validation recordings"),
            (true, false) => none("the test recordings"),
        }
    }

    /// A hash over the recordings with their labels and splits: what besides features and settings a probe's numbers are a function of.
    pub(crate) fn fingerprint(&self, corpus: &Corpus) -> String {
        let mut hasher = files::Hasher::default();
        for tag in &self.tags {
            hasher.part(tag);
        }
        for recording in &self.recordings {
            let clip = &corpus.clips()[recording.clips.start];
            hasher.part(&clip.source).part(&clip.source_sha256).part(recording.split.to_string());
            hasher.part(&recording.labels);
        }
        hasher.finish().to_string()
    }

    /// Features of the task's recordings of one split. A recording without a single usable clip is named, not dropped.
    fn set(&self, corpus: &Corpus, features: &ClipFeatures, split: Split) -> anyhow::Result<FeatureSet> {
        let mut set =
            FeatureSet { n_layers: features.n_states, width: features.width, ..FeatureSet::default() };
        let of_split = self.recordings.iter().filter(|recording| recording.split == split);
        for Tagged { clips: range, labels, .. } in of_split {
            let clip = &corpus.clips()[range.start];
            let file = set.files.len();
            let n_before = set.chunk_file.len();
            for row in features.rows[range.clone()].iter().filter(|row| !row.is_empty()) {
                set.features.extend_from_slice(row);
                set.chunk_file.push(file);
            }
            if set.chunk_file.len() == n_before {
                anyhow::bail!("recording `{}` is too short for the encoder", clip.source);
            }
            set.labels.extend_from_slice(labels);
            set.files.push(FileFacts {
                id: clip.source.clone(),
                content: clip.source_sha256.clone(),
                group: clip.group.as_ref().map(|group| format!("{}/{group}", clip.culture)),
            });
        }
        Ok(set)
    }

    /// Trains a probe and measures it on the validation recordings; on the test recordings too, if `with_test`.
    pub(crate) fn measure(
        &self,
        corpus: &Corpus,
        features: &ClipFeatures,
        encoder: &EncoderFacts,
        config: &ProbeConfig,
        with_test: bool,
    ) -> anyhow::Result<(Validated, Option<Vec<SideScore>>)> {
        let set = |split| self.set(corpus, features, split);
        let (train, valid) = (set(Split::Train)?, set(Split::Valid)?);
        if !with_test {
            let data = LearningData::new(&self.tags, &train, &valid)?;
            return Ok((evaluate::validate(&data, encoder, config)?, None));
        }
        let test = set(Split::Test)?;
        let data = ProbeData::new(&self.tags, &train, &valid, &test)?;
        let (validated, test) = evaluate::validate_and_test(&data, encoder, config)?;
        Ok((validated, Some(test)))
    }

    /// Trains and measures a probe on these features.
    pub(crate) fn probe(
        &self,
        corpus: &Corpus,
        features: &ClipFeatures,
        encoder: &EncoderFacts,
        config: &ProbeConfig,
    ) -> anyhow::Result<ProbeOutcome> {
        self.probe_until(corpus, features, encoder, config, None)
    }

    /// The same, until it is asked to stop.
    pub(crate) fn probe_until(
        &self,
        corpus: &Corpus,
        features: &ClipFeatures,
        encoder: &EncoderFacts,
        config: &ProbeConfig,
        stop: Option<&AtomicBool>,
    ) -> anyhow::Result<ProbeOutcome> {
        let set = |split| self.set(corpus, features, split);
        let (train, valid, test) = (set(Split::Train)?, set(Split::Valid)?, set(Split::Test)?);
        let data = ProbeData::new(&self.tags, &train, &valid, &test)?;
        let data = stop.map_or(data, |stop| data.until(stop));
        Ok(evaluate::probe(&data, encoder, config)?)
    }
}

/// Embeds the recordings whose clips are `ranges`; several at once, each normalised as a whole.
pub(crate) fn embed_clips(
    embedder: &Embedder,
    corpus: &Corpus,
    ranges: &[Range<usize>],
    terminal: &Terminal,
) -> anyhow::Result<ClipFeatures> {
    embed_shown(embedder, corpus, ranges, terminal, |range| embed_recording(embedder, corpus, range))
}

/// The same, kept: what is in the folder is read, the rest computed and put there.
pub(crate) fn embed_and_keep(
    kept: &KeptClips<'_>,
    corpus: &Corpus,
    ranges: &[Range<usize>],
    terminal: &Terminal,
) -> anyhow::Result<ClipFeatures> {
    embed_shown(kept.embedder, corpus, ranges, terminal, |range| kept.of(corpus, range))
}

/// Shows how far it is, and stops when it is asked to.
fn embed_shown(
    embedder: &Embedder,
    corpus: &Corpus,
    ranges: &[Range<usize>],
    terminal: &Terminal,
    embed: impl Fn(Range<usize>) -> anyhow::Result<Vec<Vec<f32>>> + Sync,
) -> anyhow::Result<ClipFeatures> {
    let bar = terminal.bar("embed", ranges.len() as u64);
    let features = embed_each(embedder, corpus, ranges, |range| {
        let rows = embed(range)?;
        bar.inc(1);
        if terminal.caller_stops() { Err(stopped()) } else { Ok(rows) }
    });
    bar.finish_and_clear();
    features
}

/// Features of recordings by `embed`, several at once; its first error ends the work.
pub(crate) fn embed_each(
    embedder: &Embedder,
    corpus: &Corpus,
    ranges: &[Range<usize>],
    embed: impl Fn(Range<usize>) -> anyhow::Result<Vec<Vec<f32>>> + Sync,
) -> anyhow::Result<ClipFeatures> {
    let embedded: Vec<Vec<Vec<f32>>> =
        ranges.par_iter().map(|range| embed(range.clone())).collect::<anyhow::Result<_>>()?;
    let mut rows = vec![Vec::new(); corpus.clips().len()];
    for (range, values) in ranges.iter().zip(embedded) {
        for (index, row) in range.clone().zip(values) {
            rows[index] = row;
        }
    }
    Ok(ClipFeatures { rows, n_states: embedder.n_states(), width: embedder.width() })
}

/// The clips of one recording: those long enough for a frame.
pub(crate) fn embed_recording(
    embedder: &Embedder,
    corpus: &Corpus,
    range: Range<usize>,
) -> anyhow::Result<Vec<Vec<f32>>> {
    let clips = &corpus.clips()[range];
    let mut samples = Vec::new();
    for clip in clips {
        samples.extend(corpus.clip_samples(clip)?);
    }
    embedder.prepare(&mut samples);
    let mut start = 0;
    clips
        .iter()
        .map(|clip| {
            let n = clip.samples as usize;
            let part = &samples[start..start + n];
            start += n;
            if n < embedder.shortest() { Ok(Vec::new()) } else { embedder.means(part) }
        })
        .collect()
}

/// What a probe remembers of the encoder it was trained on.
pub(crate) fn encoder_facts(
    name: &str,
    hash: &str,
    features: &ClipFeatures,
    chunk_seconds: f64,
) -> EncoderFacts {
    EncoderFacts {
        name: name.into(),
        hash: hash.into(),
        n_layers: features.n_states,
        width: features.width,
        chunk_seconds,
    }
}

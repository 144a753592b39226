//! What `prepare` found and did, as numbers. Written to `report.json`, the same bytes whenever the corpus is the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Clip, GroupLeak, Quarantined, Reason, Split};

/// How a call of `prepare` ended well.
#[derive(Clone, Debug, PartialEq)]
pub enum Prepared {
    /// The corpus was built.
    Built(PrepareReport),
    /// It was there already, of the same sources and settings.
    UpToDate(PrepareReport),
    /// This job's share of the decoding is done; another call without a share assembles the corpus.
    ShareDecoded {
        /// Recordings of this share.
        recordings: usize,
        /// How many of them are broken.
        broken: usize,
    },
}

impl Prepared {
    /// The report, where there is a corpus.
    pub fn report(&self) -> Option<&PrepareReport> {
        match self {
            Self::Built(report) | Self::UpToDate(report) => Some(report),
            Self::ShareDecoded { .. } => None,
        }
    }
}

/// What went in, what came out, and what a reader should know about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PrepareReport {
    /// Version of this structure.
    pub schema: u32,
    /// Recordings that the index names.
    pub asked: usize,
    /// Recordings in the corpus.
    pub prepared: usize,
    /// Recordings in quarantine; with `prepared` they make `asked`.
    pub quarantined: usize,
    /// Recordings in quarantine by reason.
    pub quarantined_by_reason: BTreeMap<Reason, usize>,
    /// The quarantine itself.
    pub quarantine: Vec<Quarantined>,
    /// Segments in the corpus.
    pub clips: usize,
    /// Hours of audio in the corpus.
    pub hours: f64,
    /// What each culture has in each split.
    pub cultures: BTreeMap<String, BTreeMap<Split, SplitSum>>,
    /// Recordings by tag, per culture.
    pub tags: BTreeMap<String, BTreeMap<String, usize>>,
    /// Recordings by licence; the empty name stands for none stated.
    pub licences: BTreeMap<String, usize>,
    /// Recordings whose split was drawn here because the index states none.
    pub splits_drawn: usize,
    /// Groups that the index puts into several splits.
    pub leaking_groups: Vec<GroupLeak>,
    /// Sources that hold the same audio (within one split, or there would be no corpus).
    pub copies: Vec<Vec<String>>,
    /// Cultures without recordings in some split.
    pub empty_splits: BTreeMap<String, Vec<Split>>,
    /// Recordings of which samples were clipped by 16-bit storage, with their number.
    pub clipped: BTreeMap<String, u64>,
    /// Clips in which nothing sounds.
    pub silent_clips: Vec<String>,
    /// Ends of recordings left out because they are shorter than the shortest clip, in samples.
    pub ends_left_out: BTreeMap<String, u64>,
    /// Columns of the index that nothing reads.
    pub ignored_columns: Vec<String>,
    /// Files beside the recordings that do not have the name of a recording.
    pub skipped_files: Vec<String>,
}

/// What a culture has in a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitSum {
    /// Recordings.
    pub recordings: usize,
    /// Segments.
    pub clips: usize,
    /// Seconds of audio.
    pub seconds: f64,
}

/// Version of [`PrepareReport`].
const SCHEMA: u32 = 1;

impl PrepareReport {
    /// Sums up clips (segments of a recording stand together) and quarantine.
    pub(crate) fn of(clips: &[Clip], quarantine: Vec<Quarantined>) -> Self {
        let mut report = Self { schema: SCHEMA, clips: clips.len(), ..Self::default() };
        let mut samples: BTreeMap<(&str, Split), u64> = BTreeMap::new();
        let mut previous = None;
        for clip in clips {
            let sum = report.cultures.entry(clip.culture.clone()).or_default().entry(clip.split).or_default();
            sum.clips += 1;
            *samples.entry((&clip.culture, clip.split)).or_default() += clip.samples;
            if clip.silent {
                report.silent_clips.push(clip.id.clone());
            }
            if previous == Some(&clip.source) {
                continue;
            }
            previous = Some(&clip.source);
            sum.recordings += 1;
            report.prepared += 1;
            let tags = report.tags.entry(clip.culture.clone()).or_default();
            for tag in &clip.tags {
                *tags.entry(tag.clone()).or_default() += 1;
            }
            *report.licences.entry(clip.licence.clone().unwrap_or_default()).or_default() += 1;
        }
        // Whole samples are summed and divided once, so that no order of addition shows.
        let rate = f64::from(audio::SAMPLE_RATE);
        for (culture, splits) in &mut report.cultures {
            for (split, sum) in &mut *splits {
                sum.seconds = samples[&(culture.as_str(), *split)] as f64 / rate;
            }
            let empty: Vec<Split> =
                Split::ALL.into_iter().filter(|split| !splits.contains_key(split)).collect();
            if !empty.is_empty() {
                report.empty_splits.insert(culture.clone(), empty);
            }
        }
        report.hours = samples.values().sum::<u64>() as f64 / rate / 3600.0;
        for entry in &quarantine {
            *report.quarantined_by_reason.entry(entry.reason).or_default() += 1;
        }
        report.quarantined = quarantine.len();
        report.asked = report.prepared + report.quarantined;
        report.quarantine = quarantine;
        report
    }
}

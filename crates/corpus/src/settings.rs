use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{CorpusError, SampleFormat};

/// How recordings become a corpus. Everything here changes the bytes that are written, and so stands in `corpus.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareSettings {
    /// Length of a segment, seconds. CultureMERT trains on 30.
    pub segment_seconds: f64,
    /// A recording, or the rest of one after its last whole segment, is kept from this many seconds on.
    pub min_seconds: f64,
    /// How recordings come to 24 kHz.
    pub resampler: audio::Resampler,
    /// How samples are stored.
    pub sample_format: SampleFormat,
    /// Largest array file, bytes.
    pub shard_bytes: u64,
    /// Seed of the splits drawn for recordings that have none.
    pub seed: u64,
    /// Sizes of the splits drawn.
    pub split_shares: SplitShares,
}

impl Default for PrepareSettings {
    fn default() -> Self {
        Self {
            segment_seconds: 30.0,
            min_seconds: 1.0,
            resampler: audio::Resampler::default(),
            sample_format: SampleFormat::default(),
            shard_bytes: 1 << 30,
            seed: 0,
            split_shares: SplitShares::default(),
        }
    }
}

/// Shares of the recordings of a culture that go to each split; they are divided by their sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitShares {
    /// Share that trains.
    pub train: f64,
    /// Share that validates.
    pub valid: f64,
    /// Share that tests.
    pub test: f64,
}

impl Default for SplitShares {
    /// 70, 10 and 20 per cent: the shares of the published makam, Hindustani and Carnatic splits.
    fn default() -> Self {
        Self { train: 0.7, valid: 0.1, test: 0.2 }
    }
}

/// One of several jobs that share the work: it takes the items `index`, `index + count`, ... Written from 1, as `1/4` … `4/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobShare {
    /// Number of this job, from 0.
    pub index: usize,
    /// How many jobs there are.
    pub count: usize,
}

impl FromStr for JobShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not I/N with I from 1 to N, for instance `1/4`");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number: usize = index.parse().map_err(|_| wrong())?;
        let count = count.parse().map_err(|_| wrong())?;
        let share = Self { index: number.checked_sub(1).ok_or_else(wrong)?, count };
        if share.index < share.count { Ok(share) } else { Err(wrong()) }
    }
}

impl fmt::Display for JobShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

/// Longest segment and longest minimum we accept, seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;
/// Largest array file we write, bytes.
const MAX_SHARD_BYTES: u64 = 1 << 40;
/// Bytes a shard's header takes.
pub(crate) const HEADER_BYTES: u64 = 128;

impl PrepareSettings {
    /// Samples of a whole segment.
    pub fn segment_samples(&self) -> u64 {
        samples(self.segment_seconds)
    }

    /// Samples from which a recording or its rest is kept.
    pub fn min_samples(&self) -> u64 {
        samples(self.min_seconds).max(1)
    }

    /// Samples that a shard may hold.
    pub(crate) fn shard_samples(&self) -> u64 {
        self.shard_bytes.saturating_sub(HEADER_BYTES) / self.sample_format.bytes() as u64
    }

    pub(crate) fn check(&self) -> Result<(), CorpusError> {
        let fail = |name, reason: String| Err(CorpusError::Setting { name, reason });
        if !(0.0..=MAX_SECONDS).contains(&self.segment_seconds) || self.segment_samples() == 0 {
            return fail(
                "segment_seconds",
                format!("{} is not between 0 and {MAX_SECONDS}", self.segment_seconds),
            );
        }
        if !(0.0..=self.segment_seconds).contains(&self.min_seconds) {
            let range = format!("0 and the {} of a segment", self.segment_seconds);
            return fail("min_seconds", format!("{} is not between {range}", self.min_seconds));
        }
        if self.shard_samples() < self.segment_samples() {
            let reason = format!(
                "{} bytes do not hold one segment of {} samples",
                self.shard_bytes,
                self.segment_samples()
            );
            return fail("shard_bytes", reason);
        }
        if self.shard_bytes > MAX_SHARD_BYTES {
            return fail("shard_bytes", format!("{} is above {MAX_SHARD_BYTES}", self.shard_bytes));
        }
        if i64::try_from(self.seed).is_err() {
            // `corpus.toml` keeps it, and TOML has no larger numbers.
            return fail("seed", format!("{} is above {}", self.seed, i64::MAX));
        }
        let SplitShares { train, valid, test } = self.split_shares;
        let shares = [train, valid, test];
        if shares.iter().any(|share| !(0.0..=1e9).contains(share)) || train <= 0.0 {
            return fail("split_shares", format!("{shares:?} are not shares with a part for training"));
        }
        Ok(())
    }
}

fn samples(seconds: f64) -> u64 {
    (seconds * f64::from(audio::SAMPLE_RATE)).round() as u64
}

impl JobShare {
    pub(crate) fn check(self) -> Result<(), CorpusError> {
        if self.index < self.count {
            return Ok(());
        }
        let reason = format!("there is no job {self}: jobs are numbered from 1 to their count");
        Err(CorpusError::Setting { name: "shard", reason })
    }

    /// Whether the item at `position`, counted from 0, is this job's.
    pub fn takes(self, position: usize) -> bool {
        position % self.count == self.index
    }

    /// The jobs out of `count` that have one of these items, by number. None when `count` is 0.
    pub fn of_items(count: usize, positions: &[usize]) -> Vec<Self> {
        (0..count)
            .map(|index| Self { index, count })
            .filter(|share| positions.iter().any(|&position| share.takes(position)))
            .collect()
    }
}

//! The first two passes of `prepare`.
//!
//! *Survey*: hash every file, and see what is plainly broken. *Decode*: make the part of every recording that has none yet, many at a
//! time, each streamed in constant memory. Answers stand in the order of the index, whichever thread was first.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use files::ContentHash;
use rayon::prelude::*;

use crate::containment::Containment;
use crate::part::{Part, Parts};
use crate::prepare::QUARANTINE;
use crate::shards::Decoded;
use crate::survey::{Fault, Surveyed, look_at_piece};
use crate::{CorpusError, JobShare, PrepareRequest, Progress, Quarantined, Reason, Recording, assemble};

/// What decoding came to; `None` for recordings of other jobs.
pub(crate) type Outcome = Option<Result<Decoded, Fault>>;

/// What the passes work on.
pub(crate) struct Passes<'a> {
    request: &'a PrepareRequest,
    share: Option<JobShare>,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) progress: &'a (dyn Fn(Progress<'_>) + Sync),
    recordings: &'a [Recording],
    /// Recordings that this call looks at.
    total: usize,
}

impl<'a> Passes<'a> {
    /// `share` is the part of the recordings that this call looks at.
    pub(crate) fn new(
        request: &'a PrepareRequest,
        share: Option<JobShare>,
        stop: &'a AtomicBool,
        progress: &'a (dyn Fn(Progress<'_>) + Sync),
        recordings: &'a [Recording],
    ) -> Self {
        let mut passes = Self { request, share, stop, progress, recordings, total: 0 };
        passes.total = (0..recordings.len()).filter(|&position| passes.takes(position)).count();
        passes
    }

    fn takes(&self, position: usize) -> bool {
        self.share.is_none_or(|share| share.takes(position))
    }

    fn interrupted(&self, done: usize) -> CorpusError {
        CorpusError::Interrupted { done, total: self.total }
    }

    /// The content hash of every file, or why it is plainly broken.
    pub(crate) fn survey(&self, containment: Option<&Containment>) -> Result<Vec<Surveyed>, CorpusError> {
        let done = AtomicUsize::new(0);
        let look = |(position, recording): (usize, &Recording)| {
            if !self.takes(position) {
                return Ok(None);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(self.interrupted(0));
            }
            let outside = containment.and_then(|containment| containment.fault(&recording.path));
            let found = outside.map_or_else(|| look_at_piece(recording), Err);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(Progress::Hashed { done, total: self.total });
            Ok(Some(found))
        };
        self.recordings.par_iter().enumerate().with_max_len(1).map(look).collect()
    }

    /// Fails where recordings that can be read have no part yet, naming the jobs out of `jobs` they belong to.
    pub(crate) fn refuse_missing(
        &self,
        jobs: usize,
        surveyed: &[Surveyed],
        parts: &Parts<'_>,
    ) -> Result<(), CorpusError> {
        let is_missing = |position: &usize| match &surveyed[*position] {
            Some(Ok(content)) => parts.known(&parts.key(&self.recordings[*position], *content)).is_none(),
            _ => false,
        };
        let missing: Vec<usize> = (0..self.recordings.len()).filter(is_missing).collect();
        let Some(&first) = missing.first() else { return Ok(()) };
        Err(CorpusError::SharesMissing {
            shares: JobShare::of_items(jobs, &missing),
            what: "recordings",
            items: missing.len(),
            first: self.recordings[first].source.clone(),
        })
    }

    /// Makes the parts that are not there yet.
    pub(crate) fn decode(
        &self,
        surveyed: &[Surveyed],
        parts: &Parts<'_>,
    ) -> Result<Vec<Outcome>, CorpusError> {
        let done = AtomicUsize::new(0);
        let one = |(position, recording): (usize, &Recording)| {
            let is_ours = self.request.share.is_none_or(|share| share.takes(position));
            let Some(surveyed) = surveyed[position].as_ref().filter(|_| is_ours) else { return Ok(None) };
            let outcome = match surveyed {
                Err(fault) => Err(fault.clone()),
                Ok(content) => {
                    let key = parts.key(recording, *content);
                    let part = match parts.known(&key) {
                        Some(part) => Some(part),
                        None if self.stop.load(Ordering::Relaxed) => None,
                        None => parts.make(recording, &key)?,
                    };
                    let Some(part) = part else {
                        return Err(self.interrupted(done.load(Ordering::Relaxed)));
                    };
                    self.judge(part, key, *content)
                }
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            match &outcome {
                Ok(decoded) => {
                    let seconds = decoded.samples as f64 / f64::from(audio::SAMPLE_RATE);
                    (self.progress)(Progress::Decoded { done, total: self.total, seconds });
                }
                Err((reason, detail)) => {
                    let (file, reason) = (recording.source.as_str(), *reason);
                    (self.progress)(Progress::Quarantined { done, total: self.total, file, reason, detail });
                }
            }
            Ok(Some(outcome))
        };
        // One recording a piece: a neighbour that lasts an hour must not hold up others.
        let outcomes: Vec<Result<Outcome, CorpusError>> =
            self.recordings.par_iter().enumerate().with_max_len(1).map(one).collect();
        // A real failure is told before an interruption, the first in the order of the index before later ones.
        let is_failure = |error: &CorpusError| !matches!(error, CorpusError::Interrupted { .. });
        let mut decoded = Vec::with_capacity(outcomes.len());
        let mut interrupted = None;
        for outcome in outcomes {
            match outcome {
                Ok(outcome) => decoded.push(outcome),
                Err(error) if is_failure(&error) => return Err(error),
                Err(_) => interrupted = Some(self.interrupted(done.load(Ordering::Relaxed))),
            }
        }
        interrupted.map_or(Ok(decoded), Err)
    }

    /// Whether the part is long enough to be of use here.
    fn judge(&self, part: Part, key: String, content: ContentHash) -> Result<Decoded, Fault> {
        match part {
            Part::Broken { reason, detail } => Err((reason, detail)),
            Part::Ready { samples, .. } if samples < self.request.settings.min_samples() => {
                let seconds = samples as f64 / f64::from(audio::SAMPLE_RATE);
                let detail =
                    format!("it lasts {seconds:.3} s, less than {} s", self.request.settings.min_seconds);
                Err((Reason::TooShort, detail))
            }
            Part::Ready { samples, clipped, audio_sha256 } => Ok(Decoded {
                recording: 0,
                key,
                content: content.to_string(),
                samples,
                clipped,
                audio_sha256,
            }),
        }
    }

    /// Parts the recordings that are there from those that cannot be used.
    pub(crate) fn sort_out(
        &self,
        outcomes: Vec<Outcome>,
    ) -> Result<(Vec<Decoded>, Vec<Quarantined>), CorpusError> {
        let (mut decoded, mut quarantine) = (Vec::new(), Vec::new());
        for (recording, outcome) in outcomes.into_iter().enumerate() {
            match outcome.ok_or_else(|| self.interrupted(recording))? {
                Ok(one) => decoded.push(Decoded { recording, ..one }),
                Err((reason, detail)) => {
                    let file = self.recordings[recording].source.clone();
                    quarantine.push(Quarantined { file, reason, detail });
                }
            }
        }
        Ok((decoded, quarantine))
    }

    /// Fails above the allowed share, or where nothing is left; the list is written either way.
    pub(crate) fn refuse_too_many(&self, quarantine: &[Quarantined], out: &Path) -> Result<(), CorpusError> {
        let allowed = self.request.max_quarantined_share;
        if quarantine.len() < self.total && quarantine.len() as f64 <= allowed * self.total as f64 {
            return Ok(());
        }
        let list = out.join(QUARANTINE);
        files::write_atomic(&list, assemble::json_lines(quarantine).as_bytes())?;
        let mut counts = std::collections::BTreeMap::<Reason, usize>::new();
        for entry in quarantine {
            *counts.entry(entry.reason).or_default() += 1;
        }
        let reasons: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        Err(CorpusError::TooManyQuarantined {
            quarantined: quarantine.len(),
            asked: self.total,
            reasons: reasons.join(", "),
            allowed,
            list,
        })
    }
}

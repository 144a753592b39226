//! From an index to a prepared corpus.
//!
//! Three passes. *Survey*: hash every file, and see what is plainly broken. *Decode*: make the part of every recording that has none
//! yet, many at a time, each streamed in constant memory. *Assemble*: lay the parts down in the order of the index ([`crate::assemble`]).
//! Every pass may be cut off anywhere; the next call goes on from the parts that are there. Order and bytes come from the index alone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use files::{ContentHash, FilesError};
use rayon::prelude::*;

use crate::part::{Part, Parts};
use crate::shards::Decoded;
use crate::survey::{Fault, fingerprint, look_at};
use crate::{
    CorpusError, Index, JobShare, PrepareReport, PrepareSettings, Prepared, Progress, Quarantined, Reason,
    Recording, assemble, links, manifest, manifest::Manifest, read_index,
};

/// What is asked of [`prepare`].
#[derive(Clone, Debug)]
pub struct PrepareRequest {
    /// Index file, or a folder per culture.
    pub index: PathBuf,
    /// Directory of the corpus.
    pub out: PathBuf,
    /// How to prepare.
    pub settings: PrepareSettings,
    /// Above this share of quarantined recordings the run fails.
    pub max_quarantined_share: f64,
    /// Decode only the share of one job among several, and do not assemble.
    pub share: Option<JobShare>,
    /// Replace a corpus of other sources or settings (and the codes made from it) instead of refusing.
    pub replace: bool,
}

impl PrepareRequest {
    /// A request with the usual settings; a tenth of the recordings may be broken.
    pub fn new(index: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            index: index.into(),
            out: out.into(),
            settings: PrepareSettings::default(),
            max_quarantined_share: 0.1,
            share: None,
            replace: false,
        }
    }
}

/// What a prepared directory may hold, and the directory of work files.
pub(crate) const PARTS: &str = "parts";
pub(crate) const CLIPS: &str = "clips.jsonl";
pub(crate) const QUARANTINE: &str = "quarantine.jsonl";
pub(crate) const REPORT: &str = "report.json";
pub(crate) const AUDIO: &str = "audio";
pub(crate) const CODES: &str = "codes";

/// Prepares a corpus, continues an interrupted run, or finds that there is nothing to do.
///
/// `stop` may be set at any time; what is done by then is kept, and the error is [`CorpusError::Interrupted`].
/// `progress` is called from several threads.
pub fn prepare(
    request: &PrepareRequest,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Prepared, CorpusError> {
    check(request)?;
    let index = read_index(&request.index, Some(&request.out))?;
    prepare_index(&index, request, stop, progress)
}

/// Prepares a corpus of the recordings in `index`, whatever list, adapter or join made it; else as [`prepare`].
/// The request's index only names where the list came from.
pub fn prepare_index(
    index: &Index,
    request: &PrepareRequest,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Prepared, CorpusError> {
    check(request)?;
    index.check(&request.index)?;
    let found = finished(&request.out)?;
    links::refuse(&request.out, [PARTS, CLIPS, QUARANTINE, REPORT, AUDIO, CODES])?;
    let run = Run { request, stop, progress, total: index.recordings.len() };
    let surveyed = run.survey(&index.recordings)?;
    let inputs = fingerprint(index, &surveyed);
    if let Some(manifest) = &found {
        let what = match (manifest.inputs == inputs, manifest.settings == request.settings) {
            (true, true) => return up_to_date(&request.out, manifest),
            (false, _) => "sources",
            (true, false) => "settings",
        };
        if !request.replace {
            return Err(CorpusError::OtherCorpus { out: request.out.clone(), what });
        }
    }
    let parts = Parts { folder: request.out.join(PARTS), settings: &request.settings, stop };
    std::fs::create_dir_all(&parts.folder).map_err(FilesError::io("create directory", &parts.folder))?;
    let outcomes = run.decode(&index.recordings, &surveyed, &parts)?;
    if let Some(share) = request.share {
        let of_share = outcomes.iter().enumerate().filter(|(position, _)| share.takes(*position));
        let (mut recordings, mut broken) = (0, 0);
        for (_, outcome) in of_share {
            recordings += 1;
            broken += usize::from(outcome.as_ref().is_none_or(Result::is_err));
        }
        return Ok(Prepared::ShareDecoded { recordings, broken });
    }
    let (decoded, quarantine) = run.sort_out(&index.recordings, outcomes)?;
    run.refuse_too_many(&quarantine, found.is_some())?;
    let job = assemble::Job { out: &request.out, parts: &parts, progress, index, inputs };
    job.run(&decoded, quarantine).map(Prepared::Built)
}

fn check(request: &PrepareRequest) -> Result<(), CorpusError> {
    request.settings.check()?;
    request.share.map_or(Ok(()), JobShare::check)?;
    if (0.0..=1.0).contains(&request.max_quarantined_share) {
        return Ok(());
    }
    let reason = format!("{} is not a share between 0 and 1", request.max_quarantined_share);
    Err(CorpusError::Setting { name: "max_quarantined_share", reason })
}

/// The manifest of what is there; refuses a directory that holds things of others.
fn finished(out: &Path) -> Result<Option<Manifest>, CorpusError> {
    if out.join(manifest::FILE).exists() {
        return Manifest::read(out).map(Some);
    }
    let entries = match std::fs::read_dir(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        entries => entries.map_err(FilesError::io("list", out))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FilesError::io("list", out))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let is_unfinished = names.iter().any(|name| name == PARTS);
    let is_ours = |name: &String| {
        is_unfinished
            && ([PARTS, CLIPS, QUARANTINE, REPORT, AUDIO, CODES].contains(&name.as_str())
                || name.starts_with(".tmp-"))
    };
    match names.into_iter().find(|name| !is_ours(name)) {
        Some(found) => Err(CorpusError::Occupied { out: out.into(), found }),
        None => Ok(None),
    }
}

fn up_to_date(out: &Path, manifest: &Manifest) -> Result<Prepared, CorpusError> {
    // A run that was killed after its last write left its work files.
    assemble::remove_tree(&out.join(PARTS))?;
    crate::Corpus::open(out)?;
    let file = out.join(REPORT);
    let bytes = std::fs::read(&file).map_err(FilesError::io("read", &file))?;
    if files::hash_bytes(&bytes).to_string() != manifest.report_sha256 {
        return Err(CorpusError::damaged(file, "it is not the report that was written"));
    }
    let report: PrepareReport =
        serde_json::from_slice(&bytes).map_err(|error| CorpusError::damaged(file, error.to_string()))?;
    Ok(Prepared::UpToDate(report))
}

/// What decoding came to; `None` for recordings of other jobs.
type Outcome = Option<Result<Decoded, Fault>>;

struct Run<'a> {
    request: &'a PrepareRequest,
    stop: &'a AtomicBool,
    progress: &'a (dyn Fn(Progress<'_>) + Sync),
    total: usize,
}

impl Run<'_> {
    fn interrupted(&self, done: usize) -> CorpusError {
        CorpusError::Interrupted { done, total: self.total }
    }

    /// The content hash of every file, or why it is plainly broken.
    fn survey(&self, recordings: &[Recording]) -> Result<Vec<Result<ContentHash, Fault>>, CorpusError> {
        let done = AtomicUsize::new(0);
        let look = |recording: &Recording| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(self.interrupted(0));
            }
            let found = look_at(&recording.path);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(Progress::Hashed { done, total: self.total });
            Ok(found)
        };
        recordings.par_iter().with_max_len(1).map(look).collect()
    }

    /// Makes the parts that are not there yet.
    fn decode(
        &self,
        recordings: &[Recording],
        surveyed: &[Result<ContentHash, Fault>],
        parts: &Parts<'_>,
    ) -> Result<Vec<Outcome>, CorpusError> {
        let done = AtomicUsize::new(0);
        let one = |(position, recording): (usize, &Recording)| {
            if self.request.share.is_some_and(|share| !share.takes(position)) {
                return Ok(None);
            }
            let outcome = match &surveyed[position] {
                Err(fault) => Err(fault.clone()),
                Ok(content) => {
                    let key = parts.key(&recording.path, *content);
                    let part = match parts.known(&key) {
                        Some(part) => Some(part),
                        None if self.stop.load(Ordering::Relaxed) => None,
                        None => parts.make(&recording.path, &recording.source, &key)?,
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
                    (self.progress)(Progress::Quarantined { file, reason, detail });
                }
            }
            Ok(Some(outcome))
        };
        // One recording a piece: a neighbour that lasts an hour must not hold up others.
        let outcomes: Vec<Result<Outcome, CorpusError>> =
            recordings.par_iter().enumerate().with_max_len(1).map(one).collect();
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

    fn sort_out(
        &self,
        recordings: &[Recording],
        outcomes: Vec<Outcome>,
    ) -> Result<(Vec<Decoded>, Vec<Quarantined>), CorpusError> {
        let (mut decoded, mut quarantine) = (Vec::new(), Vec::new());
        for (recording, outcome) in outcomes.into_iter().enumerate() {
            match outcome.ok_or_else(|| self.interrupted(recording))? {
                Ok(one) => decoded.push(Decoded { recording, ..one }),
                Err((reason, detail)) => {
                    let file = recordings[recording].source.clone();
                    quarantine.push(Quarantined { file, reason, detail });
                }
            }
        }
        Ok((decoded, quarantine))
    }

    fn refuse_too_many(&self, quarantine: &[Quarantined], is_replacing: bool) -> Result<(), CorpusError> {
        let allowed = self.request.max_quarantined_share;
        if quarantine.len() < self.total && quarantine.len() as f64 <= allowed * self.total as f64 {
            return Ok(());
        }
        // A corpus that would have been replaced stays as it is, its quarantine too.
        let folder = if is_replacing { self.request.out.join(PARTS) } else { self.request.out.clone() };
        let list = folder.join(QUARANTINE);
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

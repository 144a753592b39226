//! From an index to a prepared corpus.
//!
//! Survey and decode ([`crate::passes`]), then lay the parts down in the order of the index ([`crate::assemble`]).
//! Every pass may be cut off anywhere; the next call goes on from the parts that are there. Order and bytes come from the index alone.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use files::FilesError;

use crate::containment::Containment;
use crate::part::Parts;
use crate::passes::Passes;
use crate::saved_splits::keep_splits_within;
use crate::survey::{Surveyed, fingerprint};
use crate::{
    CorpusError, Index, JobShare, PrepareReport, PrepareSettings, Prepared, Progress, assemble, links,
    manifest, manifest::Manifest, read_index, replace,
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
    /// Only put together what this many jobs decoded; fails with [`CorpusError::SharesMissing`] where one did not finish.
    pub assemble: Option<usize>,
    /// Folders that recordings may lie in beside the folder of the index. What leads elsewhere is quarantined unopened.
    pub audio_roots: Vec<PathBuf>,
    /// A file that keeps the splits of recordings whose index states none: they are read there, or drawn and written.
    pub splits: Option<PathBuf>,
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
            assemble: None,
            audio_roots: Vec::new(),
            splits: None,
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
    let mut index = read_index(&request.index, Some(&request.out))?;
    let containment = Containment::of(&request.index, &request.audio_roots)?;
    if let Some(file) = &request.splits {
        let PrepareSettings { split_shares, seed, .. } = request.settings;
        keep_splits_within(&mut index, file, split_shares, seed, Some(&containment))?;
    }
    prepare_within(Some(&containment), &index, request, stop, progress)
}

/// Prepares a corpus of the recordings in `index`, whatever list, adapter or join made it; else as [`prepare`].
/// The request's index only names where the list came from; the caller answers for where its paths lead.
pub fn prepare_index(
    index: &Index,
    request: &PrepareRequest,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Prepared, CorpusError> {
    prepare_within(None, index, request, stop, progress)
}

fn prepare_within(
    containment: Option<&Containment>,
    index: &Index,
    request: &PrepareRequest,
    stop: &AtomicBool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Prepared, CorpusError> {
    check(request)?;
    index.check(&request.index)?;
    let found = finished(&request.out)?;
    links::refuse(&request.out, [PARTS, CLIPS, QUARANTINE, REPORT, AUDIO, CODES])?;
    // A job that only decodes its share need not read what the others decode, unless there is a corpus to compare with.
    let share = request.share.filter(|_| found.is_none());
    let passes = Passes::new(request, share, stop, progress, &index.recordings);
    let surveyed = passes.survey(containment)?;
    let build = |out: &Path| build(out, index, request, &passes, &surveyed);
    let Some(manifest) = found else { return build(&request.out) };
    let inputs = fingerprint(index, &surveyed);
    let is_same = |manifest: &Manifest| (manifest.inputs == inputs, manifest.settings == request.settings);
    let what = match is_same(&manifest) {
        (true, true) => {
            // What an interrupted replacement by something else left.
            files::remove_directory(&replace::beside(&request.out))?;
            return up_to_date(&request.out, &manifest).map(Prepared::UpToDate);
        }
        (false, _) => "sources",
        (true, false) => "settings",
    };
    if !request.replace {
        return Err(CorpusError::OtherCorpus { out: request.out.clone(), what });
    }
    replace::replace(&request.out, |next| match Manifest::read(next) {
        // Whole already: the run that made it was killed before it could take its place.
        Ok(made) if request.share.is_none() && is_same(&made) == (true, true) => {
            up_to_date(next, &made).map(Prepared::Built)
        }
        _ => build(next),
    })
}

/// Makes the corpus in `out`, which holds none, or an unfinished one.
fn build(
    out: &Path,
    index: &Index,
    request: &PrepareRequest,
    passes: &Passes<'_>,
    surveyed: &[Surveyed],
) -> Result<Prepared, CorpusError> {
    let (stop, progress) = (passes.stop, passes.progress);
    let parts = Parts { folder: out.join(PARTS), settings: &request.settings, stop };
    files::create_directories(&parts.folder)?;
    if let Some(jobs) = request.assemble {
        passes.refuse_missing(jobs, surveyed, &parts)?;
    }
    let outcomes = passes.decode(surveyed, &parts)?;
    if request.share.is_some() {
        let recordings = outcomes.iter().flatten().count();
        let broken = outcomes.iter().flatten().filter(|outcome| outcome.is_err()).count();
        return Ok(Prepared::ShareDecoded { recordings, broken });
    }
    let (decoded, quarantine) = passes.sort_out(outcomes)?;
    passes.refuse_too_many(&quarantine, out)?;
    let inputs = fingerprint(index, surveyed);
    let job = assemble::Job { out, parts: &parts, progress, index, inputs };
    job.run(&decoded, quarantine).map(Prepared::Built)
}

fn check(request: &PrepareRequest) -> Result<(), CorpusError> {
    request.settings.check()?;
    request.share.map_or(Ok(()), JobShare::check)?;
    let wrong = |reason: &str| Err(CorpusError::Setting { name: "assemble", reason: reason.into() });
    match request.assemble {
        Some(0) => return wrong("0 jobs have decoded nothing; name how many there were"),
        Some(_) if request.share.is_some() => return wrong("a job that decodes its share does not assemble"),
        _ => {}
    }
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

fn up_to_date(out: &Path, manifest: &Manifest) -> Result<PrepareReport, CorpusError> {
    // A run that was killed after its last write left its work files.
    files::remove_directory(&out.join(PARTS))?;
    crate::Corpus::open(out)?;
    let file = out.join(REPORT);
    let bytes = std::fs::read(&file).map_err(FilesError::io("read", &file))?;
    if files::hash_bytes(&bytes).to_string() != manifest.report_sha256 {
        return Err(CorpusError::damaged(file, "it is not the report that was written"));
    }
    serde_json::from_slice(&bytes).map_err(|error| CorpusError::damaged(file, error.to_string()))
}

//! Sound: made, gathered or listed, then prepared.

use std::path::Path;

use corpus::datasets::{DataSetRequest, GatherRequest, GatherSet, gather};
use corpus::{CorpusError, PrepareRequest, Split, read_index};
use serde_json::json;
use study::Step;

use super::listing::listing;
use super::{Dones, Ground, done};
use crate::commands::prepare::prepare_with_bar;
use crate::commands::synth;
use crate::exit::{Interrupted, usage};
use crate::interrupt::stop_flag;
use crate::reproduce::graph::names;
use crate::reproduce::plan::{CorpusSource, PlannedCorpus};

/// Hours of a data set and minutes held out of it that are more than a rehearsal reads, for each recording.
const REHEARSED: (f64, f64) = (30.0 / 3600.0, 0.5);

pub(super) fn recordings_step(step: Step, ground: &Ground<'_>, corpus: usize) -> anyhow::Result<Step> {
    let corpus = &ground.plan.corpora[corpus];
    let mut step = step.input("seed", ground.plan.file.seed).input("limit", limit(ground));
    match &corpus.source {
        CorpusSource::Synth { minutes, piece_seconds } => {
            step = step.input("minutes", minutes).input("piece seconds", piece_seconds);
        }
        CorpusSource::Index { index, .. } => step = step.input("recordings", listing_of_index(index)?),
        CorpusSource::Gather { sets, held_out_minutes } => {
            step = step.input("held out minutes", held_out_minutes);
            for (set, hours) in sets {
                let stated =
                    json!({ "hours": hours, "split": set.split, "allow_missing": set.allow_missing });
                step = step
                    .input(format!("set {}", set.name), stated)
                    .input(format!("folder {}", set.name), listing(&set.folder)?);
            }
            for set in against(ground, corpus) {
                step = step.input(format!("against {}", set.name), listing(&set.folder)?);
            }
        }
        CorpusSource::Prepared(_) => {}
    }
    Ok(step)
}

/// Whether the corpus has such a step: sound that is made or gathered, or a part of an index for a rehearsal.
pub(crate) fn is_recorded(corpus: &PlannedCorpus, is_rehearsal: bool) -> bool {
    match corpus.source {
        CorpusSource::Synth { .. } | CorpusSource::Gather { .. } => true,
        CorpusSource::Index { .. } => is_rehearsal,
        CorpusSource::Prepared(_) => false,
    }
}

pub(super) fn record(ground: &Ground<'_>, corpus: usize, dir: &Path) -> anyhow::Result<()> {
    let corpus = &ground.plan.corpora[corpus];
    let file = &ground.plan.file;
    match &corpus.source {
        CorpusSource::Synth { minutes, piece_seconds } => {
            let rehearsal = ground.plan.rehearsal;
            let minutes = rehearsal.map_or(*minutes, |rehearsal| rehearsal.minutes(*minutes, *piece_seconds));
            let request = ::synth::PlanRequest::uniform(file.seed, minutes, *piece_seconds);
            synth::write(&synth::planned(&request)?, dir, ground.quiet)
        }
        CorpusSource::Gather { sets, held_out_minutes } => {
            let mut request = GatherRequest {
                sets: Vec::new(),
                against: Vec::new(),
                seed: file.seed,
                held_out_minutes: *held_out_minutes,
            };
            for (set, hours) in sets {
                request.sets.push(GatherSet {
                    name: set.name.clone(),
                    request: place(ground, set)?,
                    hours: *hours,
                });
            }
            for set in against(ground, corpus) {
                request.against.push((set.name.clone(), place(ground, set)?));
            }
            gathered(ground, request, dir)
        }
        CorpusSource::Index { index, .. } => {
            let mut listed = read_index(index, None)?;
            if let Some(rehearsal) = ground.plan.rehearsal {
                listed.recordings = rehearsal.recordings(listed.recordings);
            }
            let mut lines = String::new();
            for recording in &listed.recordings {
                let path = std::path::absolute(&recording.path)?;
                let mut line = json!({
                    "path": path, "culture": recording.culture, "split": recording.split, "group": recording.group,
                    "tags": recording.tags, "licence": recording.licence,
                });
                if let Some(cut) = recording.cut {
                    let (start, end) = cut.times();
                    line["start"] = start.into();
                    line["end"] = end.into();
                }
                lines.push_str(&line.to_string());
                lines.push('\n');
            }
            Ok(files::write_atomic(&dir.join("index.jsonl"), lines.as_bytes())?)
        }
        CorpusSource::Prepared(_) => Ok(()),
    }
}

fn gathered(ground: &Ground<'_>, mut request: GatherRequest, dir: &Path) -> anyhow::Result<()> {
    let limit = ground.plan.rehearsal.map(|rehearsal| rehearsal.limit);
    if let Some(limit) = limit {
        let (hours, minutes) = (REHEARSED.0 * limit as f64, REHEARSED.1 * limit as f64);
        request.held_out_minutes = request.held_out_minutes.min(minutes);
        for set in &mut request.sets {
            set.hours = Some(set.hours.map_or(hours, |asked| asked.min(hours)));
        }
    }
    let mut found = match gather(&request, stop_flag(), &|_| {}) {
        Err(CorpusError::Interrupted { .. }) => {
            return Err(Interrupted("nothing was gathered yet; the same command begins again".into()).into());
        }
        found => found?,
    };
    if let Some(limit) = limit {
        for set in &mut found.report.sets {
            let mut counts = std::collections::BTreeMap::new();
            set.files.retain(|file| {
                let count: &mut u64 = counts.entry(file.split).or_default();
                *count += 1;
                *count <= limit
            });
        }
    }
    for set in &found.report.sets {
        if !set.files.iter().any(|file| file.split == Split::Train) {
            return Err(usage(format!(
                "the data set `{}` has no recording to train on that is long enough",
                set.name
            )));
        }
        if set.falls_short && limit.is_none() {
            let asked = set.hours_asked.unwrap_or_default();
            ground.terminal.say(format!("{}: {asked} h asked, {:.2} h found", set.name, set.hours_found));
        }
    }
    let index = found.index(dir)?;
    let report = serde_json::to_string_pretty(&found.report)? + "\n";
    let (index_file, report_file) = (dir.join("index.jsonl"), dir.join("data-report.json"));
    Ok(files::write_together(&[(&index_file, index.as_bytes()), (&report_file, report.as_bytes())])?)
}

/// Where a data set lies; in a rehearsal whatever is there of it will do.
pub(super) fn place(
    ground: &Ground<'_>,
    set: &crate::reproduce::file::DataSetFile,
) -> anyhow::Result<DataSetRequest> {
    Ok(DataSetRequest {
        metadata: set.metadata.clone().or_else(|| ground.plan.file.metadata.clone()),
        allow_missing: set.allow_missing || ground.plan.rehearsal.is_some(),
        split: set.mtat_split().map_err(usage)?,
        ..DataSetRequest::new(&set.folder)
    })
}

/// Data sets that are evaluated on and not gathered from: nothing of theirs may be trained on either.
fn against<'a>(
    ground: &'a Ground<'_>,
    corpus: &PlannedCorpus,
) -> impl Iterator<Item = &'a crate::reproduce::file::DataSetFile> {
    let gathered: Vec<String> = match &corpus.source {
        CorpusSource::Gather { sets, .. } => sets.iter().map(|(set, _)| set.name.clone()).collect(),
        _ => Vec::new(),
    };
    let file = &ground.plan.file;
    file.datasets.iter().filter(move |set| {
        let is_evaluated = file.evaluations.iter().any(|evaluation| evaluation.datasets.contains(&set.name));
        is_evaluated && !gathered.contains(&set.name)
    })
}

pub(super) fn corpus_step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    corpus: usize,
) -> anyhow::Result<Step> {
    let corpus = &ground.plan.corpora[corpus];
    let of_index = || match &corpus.source {
        CorpusSource::Index { index, .. } => listing_of_index(index),
        _ => Err(anyhow::anyhow!("the corpus `{}` has no index", corpus.name)),
    };
    let recordings = if is_recorded(corpus, ground.plan.rehearsal.is_some()) {
        done(dones, &names::recordings(&corpus.name))?.output_hash.clone()
    } else {
        of_index()?
    };
    Ok(step.input("recordings", recordings))
}

pub(super) fn prepare(ground: &Ground<'_>, dones: &Dones, corpus: usize, dir: &Path) -> anyhow::Result<()> {
    let corpus = &ground.plan.corpora[corpus];
    let recorded = is_recorded(corpus, ground.plan.rehearsal.is_some());
    let index = match (&corpus.source, recorded) {
        (CorpusSource::Index { index, .. }, false) => index.clone(),
        _ => done(dones, &names::recordings(&corpus.name))?.dir.join("index.jsonl"),
    };
    let mut request = PrepareRequest::new(index, dir.join("corpus"));
    match &corpus.source {
        CorpusSource::Index { index, audio_roots } => {
            request.audio_roots.clone_from(audio_roots);
            if recorded {
                let folder = if index.is_dir() { Some(index.as_path()) } else { index.parent() };
                let named = folder.filter(|folder| !folder.as_os_str().is_empty());
                request.audio_roots.push(named.unwrap_or(Path::new(".")).to_path_buf());
            }
        }
        CorpusSource::Gather { sets, .. } => {
            request.audio_roots.extend(sets.iter().map(|(set, _)| set.folder.clone()));
        }
        CorpusSource::Synth { .. } | CorpusSource::Prepared(_) => {}
    }
    prepare_with_bar(&request, ground.quiet)?;
    Ok(())
}

/// What an index lists, with the size of every recording.
fn listing_of_index(index: &Path) -> anyhow::Result<String> {
    let listed = read_index(index, None)?;
    let lines: Vec<String> = listed
        .recordings
        .iter()
        .map(|recording| {
            let size = std::fs::metadata(&recording.path).map_or(0, |file| file.len());
            format!(
                "{} {} {:?} {:?} {:?} {:?} {:?} {size}",
                recording.source,
                recording.culture,
                recording.split,
                recording.cut,
                recording.group,
                recording.tags,
                recording.licence
            )
        })
        .collect();
    Ok(files::hash_bytes(lines.join("\n").as_bytes()).to_string())
}

fn limit(ground: &Ground<'_>) -> String {
    ground.plan.rehearsal.map_or("none".into(), |rehearsal| rehearsal.limit.to_string())
}

//! Evaluation steps: data sets opened and hashed once, features of each model, then probes of all models together, for they are compared in pairs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use study::evaluation::{Evaluation, Role};
use study::{Done, Step};

use super::listing::listing;
use super::{Dones, Ground, Subject, corpora, done};
use crate::evaluation::{
    Baseline, Contents, DataArgument, EvaluationPlan, EvaluationSet, Extractor, FeatureSettings, Normalise,
    OpenRequest, Splits, Subject as Row, evaluate, keep_features,
};
use crate::exit::usage;
use crate::inputs::open_model;
use crate::reproduce::file::EvaluationFile;
use crate::reproduce::graph::names;
use crate::reproduce::plan::CorpusSource;

/// Length of a window where the study states none, seconds.
const WINDOW: f64 = 30.0;
/// Files of the steps.
const SETS: &str = "sets.json";
const EVALUATION: &str = "evaluation.json";

/// What was found when the sets were opened.
#[derive(Serialize, Deserialize)]
struct Opened {
    /// Hash of everything probes depend on, by set.
    fingerprints: BTreeMap<String, String>,
    /// Hashes of the recordings' contents.
    contents: Contents,
}

/// What is asked of sets: names with places, as `evaluate --data` takes them.
fn arguments(
    ground: &Ground<'_>,
    dones: Option<&Dones>,
    evaluation: &EvaluationFile,
) -> anyhow::Result<Vec<DataArgument>> {
    let mut arguments = Vec::new();
    for name in &evaluation.datasets {
        let set = ground.plan.file.datasets.iter().find(|set| set.name == *name);
        let path = set.map(|set| set.folder.clone()).unwrap_or_default();
        arguments.push(DataArgument { name: name.clone(), path, tags: None });
    }
    for set in &evaluation.sets {
        let path = match (&set.path, dones) {
            (Some(path), _) if set.corpus.is_empty() => path.clone(),
            (None, Some(dones)) if !set.corpus.is_empty() => ground.corpus_dir(dones, &set.corpus)?,
            (None, None) if !set.corpus.is_empty() => PathBuf::new(),
            _ => return Err(usage(format!("the set `{}` needs one of `corpus` and `path`", set.name))),
        };
        arguments.push(DataArgument { name: set.name.clone(), path, tags: set.tags.clone() });
    }
    for (at, argument) in arguments.iter().enumerate() {
        if arguments[..at].iter().any(|before| before.name == argument.name) {
            return Err(usage(format!("two sets of `{}` are called `{}`", evaluation.name, argument.name)));
        }
    }
    Ok(arguments)
}

pub(super) fn sets_step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
) -> anyhow::Result<Step> {
    let evaluation = &ground.plan.file.evaluations[evaluation];
    let limit = ground.plan.rehearsal.map(|rehearsal| rehearsal.limit);
    let mut step =
        step.input("limit", format!("{limit:?}")).input("split by group", evaluation.split_by_group);
    for argument in arguments(ground, Some(dones), evaluation)? {
        let set = evaluation.sets.iter().find(|set| set.name == argument.name);
        let place = match set.filter(|set| !set.corpus.is_empty()) {
            Some(set) => ground.corpus_hash(dones, &set.corpus)?,
            None => listing(&argument.path)?,
        };
        step = step.input(format!("set {}", argument.name), format!("{place} {:?}", argument.tags));
        if let Some(known) = ground.plan.file.datasets.iter().find(|known| known.name == argument.name) {
            let request = corpora::place(ground, known)?;
            let metadata = request.metadata.map_or(Ok("none".into()), |folder| listing(&folder))?;
            let facts = format!("{metadata} {} {}", request.split, request.allow_missing);
            step = step.input(format!("metadata {}", argument.name), facts);
        }
    }
    Ok(step)
}

pub(super) fn open_sets(
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    dir: &Path,
) -> anyhow::Result<()> {
    let sets = opened(ground, dones, evaluation, Contents::new())?;
    let fingerprints = sets.iter().map(|set| (set.name.clone(), set.fingerprint())).collect();
    let contents = sets.iter().map(|set| (set.name.clone(), set.contents())).collect();
    let found = Opened { fingerprints, contents };
    Ok(files::write_json(&dir.join(SETS), &serde_json::to_string(&found)?)?)
}

/// The sets, with the contents' hashes that are known already.
fn opened(
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    contents: Contents,
) -> anyhow::Result<Vec<EvaluationSet>> {
    let file = &ground.plan.file;
    let evaluation = &file.evaluations[evaluation];
    let base = OpenRequest {
        metadata: file.metadata.clone(),
        allow_missing: ground.plan.rehearsal.is_some(),
        splits: if evaluation.split_by_group { Splits::Group } else { Splits::Corpus },
        split_seed: file.seed,
        most: ground.plan.rehearsal.map(|rehearsal| rehearsal.limit),
        contents,
        ..OpenRequest::default()
    };
    let open = |argument: &DataArgument| {
        let known = file.datasets.iter().find(|known| known.name == argument.name);
        let Some(known) = known else { return base.open(argument) };
        let place = corpora::place(ground, known)?;
        let request = OpenRequest {
            metadata: place.metadata,
            allow_missing: place.allow_missing,
            mtat_split: place.split,
            ..base.clone()
        };
        request.open(argument)
    };
    arguments(ground, Some(dones), evaluation)?.iter().map(open).collect()
}

/// Inputs of features and of probes: sets, models, windows.
pub(super) fn step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    subjects: &[Subject],
) -> anyhow::Result<Step> {
    let file = &ground.plan.file.evaluations[evaluation];
    let mut step = step
        .input("sets", &done(dones, &names::sets(&file.name))?.output_hash)
        .input("features", serde_json::to_string(&feature_settings(file)?)?);
    for (place, subject) in subjects.iter().enumerate() {
        let hash = ground.model_hash(dones, &subject.name)?;
        step = step.input(format!("model {place} {}", subject.title), hash);
    }
    Ok(step)
}

fn feature_settings(file: &EvaluationFile) -> anyhow::Result<FeatureSettings> {
    let window = file.window.unwrap_or(WINDOW);
    if !(0.1..=3600.0).contains(&window) {
        return Err(usage(format!(
            "the window of `{}` is {window}, not from 0.1 to 3600 seconds",
            file.name
        )));
    }
    Ok(FeatureSettings {
        rule: evaluate::WindowRule::MarbleV1,
        window_seconds: window,
        hop_seconds: window,
        normalise: Normalise::Auto,
        batch: 4,
    })
}

fn plan(
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    subjects: &[Subject],
) -> anyhow::Result<EvaluationPlan> {
    let file = &ground.plan.file.evaluations[evaluation];
    let path = done(dones, &names::sets(&file.name))?.dir.join(SETS);
    let text = std::fs::read(&path).map_err(files::FilesError::io("read", &path))?;
    let known: Opened = serde_json::from_slice(&text)?;
    let sets = opened(ground, dones, evaluation, known.contents)?;
    for set in &sets {
        let (found, kept) = (set.fingerprint(), known.fingerprints.get(&set.name));
        if kept != Some(&found) {
            anyhow::bail!("the data set `{}` has changed while the study ran; run it again", set.name);
        }
    }
    let mut rows = Vec::new();
    for subject in subjects {
        let directory = open_model(&ground.model_dir(dones, &subject.name)?)?;
        let extractor = Extractor::of_model(&directory, ground.device)?;
        rows.push(Row { name: subject.title.clone(), role: Role::Model, extractor });
    }
    Ok(EvaluationPlan {
        subjects: rows,
        with_chance: false,
        sets,
        features: feature_settings(file)?,
        probe: ground.plan.evaluation_config(file),
        cache: ground.out.join("features"),
    })
}

/// Features of one model on every set: into the folder that all evaluations of the study share.
pub(super) fn embed(
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    subject: &Subject,
    dir: &Path,
) -> anyhow::Result<()> {
    let plan = plan(ground, dones, evaluation, std::slice::from_ref(subject))?;
    let kept = keep_features(&plan, None, ground.quiet)?;
    Ok(files::write_json(&dir.join("features.json"), &serde_json::to_string_pretty(&kept)?)?)
}

pub(super) fn probe_all(
    ground: &Ground<'_>,
    dones: &Dones,
    evaluation: usize,
    subjects: &[Subject],
    dir: &Path,
) -> anyhow::Result<()> {
    let file = &ground.plan.file.evaluations[evaluation];
    let mut plan = plan(ground, dones, evaluation, subjects)?;
    for &baseline in &file.baselines {
        plan.with_chance |= baseline == Baseline::Chance;
        let like = || {
            let first = subjects.first().context("an evaluation has a model")?;
            open_model(&ground.model_dir(dones, &first.name)?)
        };
        plan.subjects.extend(baseline.subject(like, ground.device)?);
    }
    let found = evaluate(&plan, ground.terminal)?;
    Ok(files::write_json(&dir.join(EVALUATION), &serde_json::to_string_pretty(&found)?)?)
}

/// What an evaluation found.
pub(crate) fn evaluation_of(done: &Done) -> anyhow::Result<Evaluation> {
    let file = done.dir.join(EVALUATION);
    let text = std::fs::read(&file).map_err(files::FilesError::io("read", &file))?;
    Ok(serde_json::from_slice(&text)?)
}

/// Corpora of the study that the sets of an evaluation are made of and that it prepares itself.
pub(crate) fn corpora_of(plan: &crate::reproduce::StudyPlan, evaluation: &EvaluationFile) -> Vec<String> {
    let named =
        evaluation.sets.iter().filter(|set| !set.corpus.is_empty()).map(|set| plan.corpus(&set.corpus));
    let made = named.filter(|corpus| !matches!(corpus.source, CorpusSource::Prepared(_)));
    made.map(|corpus| names::corpus(&corpus.name)).collect()
}

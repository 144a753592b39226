//! From the steps' outputs to the one value the report is made of.

use std::collections::BTreeMap;
use std::path::Path;

use corpus::{Corpus, Split};
use pretrain::{Log, LogLine, RunFolder, TrainPlan};
use study::paper::PaperSet;
use study::results::{
    CultureData, CurvePoint, DataDescription, LossChange, ModelResult, StageResult, TokenizerFacts,
    TrainingRun,
};

use super::models::{Planned, WESTERN};
use super::training::TrainedModel;

/// The recordings, as the report describes them.
pub(crate) fn describe(corpus: &Corpus, traditions: &[&str]) -> DataDescription {
    let cultures = traditions
        .iter()
        .map(|&name| {
            let (label, paper_set) = label_of(name);
            let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
            let mut recordings: BTreeMap<String, u64> = BTreeMap::new();
            for range in corpus.recordings() {
                let clips = &corpus.clips()[range];
                if clips[0].culture == name {
                    let split = split_name(clips[0].split).to_owned();
                    *recordings.entry(split.clone()).or_default() += 1;
                    *seconds.entry(split).or_default() +=
                        clips.iter().map(corpus::Clip::seconds).sum::<f64>();
                }
            }
            CultureData {
                name: name.into(),
                label: label.into(),
                western: name == WESTERN,
                paper_set,
                seconds,
                recordings,
                licence: synth::LICENCE.into(),
            }
        })
        .collect();
    DataDescription {
        synthetic: true,
        description:
            "Pieces made by a program from the theory of five traditions. No musician was recorded; the \
                      numbers say how the method behaves in this software, not how it does on music."
                .into(),
        licence: synth::LICENCE.into(),
        cultures,
    }
}

fn label_of(name: &str) -> (&str, Option<PaperSet>) {
    match name {
        "turkish-makam" => ("Turkish makam", Some(PaperSet::Makam)),
        "hindustani" => ("Hindustani", Some(PaperSet::Hindustani)),
        "carnatic" => ("Carnatic", Some(PaperSet::Carnatic)),
        "greek" => ("Greek", Some(PaperSet::Lyra)),
        "western" => ("Western", Some(PaperSet::Mtat)),
        other => (other, None),
    }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Valid => "valid",
        Split::Test => "test",
    }
}

/// The tokenizer, as the report describes it.
pub(crate) fn tokenizer(tokenizer: &dyn codec::Tokenizer) -> TokenizerFacts {
    TokenizerFacts {
        name: tokenizer.name().into(),
        hash: tokenizer.hash().into(),
        n_codebooks: tokenizer.n_codebooks() as u32,
        n_entries: tokenizer.n_entries() as u32,
        frame_rate: 75.0,
        fitted_on: "the training pieces of all five traditions".into(),
    }
}

/// A trained model and its curves, from its run's log.
pub(crate) fn trained(
    planned: &Planned,
    trained: &TrainedModel,
) -> anyhow::Result<(ModelResult, Vec<TrainingRun>)> {
    let run = trained.run();
    let lines = Log::read(&RunFolder::at(&run).log())?;
    let totals = planned.plan.totals();
    let mut stages = Vec::new();
    let mut runs = Vec::new();
    let reports = parameters(&trained.model(), &planned.plan)?;
    for (index, (stage, total)) in planned.plan.stages.iter().zip(&totals).enumerate() {
        stages.push(StageResult {
            name: stage.name.clone(),
            updates: stage.updates,
            trained_parameters: reports.by_stage[index],
            audio_seconds: total.hours * 3600.0,
            replay_share: stage.data.replay.as_ref().map_or(0.0, |replay| replay.share),
            peak_learning_rate: stage.schedule.peak(),
            seconds: seconds_of(&lines, &stage.name),
        });
        runs.push(TrainingRun {
            model: planned.name.clone(),
            stage: stage.name.clone(),
            points: points(&lines, total.updates_before, stage.updates),
        });
    }
    let model = ModelResult {
        name: planned.name.clone(),
        kind: planned.kind,
        recipe: planned.recipe,
        trained_on: planned.trained_on.clone(),
        lambda: None,
        parameters: reports.in_all,
        stages,
        held_out: held_out(&lines, planned.plan.updates()),
        seconds: trained.done.seconds,
    };
    Ok((model, runs))
}

struct Parameters {
    in_all: u64,
    by_stage: Vec<u64>,
}

/// Parameters a run trained, stage by stage, from the model it wrote.
fn parameters(model: &Path, plan: &TrainPlan) -> anyhow::Result<Parameters> {
    let directory = weights::ModelDirectory::open(model)?;
    let (encoder, _) = directory.tensors()?;
    let heads = directory.heads()?.unwrap_or_default();
    let sizes: Vec<(&str, usize)> =
        encoder.iter().chain(heads.iter()).map(|(name, tensor)| (name.as_str(), tensor.data.len())).collect();
    let names: Vec<&str> = sizes.iter().map(|(name, _)| *name).collect();
    let by_stage = plan
        .stages
        .iter()
        .map(|stage| {
            let chosen = pretrain::trainable(&stage.name, &stage.trainable, &stage.frozen, &names)?;
            Ok(sizes
                .iter()
                .zip(chosen)
                .filter(|(_, trains)| *trains)
                .map(|((_, size), _)| *size as u64)
                .sum())
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Parameters { in_all: sizes.iter().map(|(_, size)| *size as u64).sum(), by_stage })
}

fn seconds_of(lines: &[LogLine], stage: &str) -> f64 {
    lines
        .iter()
        .map(|line| match line {
            LogLine::Update(record) if record.stage == stage => record.seconds.total,
            _ => 0.0,
        })
        .sum()
}

/// The curve of the stage that follows `before` updates. A measurement at its border belongs to both stages.
fn points(lines: &[LogLine], before: u64, updates: u64) -> Vec<CurvePoint> {
    let mut points: BTreeMap<u64, CurvePoint> = BTreeMap::new();
    for line in lines.iter().filter(|line| (before..=before + updates).contains(&line.update())) {
        let update = line.update() - before;
        let point = || CurvePoint { update, loss: None, learning_rate: None, held_out: BTreeMap::new() };
        match line {
            LogLine::Update(record) if update > 0 => {
                let point = points.entry(update).or_insert_with(point);
                point.loss = Some(record.loss.total).filter(|loss| loss.is_finite());
                point.learning_rate = Some(record.learning_rate);
            }
            LogLine::HeldOut(record) => {
                let point = points.entry(update).or_insert_with(point);
                point.held_out.insert(record.culture.clone(), record.loss.total);
            }
            LogLine::Update(_) | LogLine::RolledBack(_) | LogLine::Drift(_) => {}
        }
    }
    points.into_values().collect()
}

/// Held-out loss of every tradition before the first and after the last update.
fn held_out(lines: &[LogLine], updates: u64) -> BTreeMap<String, LossChange> {
    let mut changes: BTreeMap<String, (Option<f64>, Option<f64>)> = BTreeMap::new();
    for line in lines {
        if let LogLine::HeldOut(record) = line {
            let change = changes.entry(record.culture.clone()).or_default();
            if record.update == 0 {
                change.0 = Some(record.loss.total);
            }
            if record.update == updates {
                change.1 = Some(record.loss.total);
            }
        }
    }
    changes
        .into_iter()
        .filter_map(|(culture, change)| Some((culture, LossChange { before: change.0?, after: change.1? })))
        .collect()
}

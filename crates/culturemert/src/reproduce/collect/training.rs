//! Models and their curves, from the logs of their runs.

use std::collections::BTreeMap;
use std::path::Path;

use pretrain::{Log, LogLine, RunFolder, TrainPlan};
use study::results::{CurvePoint, LossChange, ModelResult, StageResult, TrainingRun};

use crate::reproduce::graph::names;
use crate::reproduce::models::PlannedModel;
use crate::reproduce::steps::{Dones, Ground, done, run_folder};

/// A model and its curves, from its run's log; of one that lies there what can be told.
pub(super) fn of_model(
    ground: &Ground<'_>,
    dones: &Dones,
    planned: &PlannedModel,
) -> anyhow::Result<(ModelResult, Vec<TrainingRun>)> {
    let directory = ground.model_dir(dones, &planned.name)?;
    let Some(plan) = &planned.plan else {
        let (encoder, _) = weights::ModelDirectory::open(&directory)?.tensors()?;
        let parameters = encoder.iter().map(|(_, tensor)| tensor.data.len() as u64).sum();
        return Ok((
            ModelResult {
                name: planned.name.clone(),
                kind: planned.kind,
                recipe: planned.recipe,
                trained_on: Vec::new(),
                lambda: None,
                parameters,
                stages: Vec::new(),
                held_out: BTreeMap::new(),
                seconds: 0.0,
            },
            Vec::new(),
        ));
    };
    let done = done(dones, &names::train(&planned.name))?;
    let lines = Log::read(&RunFolder::at(&run_folder(done)).log())?;
    let totals = plan.totals();
    let (mut stages, mut runs) = (Vec::new(), Vec::new());
    let reports = parameters(&directory, plan)?;
    for (index, (stage, total)) in plan.stages.iter().zip(&totals).enumerate() {
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
        held_out: held_out(&lines, plan.updates()),
        seconds: done.seconds,
    };
    Ok((model, runs))
}

/// Loss of every tradition on held-out crops after training.
pub(crate) fn last_losses(dones: &Dones, planned: &PlannedModel) -> anyhow::Result<BTreeMap<String, f64>> {
    let Some(plan) = &planned.plan else { return Ok(BTreeMap::new()) };
    let done = done(dones, &names::train(&planned.name))?;
    let lines = Log::read(&RunFolder::at(&run_folder(done)).log())?;
    let changes = held_out(&lines, plan.updates());
    Ok(changes.into_iter().map(|(culture, change)| (culture, change.after)).collect())
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

//! Training steps.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pretrain::{Event, HeadsFile, HeadsFrom, Init, Outcome, RunFolder, RunRequest, run};
use study::{Done, Step};
use weights::ModelDirectory;

use super::{Dones, Ground, done};
use crate::exit::Interrupted;
use crate::interrupt::stop_flag;
use crate::reproduce::graph::names;
use crate::reproduce::models::{Origin, PlannedModel};

/// The folder of the run that a step made.
pub(crate) fn run_folder(done: &Done) -> PathBuf {
    done.dir.join("run")
}

pub(super) fn step(step: Step, ground: &Ground<'_>, dones: &Dones, model: usize) -> anyhow::Result<Step> {
    let model = &ground.plan.models[model];
    let plan = model.plan.as_ref().context("a model that lies there is not trained")?;
    let codes = done(dones, &names::codes(&model.corpus, &model.tokenizer))?;
    let mut step = step
        .input("plan", plan.to_toml())
        .input("corpus", ground.corpus_hash(dones, &model.corpus)?)
        .input("codes", &codes.output_hash)
        .volatile("log.jsonl")
        .volatile("events.*");
    let (init, heads) = match &model.origin {
        Origin::Model(from) => (ground.model_hash(dones, from)?, heads_of(ground, from)),
        _ => ("scratch".into(), None),
    };
    step = step.input("init", init);
    if let Some((heads, fresh)) = heads {
        if let Some(heads) = heads {
            step = step.input("heads", super::listing::listing(&heads)?);
        }
        step = step.input("fresh heads", fresh);
    }
    Ok(step)
}

/// Where the heads of a base that lies there come from, and whether they are drawn.
fn heads_of(ground: &Ground<'_>, name: &str) -> Option<(Option<PathBuf>, bool)> {
    match &ground.plan.model(name)?.origin {
        Origin::Given { heads, fresh_heads, .. } => Some((heads.clone(), *fresh_heads)),
        _ => None,
    }
}

/// Trains a model; a training that was cut off goes on.
pub(super) fn train(ground: &Ground<'_>, dones: &Dones, model: usize, dir: &Path) -> anyhow::Result<()> {
    let model: &PlannedModel = &ground.plan.models[model];
    let plan = model.plan.as_ref().context("a model that lies there is not trained")?;
    let out = dir.join("run");
    // A run that has its model is at its end: an attempt before this one was cut off while it tidied up.
    if RunFolder::at(&out).model().exists() {
        return Ok(files::remove_directory(&out.join("checkpoints"))?);
    }
    let (corpus, tokenizer) = ground.open_codes(dones, &model.corpus, &model.tokenizer)?;
    let (base, heads) = match &model.origin {
        Origin::Model(from) => {
            let base = ModelDirectory::open(&ground.model_dir(dones, from)?)?;
            (Some(base), heads_of(ground, from))
        }
        _ => (None, None),
    };
    let (file, is_fresh) = heads.unwrap_or_default();
    let file = file.map(|file| HeadsFile::open(&file)).transpose()?;
    let heads = match (&file, is_fresh) {
        (Some(file), _) => HeadsFrom::File(file),
        (None, true) => HeadsFrom::Fresh,
        (None, false) => HeadsFrom::Model,
    };
    let request = RunRequest {
        plan,
        corpus: &corpus,
        tokenizer: &tokenizer,
        init: base.as_ref().map_or(Init::Scratch, |base| Init::Model(base, heads)),
        out: &out,
        resume: RunFolder::at(&out).holds_run(),
        accept_drift: false,
        device: ground.device.clone(),
        ranks: &pretrain::Alone,
        stop: stop_flag(),
    };
    let mut notice = |event: Event<'_>| {
        if let Event::Notice(text) = event {
            ground.terminal.say(format!("{}: {text}", model.name));
        }
    };
    match run(&request, &mut notice)? {
        // The model stands; what was needed to go on does not enter the step's output.
        Outcome::Finished(_) => Ok(files::remove_directory(&out.join("checkpoints"))?),
        Outcome::Interrupted(_) => {
            Err(Interrupted("training is saved; the same command goes on".into()).into())
        }
    }
}

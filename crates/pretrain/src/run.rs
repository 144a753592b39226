//! A run: what it is asked, what it tells, how it ends; the loop itself is in `sitting`.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use corpus::Corpus;
use mert::{Mert, Precision};

use crate::init::Init;
use crate::loader::Loader;
use crate::ranks::{Company, Ranks};
use crate::sitting::{Opened, Sitting};
use crate::{HeldOutRecord, PretrainError, RunFolder, RunIdentity, TrainPlan, TrainableReport, UpdateRecord};

/// A run to begin or to go on with.
pub struct RunRequest<'a> {
    /// What to do.
    pub plan: &'a TrainPlan,
    /// What to hear.
    pub corpus: &'a Corpus,
    /// Hash of the tokenizer whose codes are predicted.
    pub tokenizer: &'a str,
    /// What to begin with.
    pub init: Init<'a>,
    /// Folder of the run.
    pub out: &'a Path,
    /// Whether the folder holds a run to go on with, from its newest whole checkpoint or, without one, from the start.
    pub resume: bool,
    /// Whether to go on although plan, corpus, tokenizer or initial weights are not what the run was begun with; it is recorded.
    pub accept_drift: bool,
    /// Where the model computes; without a gradient tape.
    pub device: Device,
    /// The processes that train together: `&Alone`, or one of several, each of which makes this request.
    pub ranks: &'a dyn Ranks,
    /// Set from outside, on any rank, to end after the update at hand, with a checkpoint; loading and measuring end sooner.
    pub stop: &'a AtomicBool,
}

/// What happens during a run, for whoever watches. Every rank tells it; what the first tells is enough to show.
pub enum Event<'a> {
    /// The run goes on after this many updates.
    Resumed(u64),
    /// Something a user should know.
    Notice(String),
    /// A stage begins and trains these parameters.
    Stage(&'a TrainableReport),
    /// An update was made.
    Update(&'a UpdateRecord),
    /// Held-out crops were measured.
    HeldOut(&'a HeldOutRecord),
    /// A probe is due. It is told before the checkpoint of the same update, and again where a run goes on from an older one.
    Probe(ProbeDue<'a>),
}

/// The model as it is when a probe is due.
pub struct ProbeDue<'a> {
    /// Updates completed.
    pub update: u64,
    /// Name of the stage that was running, or is about to.
    pub stage: &'a str,
    /// The model, without a gradient tape.
    pub model: &'a Mert,
}

/// How a run ended.
pub enum Outcome {
    /// All updates were made and the model was written.
    Finished(Finished),
    /// It was asked to stop and can be resumed after this many updates; after 0 there is no checkpoint, and it begins again.
    Interrupted(u64),
}

/// A finished run.
pub struct Finished {
    /// Content hash of the model.
    pub model_hash: String,
    /// Seconds trained, over all sittings.
    pub seconds: f64,
    /// Parameters trained in each stage.
    pub trained_parameters: Vec<(String, usize)>,
}

/// Runs the plan to its end or until it is stopped.
pub fn run(request: &RunRequest<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<Outcome, PretrainError> {
    let compute = request.plan.precision.compute;
    if !mert::computes_in(&request.device, compute.precision()) {
        let message = format!("this device does not compute in {compute}; `float32` it does");
        return Err(PretrainError::plan("precision.compute", message));
    }
    sit(request, compute.precision(), watch)
}

/// As [`run`], computing in `precision` whatever the plan names.
pub(crate) fn sit(
    request: &RunRequest<'_>,
    precision: Precision,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, PretrainError> {
    Company(request.ranks).conclude(sit_down(request, precision, watch))
}

fn sit_down(
    request: &RunRequest<'_>,
    precision: Precision,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, PretrainError> {
    let RunRequest { plan, corpus, .. } = request;
    let company = Company(request.ranks);
    let identity = RunIdentity {
        init_path: request.init.path(),
        ranks: company.size(),
        card: mert::device::card_name(&request.device),
        ..RunIdentity::new(plan, &request.init.identity()?, &corpus.content_hash(), request.tokenizer)
    };
    // A wrong folder or a drift is told before anything is loaded, and nothing is written before everything is.
    let mut changes = Vec::new();
    let begun = if request.resume && !RunFolder::is_stillborn(request.out) {
        let folder = RunFolder::open(request.out)?;
        changes = folder.differences(plan, &identity)?;
        if !changes.is_empty() && !request.accept_drift {
            return Err(PretrainError::Drift { run: request.out.into(), changes });
        }
        changes.extend(folder.other_roundings(&identity)?);
        Some(folder)
    } else if RunFolder::at(request.out).holds_run() {
        return Err(PretrainError::RunExists(request.out.into()));
    } else {
        None
    };
    let codes = corpus.codes(request.tokenizer)?;
    let (model, notices) = request.init.build(plan, &request.device.clone().autodiff())?;
    for notice in notices {
        watch(Event::Notice(notice));
    }
    let model = model.with_precision(precision).with_recomputation(plan.precision.recompute);
    let loader = Loader::new(plan, corpus, &codes, &model)?;
    let resumes = begun.is_some();
    // Everybody has looked at the folder before one of them writes into it.
    company.same("the run is of", &(&identity.plan, &identity.init, &identity.corpus, &identity.codec))?;
    company.same("`--resume` on a folder that holds a run is", &resumes)?;
    let folder = match begun {
        Some(folder) => folder,
        None if company.writes() => RunFolder::create(request.out, plan, &identity)?,
        None => RunFolder::at(request.out),
    };
    company.meet()?;
    let opened = Opened { folder: &folder, identity: &identity, resumes, writes: true, changes };
    match Sitting::open(request, opened, model, &loader, watch)? {
        Ok(mut sitting) => sitting.train(watch),
        Err(update) => Ok(Outcome::Interrupted(update)),
    }
}

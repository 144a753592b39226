//! The loop: stage after stage, update after update, with what is measured, written and saved along the way.
//!
//! One update: `accumulation` micro-batches forward and backward, gradients summed and divided by the masked frames of all, global norm,
//! clip, Adam, weights to the model. A loader thread keeps the next micro-batches ready; what they hold depends on their number alone.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use burn::tensor::Device;
use corpus::{Corpus, Crop, Sampler};
use mert::{Mert, Objective, StepDraws, silent};

use crate::init::Init;
use crate::loader::{Loaded, Loader, Position};
use crate::measure::HeldOutSet;
use crate::model_io::write_model;
use crate::tally::Tally;
use crate::trained::Trained;
use crate::wording::{objective, regularisation, sampler_plan};
use crate::{
    Clip, ClipRule, GradientSum, HeldOutRecord, Log, LogLine, OptimizerState, PretrainError, RunFolder,
    RunIdentity, StagePlan, TensorBoard, Timing, TrainPlan, TrainState, TrainableReport, UpdateRecord,
    gradient_norm, memory,
};

/// Micro-batches the loader may be ahead.
const AHEAD: usize = 3;

/// What the loader sends: a micro-batch and the crops it was made of.
type Sent = Result<(Vec<Crop>, Loaded), PretrainError>;

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
    /// Whether the folder holds a run to go on with.
    pub resume: bool,
    /// Where the model computes; without a gradient tape.
    pub device: Device,
    /// Set from outside to end after the update at hand, with a checkpoint.
    pub stop: &'a AtomicBool,
}

/// What happens during a run, for whoever watches.
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
}

/// How a run ended.
pub enum Outcome {
    /// All updates were made and the model was written.
    Finished(Finished),
    /// It was asked to stop and can be resumed after this many updates.
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
    let RunRequest { plan, corpus, .. } = request;
    let identity =
        RunIdentity::new(plan, &request.init.identity()?, &corpus.content_hash(), request.tokenizer);
    let folder = if request.resume {
        RunFolder::resume(request.out, plan, &identity)?
    } else {
        RunFolder::create(request.out, plan, &identity)?
    };
    let codes = corpus.codes(request.tokenizer)?;
    let (model, notices) = request.init.build(plan, &request.device.clone().autodiff())?;
    notices.into_iter().for_each(|notice| watch(Event::Notice(notice)));
    let loader = Loader::new(plan, corpus, &codes, model.config())?;
    let mut sitting = Sitting::open(request, &folder, model, &loader, watch)?;
    sitting.train(watch)
}

/// One sitting of a run: from a checkpoint, or the beginning, to the end or an interruption.
struct Sitting<'a> {
    request: &'a RunRequest<'a>,
    folder: &'a RunFolder,
    loader: &'a Loader<'a>,
    held_out: HeldOutSet,
    objective: Objective,
    model: Option<Mert>,
    trained: Trained,
    log: Log,
    board: TensorBoard,
    state: TrainState,
    reports: Vec<(String, usize)>,
    begun: Instant,
    seconds_before: f64,
}

impl<'a> Sitting<'a> {
    fn open(
        request: &'a RunRequest<'a>,
        folder: &'a RunFolder,
        model: Mert,
        loader: &'a Loader<'a>,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, PretrainError> {
        let plan = request.plan;
        let mut trained = Trained::of(&model);
        let mut state = TrainState {
            update: 0,
            stage: 0,
            stage_update: 0,
            optimizer_step: 0,
            skipped: 0,
            loss_scaler: None,
            seconds: 0.0,
        };
        let newest = folder.checkpoints(plan.checkpoints.keep).newest()?;
        for skipped in &newest.skipped {
            let path = skipped.path.display();
            watch(Event::Notice(format!(
                "checkpoint `{path}` is damaged and left aside: {}",
                skipped.reason
            )));
        }
        if let Some(checkpoint) = newest.checkpoint.filter(|_| request.resume) {
            trained.restore(checkpoint.weights()?, checkpoint.optimizer()?, &checkpoint.path)?;
            state = checkpoint.state;
        }
        if request.resume {
            watch(Event::Resumed(state.update));
        }
        let held_out = HeldOutSet::load(plan, request.corpus, loader)?;
        if !held_out.not_measured().is_empty() {
            watch(Event::Notice(format!(
                "no crops are held out of: {}; their loss is not measured",
                held_out.not_measured().join(", ")
            )));
        }
        Ok(Self {
            request,
            folder,
            loader,
            held_out,
            objective: objective(plan),
            model: Some(trained.write_to(model)),
            trained,
            log: Log::open(&folder.log(), state.update)?,
            board: TensorBoard::open(&folder.tensorboard(), state.update)?,
            seconds_before: state.seconds,
            state,
            reports: Vec::new(),
            begun: Instant::now(),
        })
    }

    fn train(&mut self, watch: &mut dyn FnMut(Event<'_>)) -> Result<Outcome, PretrainError> {
        let plan = self.request.plan;
        if self.state.update == 0 && plan.measuring_is_due(0) {
            self.measure(0, &plan.stages[0].name, watch)?;
        }
        for (index, stage) in plan.stages.iter().enumerate() {
            let within = match plan.position(self.state.update) {
                Some((at, within)) if at == index => within,
                // A stage of an earlier sitting is only counted.
                _ => {
                    let report = self.trained.report(stage)?;
                    self.reports.push((stage.name.clone(), report.parameters));
                    continue;
                }
            };
            let state = if within == 0 { stage.optimizer_state } else { OptimizerState::Kept };
            let report = self.trained.begin_stage(stage, state)?;
            watch(Event::Stage(&report));
            self.reports.push((stage.name.clone(), report.parameters));
            if let Some(update) = self.train_stage(index, stage, within, watch)? {
                return Ok(Outcome::Interrupted(update));
            }
        }
        let model = self.model.as_ref().expect("the model is only away during a step");
        self.log.sync()?;
        let model_hash = write_model(self.folder, model, plan, self.request.init, self.request.corpus)?;
        self.board.flush()?;
        Ok(Outcome::Finished(Finished {
            model_hash,
            seconds: self.seconds(),
            trained_parameters: std::mem::take(&mut self.reports),
        }))
    }

    /// Trains a stage from its update `within`; `Some` when it was interrupted.
    fn train_stage(
        &mut self,
        index: usize,
        stage: &StagePlan,
        within: u64,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<u64>, PretrainError> {
        let plan = self.request.plan;
        let clips = self.request.corpus.clips();
        let sampler = Sampler::new(clips, &sampler_plan(plan, index, stage, self.request.corpus))?;
        for material in sampler.material().iter().filter(|material| material.falls_short()) {
            watch(Event::Notice(format!(
                "stage `{}`: {} has fewer hours than the plan asks for; all there is will be read",
                stage.name, material.culture
            )));
        }
        let model = self.model.take().expect("the model is only away during a step");
        self.model = Some(self.trained.freeze(model));
        let mut sum = GradientSum::new(&self.trained.sizes());
        let loader = self.loader;
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let sampler = &sampler;
            scope.spawn(move || load_ahead(loader, sampler, index, stage, within, &sender));
            for stage_update in within..stage.updates {
                self.update(index, stage, stage_update, &receiver, &mut sum, watch)?;
                let completed = self.state.update;
                if plan.measuring_is_due(completed) {
                    self.measure(completed, &stage.name, watch)?;
                }
                let stopped = self.request.stop.load(Ordering::Relaxed);
                if stopped || plan.checkpoint_is_due(completed) {
                    self.save()?;
                }
                if stopped && completed < plan.updates() {
                    return Ok(Some(completed));
                }
            }
            Ok(None)
        })
    }

    fn update(
        &mut self,
        index: usize,
        stage: &StagePlan,
        stage_update: u64,
        receiver: &Receiver<Sent>,
        sum: &mut GradientSum,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), PretrainError> {
        let plan = self.request.plan;
        let begun = Instant::now();
        let number = self.state.update + 1;
        let (mut loading, mut tally, mut present) = (0.0, Tally::default(), Vec::new());
        sum.clear();
        let model = self.model.as_ref().expect("the model is only away during a step");
        for micro_batch in 0..stage.accumulation {
            let waiting = Instant::now();
            let (crops, loaded) =
                receiver.recv().expect("the loader sends every micro-batch of the stage or an error")?;
            loading += waiting.elapsed().as_secs_f64();
            let draws = StepDraws {
                seed: plan.run.seed,
                position: [index as u64, stage_update, micro_batch as u64],
                regularisation: regularisation(plan),
            };
            let parts = model.loss(&loaded.batch(), &self.objective, Some(&draws), &mut silent)?;
            let total = parts.value();
            if !total.is_finite() {
                let crops = self.loader.describe(&crops);
                return Err(PretrainError::LossNotFinite { update: number, loss: total, crops });
            }
            tally.add(&parts, total);
            let (gradients, has_gradient) = self.trained.gradients(model, &parts.total.backward());
            let lent: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
            sum.add(&lent, parts.n_frames);
            present = if present.is_empty() {
                has_gradient
            } else {
                present.iter().zip(has_gradient).map(|(&a, b)| a || b).collect()
            };
        }
        let norm = gradient_norm(&sum.sums(), sum.scale()).global;
        let clip = Clip { max_norm: stage.clip_norm, rule: ClipRule::Float32 };
        let factor = clip.factor_of_finite(norm, number)?;
        let rate = stage.schedule.rate(stage_update);
        self.trained.step(&stage.adam, sum, &present, rate, sum.scale() * factor);
        let model = self.model.take().expect("the model is only away during a step");
        self.model = Some(self.trained.write_to(model));

        self.state.update = number;
        self.state.stage = index;
        self.state.stage_update = stage_update + 1;
        self.state.optimizer_step = self.trained.steps();
        let total = begun.elapsed().as_secs_f64();
        let memory = memory();
        let record = UpdateRecord {
            update: number,
            stage: stage.name.clone(),
            stage_update: stage_update + 1,
            skipped: false,
            loss: tally.losses(),
            accuracy: tally.accuracies(),
            masked_frames: tally.masked_frames(),
            gradient_norm: norm,
            clip_factor: factor,
            learning_rate: rate,
            loss_scale: None,
            memory_bytes: memory.map(|memory| memory.current),
            memory_peak_bytes: memory.map(|memory| memory.peak),
            seconds: Timing { loading, computing: total - loading, total },
            audio_seconds_per_second: stage.batch() as f64 * plan.crop.seconds / total,
        };
        watch(Event::Update(&record));
        self.write(&LogLine::Update(record))
    }

    fn measure(
        &mut self,
        completed: u64,
        stage: &str,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), PretrainError> {
        let model = self.model.as_ref().expect("the model is only away during a step");
        for record in self.held_out.measure(model, &self.objective, completed, stage)? {
            watch(Event::HeldOut(&record));
            self.write(&LogLine::HeldOut(record))?;
        }
        Ok(())
    }

    fn write(&mut self, line: &LogLine) -> Result<(), PretrainError> {
        self.log.write(line)?;
        self.board.write(line)
    }

    /// The log goes to disk first: a checkpoint must not know of updates the log has lost.
    fn save(&mut self) -> Result<(), PretrainError> {
        self.log.sync()?;
        self.board.flush()?;
        self.state.seconds = self.seconds();
        let checkpoints = self.folder.checkpoints(self.request.plan.checkpoints.keep);
        self.trained.lend(|weights, optimizer| checkpoints.save(&self.state, weights, optimizer))?;
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }
}

/// Reads the micro-batches of a stage in their order; ends when nobody listens any more.
fn load_ahead(
    loader: &Loader<'_>,
    sampler: &Sampler<'_>,
    index: usize,
    stage: &StagePlan,
    within: u64,
    sender: &SyncSender<Sent>,
) {
    for update in within..stage.updates {
        let crops = sampler.batch(update);
        for (micro_batch, crops) in crops.chunks(stage.micro_batch).enumerate() {
            let position = Position::Training([index as u64, update, micro_batch as u64]);
            let loaded = loader.load(crops, position).map(|loaded| (crops.to_vec(), loaded));
            let failed = loaded.is_err();
            if sender.send(loaded).is_err() || failed {
                return;
            }
        }
    }
}

//! One sitting of a run: from a checkpoint, or the beginning, to the end or an interruption; stage after stage, update after update, with
//! what is measured, written and saved along the way.
//!
//! A loader thread keeps the next micro-batches ready; what they hold depends on their number alone. A stop is heeded before each update,
//! between held-out batches, and while held-out crops are loaded; an update that has begun is finished. A measurement that is cut off is
//! made whole by the sitting that goes on.
//!
//! Of several ranks each loads and trains its part of every update (`ranks`), the first alone writes, and a stop that one of them is asked
//! for is heeded by all at the same place.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use corpus::{Crop, Sampler};
use mert::{Mert, Objective};

use crate::loader::{Loaded, Loader, Position};
use crate::measure::HeldOutSet;
use crate::model_io::write_model;
use crate::ranks::{Company, dealt};
use crate::record::{Difference, DriftRecord};
use crate::run::{Event, Finished, Outcome, ProbeDue, RunRequest};
use crate::trained::Trained;
use crate::wording::{objective, sampler_plan};
use crate::{
    Checkpoints, LogLine, OptimizerState, PretrainError, RunFolder, RunIdentity, StagePlan, TrainState,
    TrainableReport,
};

mod books;
mod update;

use books::Books;

/// Micro-batches the loader may be ahead.
const AHEAD: usize = 3;

/// What the loader sends: a micro-batch and the crops it was made of.
type Sent = Result<(Vec<Crop>, Loaded), PretrainError>;

/// A run's folder as it was found.
pub(crate) struct Opened<'a> {
    pub(crate) folder: &'a RunFolder,
    pub(crate) identity: &'a RunIdentity,
    /// Whether the run was begun before.
    pub(crate) resumes: bool,
    /// Whether anything is to be written by whoever writes.
    pub(crate) writes: bool,
    /// What is not as it was then, and accepted.
    pub(crate) changes: Vec<Difference>,
}

pub(crate) struct Sitting<'a> {
    request: &'a RunRequest<'a>,
    company: Company<'a>,
    folder: &'a RunFolder,
    loader: &'a Loader<'a>,
    held_out: HeldOutSet,
    objective: Objective,
    model: Option<Mert>,
    trained: Trained,
    /// Where this rank writes for all.
    books: Option<Books>,
    state: TrainState,
    /// Update of the checkpoint on disk that is as the run is, if there is one.
    saved: Option<u64>,
    reports: Vec<(String, usize)>,
    begun: Instant,
    seconds_before: f64,
}

impl<'a> Sitting<'a> {
    /// Loads what there is; `Err` holds the completed updates when it was asked to stop meanwhile.
    pub(crate) fn open(
        request: &'a RunRequest<'a>,
        opened: Opened<'a>,
        model: Mert,
        loader: &'a Loader<'a>,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Result<Self, u64>, PretrainError> {
        let plan = request.plan;
        let Opened { folder, identity, resumes, writes, changes } = opened;
        let company = Company(request.ranks);
        let mut trained = Trained::of(&model);
        let mut state = TrainState::default();
        let mut saved = None;
        if resumes {
            let newest = folder.checkpoints(plan.checkpoints.retention()).newest()?;
            for skipped in &newest.skipped {
                let path = skipped.path.display();
                watch(Event::Notice(format!(
                    "checkpoint `{path}` is damaged and left aside: {}",
                    skipped.reason
                )));
            }
            if let Some(checkpoint) = newest.checkpoint {
                trained.restore(checkpoint.weights()?, checkpoint.optimizer()?, &checkpoint.path)?;
                state = checkpoint.state;
                saved = Some(state.update);
            }
            company.same("the newest checkpoint is of update", &state.update)?;
            match (company.writes(), changes.is_empty()) {
                (true, true) => folder.keep_plan(plan)?,
                (true, false) => {
                    folder.accept(plan, identity, DriftRecord { update: state.update, changes })?;
                }
                (false, _) => {}
            }
            watch(Event::Resumed(state.update));
        }
        let Some(held_out) = HeldOutSet::load(plan, request.corpus, loader, company, request.stop)? else {
            return Ok(Err(state.update));
        };
        if !held_out.not_measured().is_empty() {
            watch(Event::Notice(format!(
                "no crops are held out of: {}; their loss is not measured",
                held_out.not_measured().join(", ")
            )));
        }
        let books = (writes && company.writes()).then(|| Books::open(folder, &state)).transpose()?;
        if books.is_some() {
            for change in folder.identity()?.drifts.iter().flat_map(|drift| &drift.changes) {
                watch(Event::Notice(format!("the run goes on although {change}")));
            }
        }
        Ok(Ok(Self {
            request,
            company,
            folder,
            loader,
            held_out,
            objective: objective(plan),
            model: Some(trained.write_to(model)),
            trained,
            books,
            seconds_before: state.seconds,
            state,
            saved,
            reports: Vec::new(),
            begun: Instant::now(),
        }))
    }

    pub(crate) fn train(&mut self, watch: &mut dyn FnMut(Event<'_>)) -> Result<Outcome, PretrainError> {
        let plan = self.request.plan;
        let is_first = self.state.update == 0;
        if self.state.unmeasured || is_first && plan.measuring_is_due(0) {
            let was_cut_off = self.state.unmeasured;
            let stage = &plan.stages[self.state.stage.min(plan.stages.len() - 1)];
            if !self.measure(&stage.name, watch)? {
                return Ok(Outcome::Interrupted(self.state.update));
            }
            if was_cut_off {
                self.save()?;
            }
        }
        if is_first && plan.probing_is_due(0) {
            self.probe(&plan.stages[0].name, watch);
        }
        if is_first && plan.checkpoint_is_due(0) && self.saved.is_none() {
            self.save()?;
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
            let report = self.begin_stage(stage, within)?;
            watch(Event::Stage(&report));
            self.reports.push((stage.name.clone(), report.parameters));
            if let Some(update) = self.train_stage(index, stage, within, watch)? {
                return Ok(Outcome::Interrupted(update));
            }
        }
        let model_hash = self.finish()?;
        Ok(Outcome::Finished(Finished {
            model_hash,
            seconds: self.seconds(),
            trained_parameters: std::mem::take(&mut self.reports),
        }))
    }

    /// Measures once and makes the updates of the first stage: a run of which nothing is kept.
    pub(crate) fn rehearse(&mut self, watch: &mut dyn FnMut(Event<'_>)) -> Result<(), PretrainError> {
        let stage = &self.request.plan.stages[0];
        if self.measure(&stage.name, watch)? {
            self.begin_stage(stage, 0)?;
            self.train_stage(0, stage, 0, watch)?;
        }
        Ok(())
    }

    /// Writes the model; returns its hash.
    fn finish(&mut self) -> Result<String, PretrainError> {
        let mut written = None;
        if let Some(books) = &mut self.books {
            books.sync()?;
            let model = self.model.as_ref().expect("the model is only away during a step");
            let drifts = self.folder.identity()?.drifts;
            let RunRequest { plan, init, corpus, .. } = self.request;
            written = Some(write_model(self.folder, model, plan, *init, corpus, &drifts)?);
        }
        let said = self.company.exchange(written)?;
        Ok(said.into_iter().flatten().next().expect("one rank writes"))
    }

    /// Chooses what trains; at the stage's first update also what is remembered from before.
    fn begin_stage(&mut self, stage: &StagePlan, within: u64) -> Result<TrainableReport, PretrainError> {
        let moments = if within == 0 { stage.optimizer_state } else { OptimizerState::Kept };
        let report = self.trained.begin_stage(stage, moments)?;
        if within == 0 {
            self.state.stage_steps = 0;
            self.state.health.begin_stage();
        }
        let anew = self.request.plan.precision.loss_scaler(stage.accumulation);
        let old = self.state.loss_scaler.take().filter(|_| moments == OptimizerState::Kept);
        self.state.loss_scaler = anew.map(|anew| old.unwrap_or(anew));
        Ok(report)
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
        let sampler = Sampler::new(clips, &sampler_plan(plan, index, stage, clips))?;
        for material in sampler.material().iter().filter(|material| material.falls_short()) {
            watch(Event::Notice(format!(
                "stage `{}`: {} has fewer hours than the plan asks for; all there is will be read",
                stage.name, material.culture
            )));
        }
        let (rank, size) = (self.company.rank(), self.company.size());
        if stage.accumulation < size {
            watch(Event::Notice(format!(
                "stage `{}`: an update has micro-batches for {} of the {size} ranks; `accumulation` says how many there are",
                stage.name, stage.accumulation
            )));
        }
        let share = dealt(stage.accumulation, rank, size);
        let model = self.model.take().expect("the model is only away during a step");
        self.model = Some(self.trained.freeze(model));
        let mut sum = self.trained.gradient_sum();
        let loader = self.loader;
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let sampler = &sampler;
            let mine = share.clone();
            scope.spawn(move || load_ahead(loader, sampler, (index, stage, mine), within, &sender));
            for stage_update in within..stage.updates {
                if self.company.any(self.request.stop.load(Ordering::Relaxed))? {
                    return self.interrupt().map(Some);
                }
                let rolled_back =
                    self.update((index, stage, stage_update), &share, &receiver, &mut sum, watch)?;
                let completed = self.state.update;
                if plan.probing_is_due(completed) {
                    self.probe(&stage.name, watch);
                }
                let measured = !plan.measuring_is_due(completed) || self.measure(&stage.name, watch)?;
                if rolled_back || plan.checkpoint_is_due(completed) {
                    self.state.anchor = completed;
                    self.save()?;
                }
                if !measured {
                    return self.interrupt().map(Some);
                }
            }
            Ok(None)
        })
    }

    /// Saves what is not saved; returns the completed updates.
    fn interrupt(&mut self) -> Result<u64, PretrainError> {
        if self.state.update > 0 && self.saved != Some(self.state.update) {
            self.save()?;
        }
        Ok(self.state.update)
    }

    /// Measures the held-out crops; false when it was cut off, of which the log then shows nothing.
    fn measure(&mut self, stage: &str, watch: &mut dyn FnMut(Event<'_>)) -> Result<bool, PretrainError> {
        let model = self.model.as_ref().expect("the model is only away during a step");
        let at = (self.state.update, stage);
        let records = self.held_out.measure(model, &self.objective, at, self.company, self.request.stop)?;
        self.state.unmeasured = records.is_none();
        for record in records.into_iter().flatten() {
            watch(Event::HeldOut(&record));
            self.write(&LogLine::HeldOut(record))?;
        }
        Ok(!self.state.unmeasured)
    }

    /// Lends the model to whoever probes it; nothing of the run depends on what comes of that.
    fn probe(&self, stage: &str, watch: &mut dyn FnMut(Event<'_>)) {
        let model = self.model.as_ref().expect("the model is only away during a step");
        watch(Event::Probe(ProbeDue { update: self.state.update, stage, model: &model.without_tape() }));
    }

    fn write(&mut self, line: &LogLine) -> Result<(), PretrainError> {
        self.books.as_mut().map_or(Ok(()), |books| books.write(line))
    }

    /// The log goes to disk first: a checkpoint must not know of updates the log has lost. No rank goes on before it is written, and none
    /// whose weights are not those that are written.
    fn save(&mut self) -> Result<(), PretrainError> {
        if self.company.size() > 1 {
            self.company.same("weights and moments have the hash", &self.trained.hash())?;
        }
        self.state.seconds = self.seconds();
        if let Some(books) = &mut self.books {
            books.sync()?;
            let checkpoints = self.checkpoints();
            self.trained.lend(|weights, optimizer| checkpoints.save(&self.state, weights, optimizer))?;
        }
        self.company.meet()?;
        self.saved = Some(self.state.update);
        Ok(())
    }

    fn checkpoints(&self) -> Checkpoints {
        self.folder.checkpoints(self.request.plan.checkpoints.retention())
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }
}

/// Reads this rank's micro-batches of a stage in their order; ends when nobody listens any more.
fn load_ahead(
    loader: &Loader<'_>,
    sampler: &Sampler<'_>,
    (index, stage, mine): (usize, &StagePlan, Range<usize>),
    within: u64,
    sender: &SyncSender<Sent>,
) {
    for update in within..stage.updates {
        let crops = sampler.batch(update);
        let micro_batches = crops.chunks(stage.micro_batch).enumerate();
        for (micro_batch, crops) in micro_batches.take(mine.end).skip(mine.start) {
            let position = Position::Training([index as u64, update, micro_batch as u64]);
            let loaded = loader.load(crops, position).map(|loaded| (crops.to_vec(), loaded));
            let failed = loaded.is_err();
            if sender.send(loaded).is_err() || failed {
                return;
            }
        }
    }
}

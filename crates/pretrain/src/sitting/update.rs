//! One update: `accumulation` micro-batches forward and backward, gradients summed and divided by the masked frames of all, global norm,
//! verdict, clip, Adam, weights to the model; and what is done when it is not healthy (`health` states the rules).

use std::sync::mpsc::Receiver;
use std::time::Instant;

use corpus::Crop;
use mert::{StepDraws, silent};

use super::{Sent, Sitting};
use crate::health::{SpikePolicy, named};
use crate::record::{CropRecord, RolledBackRecord};
use crate::run::Event;
use crate::tally::Tally;
use crate::wording::regularisation;
use crate::{
    Clip, GradientSum, LogLine, Losses, PretrainError, StagePlan, Timing, UpdateRecord, Verdict,
    gradient_norm, memory,
};

/// What the micro-batches of an update said.
struct Gathered {
    tally: Tally,
    /// Whether every loss was finite.
    is_finite: bool,
    /// Norm of the gradient of the mean loss, loss scale taken out; NaN when a loss was not finite.
    norm: f64,
    /// What the sums are to be multiplied by to give that gradient.
    scale: f64,
    /// Which trained parameters have a gradient.
    present: Vec<bool>,
    /// Crops of the micro-batches whose loss was not finite, or else of all.
    crops: Vec<Crop>,
    /// Seconds waited for the loader.
    loading: f64,
}

impl Gathered {
    /// The losses; the total is NaN when one was not finite.
    fn losses(&self) -> Losses {
        let losses = self.tally.losses();
        if self.is_finite { losses } else { Losses { total: f64::NAN, ..losses } }
    }
}

impl Sitting<'_> {
    /// Makes an update; true when it ended in a checkpoint being restored.
    pub(super) fn update(
        &mut self,
        index: usize,
        stage: &StagePlan,
        stage_update: u64,
        receiver: &Receiver<Sent>,
        sum: &mut GradientSum,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, PretrainError> {
        let plan = self.request.plan;
        let begun = Instant::now();
        let number = self.state.update + 1;
        let loss_scale = self.state.loss_scaler.as_ref().map(crate::LossScaler::scale);
        let gathered = self.gather(index, stage, stage_update, receiver, sum)?;
        let (losses, norm) = (gathered.losses(), gathered.norm);
        let verdict = match &mut self.state.loss_scaler {
            Some(scaler) => scaler.judge(norm),
            None if norm.is_finite() => Verdict::Step,
            None => Verdict::Skip,
        };
        let spike = self.state.health.spike(&plan.health, losses.total).filter(|_| verdict == Verdict::Step);
        let steps = verdict == Verdict::Step && (spike.is_none() || plan.health.spike == SpikePolicy::Log);
        let rate = stage.schedule.rate(self.state.stage_steps);
        let mut factor = f64::NAN;
        if steps {
            factor = Clip { max_norm: stage.clip_norm, rule: plan.precision.clip_rule() }.factor(norm);
            self.trained.step(&stage.adam, sum, &gathered.present, rate, gathered.scale * factor);
            let model = self.model.take().expect("the model is only away during a step");
            self.model = Some(self.trained.write_to(model));
            self.state.stage_steps += 1;
            self.state.health.stepped(&plan.health, losses.total);
        } else {
            self.state.skipped += 1;
        }
        self.state.update = number;
        self.state.stage = index;
        self.state.stage_update = stage_update + 1;
        self.state.optimizer_step = self.trained.steps();
        let is_healthy = steps && spike.is_none();
        let crops = if is_healthy { Vec::new() } else { self.loader.describe(&gathered.crops) };
        let total = begun.elapsed().as_secs_f64();
        let memory = memory();
        let record = UpdateRecord {
            update: number,
            stage: stage.name.clone(),
            stage_update: stage_update + 1,
            skipped: !steps,
            spike: spike.is_some(),
            crops: crops.clone(),
            accuracy: gathered.tally.accuracies(),
            masked_frames: gathered.tally.masked_frames(),
            gradient_norm: norm,
            clip_factor: factor,
            learning_rate: rate,
            loss_scale,
            memory_bytes: memory.map(|memory| memory.current),
            memory_peak_bytes: memory.map(|memory| memory.peak),
            seconds: Timing { loading: gathered.loading, computing: total - gathered.loading, total },
            audio_seconds_per_second: stage.batch() as f64 * plan.crop.seconds / total,
            loss: losses,
        };
        watch(Event::Update(&record));
        let loss = record.loss.total;
        self.write(&LogLine::Update(record))?;
        if is_healthy {
            return Ok(false);
        }
        watch(Event::Notice(unhealthy(number, loss, norm, spike, steps, &crops)));
        if verdict == Verdict::Stop {
            let scale = loss_scale.unwrap_or(1.0);
            return Err(PretrainError::LossScaleExhausted { update: number, scale, crops: named(&crops) });
        }
        if !steps {
            self.state.health.skipped(&plan.health, number, &crops)?;
        }
        match spike {
            Some(median) if plan.health.spike == SpikePolicy::RollBack => {
                self.roll_back(stage, loss, median, watch)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Reads the micro-batches of an update and sums their gradients. After a loss that is not finite the others are only read.
    fn gather(
        &self,
        index: usize,
        stage: &StagePlan,
        stage_update: u64,
        receiver: &Receiver<Sent>,
        sum: &mut GradientSum,
    ) -> Result<Gathered, PretrainError> {
        let plan = self.request.plan;
        let model = self.model.as_ref().expect("the model is only away during a step");
        let loss_scale = self.state.loss_scaler.as_ref().map(crate::LossScaler::scale);
        let (mut loading, mut tally, mut present) = (0.0, Tally::default(), Vec::new());
        let (mut heard, mut suspects) = (Vec::new(), Vec::new());
        sum.clear();
        for micro_batch in 0..stage.accumulation {
            let waiting = Instant::now();
            let (crops, loaded) =
                receiver.recv().expect("the loader sends every micro-batch of the stage or an error")?;
            loading += waiting.elapsed().as_secs_f64();
            heard.extend_from_slice(&crops);
            if !suspects.is_empty() {
                continue;
            }
            let draws = StepDraws {
                seed: plan.run.seed,
                position: [index as u64, stage_update, micro_batch as u64],
                regularisation: regularisation(plan),
            };
            let parts = model.loss(&loaded.batch(), &self.objective, Some(&draws), &mut silent)?;
            let total = parts.value();
            if !total.is_finite() {
                suspects = crops;
                continue;
            }
            tally.add(&parts, total);
            let scaled = match loss_scale {
                Some(scale) => parts.total * scale,
                None => parts.total,
            };
            let (gradients, has_gradient) = self.trained.gradients(model, &scaled.backward());
            let lent: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
            sum.add(&lent, parts.n_frames);
            present = if present.is_empty() {
                has_gradient
            } else {
                present.iter().zip(has_gradient).map(|(&a, b)| a || b).collect()
            };
        }
        let scale = sum.scale() / loss_scale.unwrap_or(1.0);
        let is_finite = suspects.is_empty();
        let norm = if is_finite { gradient_norm(&sum.sums(), scale).global } else { f64::NAN };
        let crops = if is_finite { heard } else { suspects };
        Ok(Gathered { tally, is_finite, norm, scale, present, crops, loading })
    }

    /// Restores the last regular checkpoint; the run goes on where it stands in its draws.
    fn roll_back(
        &mut self,
        stage: &StagePlan,
        loss: f64,
        median: f64,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), PretrainError> {
        let restored = self.state.anchor;
        let checkpoint = self.checkpoints().at(restored)?;
        self.trained.restore(checkpoint.weights()?, checkpoint.optimizer()?, &checkpoint.path)?;
        let now = std::mem::replace(&mut self.state, checkpoint.state);
        let stage_begun = now.update - now.stage_update;
        self.begin_stage(stage, restored.saturating_sub(stage_begun))?;
        self.state.update = now.update;
        self.state.stage = now.stage;
        self.state.stage_update = now.stage_update;
        self.state.skipped = now.skipped;
        self.state.rolled_back = now.rolled_back + (now.update - 1).saturating_sub(restored);
        self.state.unmeasured = false;
        self.state.health.row = now.health.row;
        self.state.optimizer_step = self.trained.steps();
        let model = self.model.take().expect("the model is only away during a step");
        self.model = Some(self.trained.write_to(model));
        let record = RolledBackRecord { update: now.update, restored, loss, median };
        watch(Event::Notice(format!(
            "update {}: weights and moments are again those after update {restored}; training goes on with the next crops",
            now.update
        )));
        self.write(&LogLine::RolledBack(record))
    }
}

/// What happened, in a sentence.
fn unhealthy(
    update: u64,
    loss: f64,
    norm: f64,
    spike: Option<f64>,
    steps: bool,
    crops: &[CropRecord],
) -> String {
    let what = match spike {
        Some(median) => format!("the loss {loss:.4} is a spike, the median before it is {median:.4}"),
        None => format!("the loss is {loss} and the gradient norm {norm}"),
    };
    let done = if steps { "the step is taken" } else { "no step is taken" };
    format!("update {update}: {what}; {done}; heard were {}", named(crops))
}

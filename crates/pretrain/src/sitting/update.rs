//! One update: `accumulation` micro-batches forward and backward, gradients summed and divided by the masked frames of all, global norm,
//! verdict, clip, Adam, weights to the model; and what is done when it is not healthy (`health` states the rules).
//!
//! Of several ranks each has its part of the micro-batches. They first tell each other what these said, and only where every loss is finite
//! are the gradients added; from there on all have the same numbers and do the same.

use std::ops::Range;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use corpus::Crop;
use kernels::device::card_memory;
use mert::{StepDraws, silent};
use serde::{Deserialize, Serialize};

use super::{Sent, Sitting};
use crate::health::{SpikePolicy, named};
use crate::record::{CropRecord, RolledBackRecord};
use crate::run::Event;
use crate::tally::{Heard, Tally};
use crate::wording::regularisation;
use crate::{
    Clip, GradientSum, LogLine, Losses, PretrainError, StagePlan, Timing, UpdateRecord, Verdict, memory,
};

/// What a rank's micro-batches said.
#[derive(Serialize, Deserialize)]
struct Said {
    /// Each of them, up to one whose loss was not finite.
    heard: Vec<Heard>,
    /// Whether every loss was finite.
    is_finite: bool,
    /// Which trained parameters have a gradient; empty without micro-batches.
    present: Vec<bool>,
}

/// What a rank did for an update.
struct Part {
    said: Said,
    /// Crops of the micro-batch whose loss was not finite, or else of all.
    crops: Vec<Crop>,
    /// Seconds waited for the loader.
    loading: f64,
}

/// What the micro-batches of an update said, those of all ranks.
struct Gathered {
    tally: Tally,
    /// The first rank with a loss that was not finite.
    suspect: Option<usize>,
    /// Norm of the gradient of the mean loss, loss scale taken out; NaN when a loss was not finite.
    norm: f64,
    /// What the sums are to be multiplied by to give that gradient.
    scale: f64,
    /// Which trained parameters have a gradient.
    present: Vec<bool>,
    /// This rank's crops: of the micro-batch whose loss was not finite, or else of all.
    crops: Vec<Crop>,
    /// Seconds waited for the loader.
    loading: f64,
    /// Seconds the exchange with other ranks took, waiting for them included.
    exchanging: f64,
}

impl Gathered {
    /// The losses; the total is NaN when one was not finite.
    fn losses(&self) -> Losses {
        let losses = self.tally.losses();
        if self.suspect.is_none() { losses } else { Losses { total: f64::NAN, ..losses } }
    }
}

impl Sitting<'_> {
    /// Makes an update; true when it ended in a checkpoint being restored.
    pub(super) fn update(
        &mut self,
        (index, stage, stage_update): (usize, &StagePlan, u64),
        share: &Range<usize>,
        receiver: &Receiver<Sent>,
        sum: &mut GradientSum,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, PretrainError> {
        let plan = self.request.plan;
        let begun = Instant::now();
        let number = self.state.update + 1;
        let loss_scale = self.state.loss_scaler.as_ref().map(crate::LossScaler::scale);
        let part = self.compute([index as u64, stage_update], share, receiver, sum)?;
        let gathered = self.gather(part, sum)?;
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
        let crops = if is_healthy { Vec::new() } else { self.crops(&gathered)? };
        let total = begun.elapsed().as_secs_f64();
        let (memory, card) = (memory(), card_memory(&self.request.device));
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
            card_memory_bytes: card.map(|card| card.in_use),
            card_memory_peak_bytes: card.map(|card| card.reserved),
            ranks: self.company.size(),
            seconds: Timing {
                loading: gathered.loading,
                exchanging: gathered.exchanging,
                computing: total - gathered.loading - gathered.exchanging,
                total,
            },
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

    /// Reads this rank's micro-batches of an update and sums their gradients. After a loss that is not finite the others are only read.
    fn compute(
        &self,
        [index, stage_update]: [u64; 2],
        share: &Range<usize>,
        receiver: &Receiver<Sent>,
        sum: &mut GradientSum,
    ) -> Result<Part, PretrainError> {
        let plan = self.request.plan;
        let model = self.model.as_ref().expect("the model is only away during a step");
        let loss_scale = self.state.loss_scaler.as_ref().map(crate::LossScaler::scale);
        let (mut loading, mut heard, mut present) = (0.0, Vec::new(), Vec::new());
        let (mut read, mut suspects) = (Vec::new(), Vec::new());
        sum.clear();
        for micro_batch in share.clone() {
            let waiting = Instant::now();
            let (crops, loaded) =
                receiver.recv().expect("the loader sends every micro-batch of the stage or an error")?;
            loading += waiting.elapsed().as_secs_f64();
            read.extend_from_slice(&crops);
            if !suspects.is_empty() {
                continue;
            }
            let draws = StepDraws {
                seed: plan.run.seed,
                position: [index, stage_update, micro_batch as u64],
                regularisation: regularisation(plan),
            };
            let parts = model.loss(&loaded.batch(), &self.objective, Some(&draws), &mut silent)?;
            let total = parts.value;
            if !total.is_finite() {
                suspects = crops;
                continue;
            }
            heard.push(Heard::new(&parts, total));
            let scaled = match loss_scale {
                Some(scale) => parts.total * scale,
                None => parts.total,
            };
            let tape = scaled.backward();
            present = either(present, self.trained.add_gradients(model, tape, sum, parts.n_frames));
        }
        let is_finite = suspects.is_empty();
        let crops = if is_finite { read } else { suspects };
        Ok(Part { said: Said { heard, is_finite, present }, crops, loading })
    }

    /// Makes the update of the parts of all ranks. Of micro-batches behind one whose loss is not finite nothing is counted.
    fn gather(&self, part: Part, sum: &mut GradientSum) -> Result<Gathered, PretrainError> {
        let Part { said, crops, loading } = part;
        let loss_scale = self.state.loss_scaler.as_ref().map(crate::LossScaler::scale);
        let waiting = Instant::now();
        let (mut tally, mut present, mut suspect) = (Tally::default(), Vec::new(), None);
        for (rank, said) in self.company.exchange(said)?.into_iter().enumerate() {
            said.heard.iter().for_each(|heard| tally.add(heard));
            if !said.is_finite {
                suspect = Some(rank);
                break;
            }
            present = either(present, said.present);
        }
        if suspect.is_none() && self.company.size() > 1 {
            sum.join(tally.frames(), |sums| self.company.sum(sums))?;
        }
        let exchanging = if self.company.size() > 1 { waiting.elapsed().as_secs_f64() } else { 0.0 };
        let scale = sum.scale() / loss_scale.unwrap_or(1.0);
        let norm = if suspect.is_none() { sum.norm(scale)?.global } else { f64::NAN };
        Ok(Gathered { tally, suspect, norm, scale, present, crops, loading, exchanging })
    }

    /// What an update heard, for people: the micro-batch that is suspected, or else all.
    fn crops(&self, gathered: &Gathered) -> Result<Vec<CropRecord>, PretrainError> {
        let mut all = self.company.exchange(self.loader.describe(&gathered.crops))?;
        Ok(match gathered.suspect {
            Some(rank) => all.swap_remove(rank),
            None => all.concat(),
        })
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

/// Element by element whether it is so in one of the two, of which one may be empty.
fn either(one: Vec<bool>, other: Vec<bool>) -> Vec<bool> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other,
        (_, true) => one,
        _ => one.iter().zip(other).map(|(&one, other)| one || other).collect(),
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

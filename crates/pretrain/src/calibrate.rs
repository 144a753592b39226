//! What a run would cost, from a few updates of each of its stages on the device at hand. Nothing is written.
//!
//! `hours = Σ_stages updates · m + measurements · h`, `m` the mean seconds of an update, `h` those of measuring the held-out crops. The ends
//! are `± 2 √(Σ (updates · s / √n)²)`, `s` the standard deviation of the `n` updates timed: how far the mean may be off, not what the
//! machine does beside it. The first update of a stage warms up and is not timed, unless it is the only one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::loader::Loader;
use crate::ranks::Company;
use crate::run::RunRequest;
use crate::sitting::{Opened, Sitting};
use crate::{Event, PretrainError, RunFolder, RunIdentity, TrainPlan, memory};

/// What a run would cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Ranks that were timed, and that the hours are of.
    pub ranks: usize,
    /// The stages.
    pub stages: Vec<StageCost>,
    /// Measuring on held-out crops.
    pub held_out: HeldOutCost,
    /// Hours of the whole plan, checkpoints and probes not included.
    pub hours: Estimate,
    /// Most memory the first rank held, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Most memory that was taken of the card that trains, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_memory_peak_bytes: Option<u64>,
}

/// What a stage would cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageCost {
    /// Its name.
    pub stage: String,
    /// Its updates.
    pub updates: u64,
    /// Updates timed.
    pub timed: usize,
    /// Seconds of an update: mean.
    pub seconds_per_update: f64,
    /// Seconds of an update: standard deviation, 0 of one.
    pub deviation: f64,
    /// Share of an update that is spent waiting for crops.
    pub waiting_share: f64,
    /// Share of an update that is spent on other ranks.
    pub exchanging_share: f64,
    /// Audio heard in a second, seconds.
    pub audio_seconds_per_second: f64,
    /// Hours of all its updates.
    pub hours: Estimate,
}

/// What measuring would cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeldOutCost {
    /// How often the plan measures.
    pub measurements: usize,
    /// Seconds of one.
    pub seconds_each: f64,
    /// Hours of all.
    pub hours: f64,
}

/// A number and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Lower end.
    pub low: f64,
    /// The number.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    fn new(estimate: f64, error: f64) -> Self {
        Self { low: (estimate - 2.0 * error).max(0.0), estimate, high: estimate + 2.0 * error }
    }
}

/// Seconds of the updates of a stage.
#[derive(Default)]
struct Timed {
    total: Vec<f64>,
    loading: Vec<f64>,
    exchanging: Vec<f64>,
}

/// Makes up to `updates` updates of each stage of the request's plan, and stops a stage at the first update after its part of `limit`.
/// `None` when it was asked to stop.
pub fn calibrate(
    request: &RunRequest<'_>,
    updates: u64,
    limit: Duration,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Option<Calibration>, PretrainError> {
    Company(request.ranks).conclude(rehearse(request, updates, limit, watch))
}

fn rehearse(
    request: &RunRequest<'_>,
    updates: u64,
    limit: Duration,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Option<Calibration>, PretrainError> {
    let plan = request.plan;
    let (mut stages, mut measuring) = (Vec::new(), Vec::new());
    let codes = request.corpus.codes(request.tokenizer)?;
    for index in 0..plan.stages.len() {
        let part = part_of(plan, index, updates);
        let (model, _) = request.init.build(&part, &request.device.clone().autodiff())?;
        let model = model
            .with_precision(part.precision.compute.precision())
            .with_recomputation(part.precision.recompute);
        let loader = Loader::new(&part, request.corpus, &codes, &model)?;
        let (stop, begun) = (AtomicBool::new(false), Instant::now());
        let short = RunRequest { plan: &part, stop: &stop, device: request.device.clone(), ..*request };
        let opened = Opened {
            folder: &RunFolder::at(request.out),
            identity: &RunIdentity::new(&part, "", "", request.tokenizer),
            resumes: false,
            writes: false,
            changes: Vec::new(),
        };
        let mut timed = Timed::default();
        let mut of_measuring: BTreeMap<u64, f64> = BTreeMap::new();
        let mut heard = |event: Event<'_>| {
            match &event {
                Event::Update(record) => {
                    timed.total.push(record.seconds.total);
                    timed.loading.push(record.seconds.loading);
                    timed.exchanging.push(record.seconds.exchanging);
                    if begun.elapsed() > limit / plan.stages.len() as u32 {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Event::HeldOut(record) => *of_measuring.entry(record.update).or_default() += record.seconds,
                _ => {}
            }
            if request.stop.load(Ordering::Relaxed) {
                stop.store(true, Ordering::Relaxed);
            }
            watch(event);
        };
        if let Ok(mut sitting) = Sitting::open(&short, opened, model, &loader, &mut heard)? {
            sitting.rehearse(&mut heard)?;
        }
        if Company(request.ranks).any(request.stop.load(Ordering::Relaxed))? {
            return Ok(None);
        }
        measuring.extend(of_measuring.into_values());
        stages.push(cost(plan, index, timed));
    }
    let measurements = (0..=plan.updates()).filter(|&completed| plan.measuring_is_due(completed)).count();
    let seconds_each = measuring.iter().sum::<f64>() / measuring.len().max(1) as f64;
    let held_out =
        HeldOutCost { measurements, seconds_each, hours: measurements as f64 * seconds_each / 3600.0 };
    let estimate = stages.iter().map(|stage| stage.hours.estimate).sum::<f64>() + held_out.hours;
    let error = stages.iter().map(|stage| (stage.hours.high - stage.hours.estimate) / 2.0);
    Ok(Some(Calibration {
        ranks: request.ranks.size(),
        hours: Estimate::new(estimate, error.map(|error| error * error).sum::<f64>().sqrt()),
        stages,
        held_out,
        memory_peak_bytes: memory().map(|memory| memory.peak),
        card_memory_peak_bytes: kernels::device::card_memory(&request.device).map(|card| card.reserved),
    }))
}

/// The plan of a few updates of stage `index`, measured once before them.
fn part_of(plan: &TrainPlan, index: usize, updates: u64) -> TrainPlan {
    let mut part = plan.clone();
    part.stages = vec![plan.stages[index].clone()];
    part.stages[0].updates = updates.min(plan.stages[index].updates).max(1);
    part
}

fn cost(plan: &TrainPlan, index: usize, mut timed: Timed) -> StageCost {
    let stage = &plan.stages[index];
    for seconds in [&mut timed.total, &mut timed.loading, &mut timed.exchanging] {
        if seconds.len() > 1 {
            seconds.remove(0);
        }
    }
    let n = timed.total.len();
    let sum: f64 = timed.total.iter().sum();
    let mean = sum / n as f64;
    let squares: f64 = timed.total.iter().map(|seconds| (seconds - mean).powi(2)).sum();
    let deviation = if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 };
    let hours = stage.updates as f64 / 3600.0;
    StageCost {
        stage: stage.name.clone(),
        updates: stage.updates,
        timed: n,
        seconds_per_update: mean,
        deviation,
        waiting_share: timed.loading.iter().sum::<f64>() / sum,
        exchanging_share: timed.exchanging.iter().sum::<f64>() / sum,
        audio_seconds_per_second: stage.batch() as f64 * plan.crop.seconds / mean,
        hours: Estimate::new(hours * mean, hours * deviation / (n as f64).sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_follow_from_the_updates_timed() {
        let plan = crate::preset("pocket").unwrap().plan().unwrap();
        let timed = Timed {
            total: vec![99.0, 2.0, 4.0, 3.0],
            loading: vec![90.0, 0.0, 0.9, 0.0],
            exchanging: vec![0.0; 4],
        };
        let cost = cost(&plan, 0, timed);
        assert_eq!((cost.timed, cost.seconds_per_update, cost.deviation), (3, 3.0, 1.0));
        assert_eq!((cost.waiting_share, cost.exchanging_share), (0.1, 0.0));
        // 60 updates of 3 s are 180 s; the mean is known to 1/√3 s.
        assert_eq!(cost.hours.estimate, 180.0 / 3600.0);
        assert!((cost.hours.high - (180.0 + 120.0 / 3f64.sqrt()) / 3600.0).abs() < 1e-12);
        let once =
            super::cost(&plan, 1, Timed { total: vec![5.0], loading: vec![0.0], exchanging: vec![0.0] });
        assert_eq!((once.timed, once.hours.low), (1, once.hours.estimate));
        assert!((once.hours.estimate - 750.0 / 3600.0).abs() < 1e-12);
    }
}

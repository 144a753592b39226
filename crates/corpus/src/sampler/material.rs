//! The clips a stage reads, by hours asked.
//!
//! The clips of a culture that can train are put in an order that only seed and culture determine, and taken from the front until their
//! slots fill the hours; the last clip gives only the slots still needed, so one pass lasts exactly the hours asked. Where there is less,
//! everything is taken, the shortfall is said, and passes come round sooner. Clips shorter than a crop and silent ones never train.

use draws::{Draws, Permutation, fnv1a64};
use serde::Serialize;

use super::order::Shares;
use super::plan::{Asked, Mixture, SamplerPlan};
use crate::{Clip, CorpusError};

/// Samples of an hour at 24 kHz.
const SAMPLES_PER_HOUR: f64 = 24_000.0 * 3600.0;

/// What one culture contributes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Material {
    /// The culture.
    pub culture: String,
    /// Whether it is replayed.
    pub is_replay: bool,
    /// Hours asked for; `None` is all there is.
    pub hours_asked: Option<f64>,
    /// Hours that could be read in whole crops.
    pub hours_found: f64,
    /// Hours that one pass reads.
    pub hours_taken: f64,
    /// Clips taken.
    pub clips: usize,
    /// Clips shorter than a crop, which do not train.
    pub too_short: usize,
    /// Silent clips, which do not train.
    pub silent: usize,
}

impl Material {
    /// Whether there is less than was asked for.
    pub fn falls_short(&self) -> bool {
        self.hours_asked.is_some_and(|asked| asked > self.hours_taken + 1e-9)
    }
}

/// Slots that are read pass by pass.
#[derive(Default)]
pub(super) struct Pool {
    clips: Vec<usize>,
    /// Slots up to and including each clip.
    slots_to: Vec<u64>,
}

impl Pool {
    pub(super) fn n_slots(&self) -> u64 {
        self.slots_to.last().copied().unwrap_or(0)
    }

    /// The clip that is read at `position` of the endless row of passes.
    pub(super) fn clip_at(&self, seed: u64, stage: u64, pool: u64, position: u64) -> usize {
        let n_slots = self.n_slots();
        let (pass, position) = (position / n_slots, position % n_slots);
        let mut draws = Draws::new(seed, "crop order", &[stage, pool, pass]);
        let slot = Permutation::new(&mut draws, n_slots).at(position);
        self.clips[self.slots_to.partition_point(|&to| to <= slot)]
    }

    fn extend(&mut self, taken: &[(usize, u64)]) {
        for &(clip, slots) in taken {
            self.clips.push(clip);
            self.slots_to.push(self.n_slots() + slots);
        }
    }
}

/// One culture's clips that can train, in their order, with their slots.
struct Found {
    slots: Vec<(usize, u64)>,
    n_slots: u64,
    too_short: usize,
    silent: usize,
}

/// What a sampler reads: pools, the share of each, and what every culture contributes.
pub(super) struct Choice {
    pub(super) pools: Vec<Pool>,
    pub(super) shares: Shares,
    pub(super) material: Vec<Material>,
}

/// Chooses the clips of a stage.
pub(super) fn choose(clips: &[Clip], plan: &SamplerPlan, asked: &Asked) -> Result<Choice, CorpusError> {
    let find = |culture: &str| find(clips, plan, culture);
    let hours_of = |slots: u64| (slots * plan.crop_samples as u64) as f64 / SAMPLES_PER_HOUR;
    let slots_of = |hours: f64| (hours * SAMPLES_PER_HOUR / plan.crop_samples as f64).round().max(1.0) as u64;
    let mut choice = Choice { pools: Vec::new(), shares: Shares::new(None, &[1.0]), material: Vec::new() };
    let mut take = |pool: &mut Pool, culture: &str, found: &Found, asked: Option<u64>, is_replay| {
        let taken = found.first(asked.unwrap_or(found.n_slots));
        pool.extend(&taken);
        choice.material.push(Material {
            culture: culture.into(),
            is_replay,
            hours_asked: asked.map(hours_of),
            hours_found: hours_of(found.n_slots),
            hours_taken: hours_of(taken.iter().map(|(_, slots)| slots).sum()),
            clips: taken.len(),
            too_short: found.too_short,
            silent: found.silent,
        });
    };
    if let Some(replay) = &asked.replay {
        let found: Vec<Found> =
            replay.cultures.iter().map(|culture| find(culture)).collect::<Result<_, _>>()?;
        let parts: Vec<Option<u64>> = match replay.hours {
            None => vec![None; found.len()],
            Some(hours) => parts_of(slots_of(hours), found.iter().map(|found| found.n_slots as f64)),
        };
        let mut pool = Pool::default();
        for ((culture, found), part) in replay.cultures.iter().zip(&found).zip(parts) {
            take(&mut pool, culture, found, part, true);
        }
        choice.pools.push(pool);
    }
    let found: Vec<Found> =
        asked.cultures.iter().map(|culture| find(&culture.culture)).collect::<Result<_, _>>()?;
    let weights: Vec<f64> = match plan.mixture {
        Mixture::Proportional => found.iter().map(|found| found.n_slots as f64).collect(),
        Mixture::Equal => vec![1.0; found.len()],
        Mixture::Weights => asked.cultures.iter().map(|culture| culture.weight.unwrap_or(1.0)).collect(),
    };
    let parts = match asked.total_hours {
        None => asked.cultures.iter().map(|culture| culture.hours.map(slots_of)).collect(),
        Some(hours) => parts_of(slots_of(hours), weights.iter().copied()),
    };
    // In proportion means: one pool of everything. Otherwise each culture is a pool with passes of its own.
    let mut pools: Vec<Pool> = Vec::new();
    for ((culture, found), part) in asked.cultures.iter().zip(&found).zip(parts) {
        let mut pool = match plan.mixture {
            Mixture::Proportional => pools.pop().unwrap_or_default(),
            Mixture::Equal | Mixture::Weights => Pool::default(),
        };
        take(&mut pool, &culture.culture, found, part, false);
        pools.push(pool);
    }
    let replay_share = asked.replay.as_ref().map(|replay| replay.share);
    choice.shares = match plan.mixture {
        Mixture::Proportional => Shares::new(replay_share, &[1.0]),
        Mixture::Equal | Mixture::Weights => Shares::new(replay_share, &weights),
    };
    choice.pools.append(&mut pools);
    Ok(choice)
}

/// Cuts `total` slots in proportion to `weights`; the parts add up to it exactly.
fn parts_of(total: u64, weights: impl Iterator<Item = f64> + Clone) -> Vec<Option<u64>> {
    let sum: f64 = weights.clone().sum();
    let (mut weight_to, mut slots_to) = (0.0, 0);
    let part = |weight: f64| {
        weight_to += weight;
        let to = (total as f64 * (weight_to / sum)).round() as u64;
        let part = to - slots_to;
        slots_to = to;
        Some(part)
    };
    weights.map(part).collect()
}

impl Found {
    /// The first clips that offer `n_slots`, the last with no more than are needed.
    fn first(&self, n_slots: u64) -> Vec<(usize, u64)> {
        let mut left = n_slots;
        let mut taken = Vec::new();
        for &(clip, slots) in &self.slots {
            if left == 0 {
                break;
            }
            taken.push((clip, slots.min(left)));
            left -= slots.min(left);
        }
        taken
    }
}

fn find(clips: &[Clip], plan: &SamplerPlan, culture: &str) -> Result<Found, CorpusError> {
    let mut found = Found { slots: Vec::new(), n_slots: 0, too_short: 0, silent: 0 };
    for (clip_idx, clip) in clips.iter().enumerate() {
        if clip.split != plan.split || clip.culture != culture {
            continue;
        }
        match clip.samples / plan.crop_samples as u64 {
            0 => found.too_short += 1,
            _ if clip.silent => found.silent += 1,
            slots => {
                found.slots.push((clip_idx, slots));
                found.n_slots += slots;
            }
        }
    }
    if found.slots.is_empty() {
        let (split, n) = (plan.split, found.too_short + found.silent);
        let meant = match n {
            0 => nearest::did_you_mean(culture, clips.iter().map(|clip| clip.culture.as_str())),
            _ => String::new(),
        };
        return Err(CorpusError::Plan(format!(
            "none of the {n} clips of `{culture}` in the {split} split holds a crop of {} samples{meant}",
            plan.crop_samples
        )));
    }
    Draws::new(plan.seed, "material", &[fnv1a64(culture.as_bytes())]).shuffle(&mut found.slots);
    Ok(found)
}

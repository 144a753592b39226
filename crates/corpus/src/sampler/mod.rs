//! Which crop an item of an update reads: a pure function of `(seed, stage, update, item)`.
//!
//! Every clip of the material offers `floor(samples / crop)` slots (six of 5 s in 30 s). Items are numbered through the stage,
//! `g = update * batch + item`. [`order`] sends `g` to a pool of slots (replay, or a culture, or all cultures together) by fixed shares
//! without any chance in it; within a pool, items go through its slots in passes, each pass a permutation of its own, so every slot is
//! read once before any is read twice. The slot says which clip; where in the clip the crop starts is drawn anew for each item, uniform
//! over the whole clip, on multiples of 320 samples unless the original's rounding is asked for.

mod held_out;
mod material;
mod order;
mod plan;

use draws::Draws;

use crate::collate::{LABELS_PER_SAMPLE, label_at};
use crate::{Alignment, Clip, CorpusError};
use material::Pool;
use order::Shares;

pub use held_out::{HeldOut, held_out_crops};
pub use material::Material;
pub use plan::{CultureHours, Mixture, Replay, SamplerPlan};

/// What an item reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Position of the clip in the list the sampler was made with.
    pub clip: usize,
    /// First sample within the clip.
    pub start: u64,
    /// Number of samples.
    pub n_samples: usize,
    /// First code frame within the clip.
    pub code_start: usize,
    /// Number of code frames.
    pub n_codes: usize,
}

impl Crop {
    fn at(clip_idx: usize, clip: &Clip, start: u64, n_samples: usize) -> Self {
        let code_start = label_at(start, LABELS_PER_SAMPLE);
        let count = label_at(n_samples as u64, LABELS_PER_SAMPLE);
        let n_codes = count.min(clip.n_frames().saturating_sub(code_start)) as usize;
        Self { clip: clip_idx, start, n_samples, code_start: code_start as usize, n_codes }
    }
}

/// Answers which crop an item reads.
pub struct Sampler<'a> {
    clips: &'a [Clip],
    seed: u64,
    stage: u64,
    batch: u64,
    crop_samples: u64,
    alignment: Alignment,
    shares: Shares,
    pools: Vec<Pool>,
    material: Vec<Material>,
}

impl<'a> Sampler<'a> {
    /// Chooses the material of a stage.
    pub fn new(clips: &'a [Clip], plan: &SamplerPlan) -> Result<Self, CorpusError> {
        let asked = plan.check(clips)?;
        let choice = material::choose(clips, plan, &asked)?;
        Ok(Self {
            clips,
            seed: plan.seed,
            stage: plan.stage,
            batch: plan.batch as u64,
            crop_samples: plan.crop_samples as u64,
            alignment: plan.alignment,
            shares: choice.shares,
            pools: choice.pools,
            material: choice.material,
        })
    }

    /// What each culture contributes: hours asked, found and taken, and clips that cannot train.
    pub fn material(&self) -> &[Material] {
        &self.material
    }

    /// Crop slots in one pass over the whole material.
    pub fn slots(&self) -> u64 {
        self.pools.iter().map(Pool::n_slots).sum()
    }

    /// The crop that `item` of `update` reads; updates are numbered from 0 within the stage.
    ///
    /// # Panics
    /// When `item` is not below the batch size.
    pub fn crop(&self, update: u64, item: u64) -> Crop {
        assert!(item < self.batch, "item {item} is outside a batch of {}", self.batch);
        let (pool_idx, position) = self.shares.place(update * self.batch + item);
        let clip_idx = self.pools[pool_idx].clip_at(self.seed, self.stage, pool_idx as u64, position);
        let clip = &self.clips[clip_idx];
        let step = self.alignment.step();
        let n_starts = (clip.samples - self.crop_samples) / step + 1;
        let start = Draws::new(self.seed, "crop start", &[self.stage, update, item]).below(n_starts) * step;
        Crop::at(clip_idx, clip, start, self.crop_samples as usize)
    }

    /// All crops of an update, in the order of the items.
    pub fn batch(&self, update: u64) -> Vec<Crop> {
        (0..self.batch).map(|item| self.crop(update, item)).collect()
    }
}

#[cfg(test)]
mod tests;

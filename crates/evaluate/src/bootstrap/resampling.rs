//! Drawing units and summarising what comes of them.

use std::collections::HashMap;

use draws::Draws;
use rayon::prelude::*;

use super::{Bootstrap, Interval, PairIntervals};
use crate::EvaluateError;
use crate::error::same_size;
use crate::ranking::{LANES, LaneWeights};

/// The two metrics of a kind of task, for instance macro ROC-AUC and average precision.
pub(super) type Scores = (f64, f64);

/// What is drawn, and how often.
pub(super) struct Resampling {
    unit_of: Vec<usize>,
    n_units: usize,
    bootstrap: Bootstrap,
}

impl Resampling {
    /// Over `n` files.
    pub(super) fn new(
        n: usize,
        unit_of: Option<&[usize]>,
        bootstrap: Bootstrap,
    ) -> Result<Self, EvaluateError> {
        bootstrap.check()?;
        let unit_of = unit_of.map_or_else(|| (0..n).collect(), <[usize]>::to_vec);
        same_size("groups of files", n, unit_of.len())?;
        // Renumbered in order of appearance, so that names of units need not be dense.
        let mut numbers = HashMap::new();
        let mut dense = Vec::with_capacity(n);
        for unit in unit_of {
            let next = numbers.len();
            dense.push(*numbers.entry(unit).or_insert(next));
        }
        Ok(Self { unit_of: dense, n_units: numbers.len(), bootstrap })
    }

    /// The statistic of every resample, in order.
    pub(super) fn resample(
        &self,
        statistic: impl Fn(&[LaneWeights]) -> [Option<Scores>; LANES] + Sync,
    ) -> Vec<Option<Scores>> {
        let n_blocks = self.bootstrap.n_resamples.div_ceil(LANES);
        let blocks: Vec<_> =
            (0..n_blocks).into_par_iter().map(|block| statistic(&self.weights(block))).collect();
        blocks.into_iter().flatten().take(self.bootstrap.n_resamples).collect()
    }

    /// How often each file occurs in each of the resamples of a block.
    fn weights(&self, block: usize) -> Vec<LaneWeights> {
        let mut of_unit = vec![[0u8; LANES]; self.n_units];
        for (lane, resample) in (block * LANES..(block + 1) * LANES).enumerate() {
            let mut draws = Draws::new(self.bootstrap.seed, "evaluate/bootstrap", &[resample as u64]);
            for _ in 0..self.n_units {
                // More than 255 draws of one unit do not happen: the chance is below 1e-500.
                let count = &mut of_unit[draws.below(self.n_units as u64) as usize][lane];
                *count = count.saturating_add(1);
            }
        }
        self.unit_of.iter().map(|&unit| of_unit[unit]).collect()
    }

    pub(super) fn summarise(
        &self,
        estimate: Scores,
        resampled: &[Option<Scores>],
    ) -> Result<PairIntervals, EvaluateError> {
        let used: Vec<Scores> = resampled.iter().flatten().copied().collect();
        if used.is_empty() {
            return Err(EvaluateError::TooFew {
                what: "a bootstrap interval".to_owned(),
                needed: 1,
                found: 0,
            });
        }
        let interval = |estimate: f64, mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let [low, high] = self.bootstrap.tails().map(|share| quantile(&values, share));
            Interval { estimate, low, high }
        };
        Ok(PairIntervals {
            first: interval(estimate.0, used.iter().map(|scores| scores.0).collect()),
            second: interval(estimate.1, used.iter().map(|scores| scores.1).collect()),
            n_units: self.n_units,
            n_used: used.len(),
            n_undefined: resampled.len() - used.len(),
        })
    }
}

/// Linear interpolation between order statistics (numpy's default).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

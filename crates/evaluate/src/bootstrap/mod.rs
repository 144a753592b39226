//! Bootstrap intervals of the macro ROC-AUC and average precision, over files.
//!
//! A resample draws as many units as there are, with replacement (Efron 1979); a unit is a file or, where recordings of one group (an artist,
//! a concert) are alike, the group. The statistic is the mean over seeds of the macro mean over the tags that have both classes in the
//! resample. The interval holds the central share `level` of the resampled statistics (percentile method, numpy's linear quantiles).
//! A difference of two models is taken within each resample (paired), so what files have in common cancels.
//! Pure; resample r depends on `(seed, r)` alone, whatever the number of threads.

mod resampling;

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::ranking::{LANES, LaneWeights, Ranking};
use crate::tagging::{Score, Tagging, macro_means};
use resampling::{Resampling, Scores};

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of resamples.
    pub n_resamples: usize,
    /// Share of the resamples inside the interval.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 1000 resamples, 95 per cent.
    fn default() -> Self {
        Self { n_resamples: 1000, level: 0.95, seed: 0 }
    }
}

/// A number and what the choice of test files leaves open about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The statistic on the files as they are.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Intervals of both ranking metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaggingIntervals {
    /// Macro ROC-AUC.
    pub roc_auc: Interval,
    /// Macro average precision.
    pub average_precision: Interval,
    /// Units drawn from: files, or groups of files.
    pub n_units: usize,
    /// Resamples the intervals are made of.
    pub n_used: usize,
    /// Resamples in which no tag had both classes; they are left out.
    pub n_undefined: usize,
    /// How it was resampled.
    pub bootstrap: Bootstrap,
}

/// How two models differ (first minus second).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaggingDifferences {
    /// The differences and their intervals.
    pub intervals: TaggingIntervals,
    /// Two-sided bootstrap p-value of "no difference" in ROC-AUC: twice the smaller share of resamples on one side of 0.
    pub roc_auc_p: f64,
    /// The same for average precision.
    pub average_precision_p: f64,
}

/// Intervals of one model. `seeds` holds one scoring of the same files for each seed; `unit_of` names the group of each file
/// (`None`: every file for itself).
pub fn bootstrap_intervals<S: Score>(
    seeds: &[Tagging<'_, S>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<TaggingIntervals, EvaluateError> {
    let units = Resampling::new(seeds, unit_of, bootstrap)?;
    let rankings = rankings(seeds);
    let estimate = plain(&rankings)?;
    let resampled = units.resample(|weights| weighted(&rankings, weights));
    units.summarise(estimate, &resampled)
}

/// Differences of two models on the same files, first minus second. Shapes as [`bootstrap_intervals`]; the numbers of seeds may differ.
pub fn bootstrap_differences<S: Score>(
    first: &[Tagging<'_, S>],
    second: &[Tagging<'_, S>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<TaggingDifferences, EvaluateError> {
    let all: Vec<Tagging<'_, S>> = first.iter().chain(second).copied().collect();
    let units = Resampling::new(&all, unit_of, bootstrap)?;
    if first.is_empty() || second.is_empty() {
        return Err(EvaluateError::Empty { what: "the list of seeds of a model".to_owned() });
    }
    let (first, second) = (rankings(first), rankings(second));
    let minus = |(a_auc, a_ap): (f64, f64), (b_auc, b_ap)| (a_auc - b_auc, a_ap - b_ap);
    let estimate = minus(plain(&first)?, plain(&second)?);
    let resampled = units.resample(|weights| {
        let (a, b) = (weighted(&first, weights), weighted(&second, weights));
        std::array::from_fn(|lane| Some(minus(a[lane]?, b[lane]?)))
    });
    let used = || resampled.iter().flatten();
    Ok(TaggingDifferences {
        intervals: units.summarise(estimate, &resampled)?,
        roc_auc_p: two_sided_p(used().map(|scores| scores.0)),
        average_precision_p: two_sided_p(used().map(|scores| scores.1)),
    })
}

fn rankings<S: Score>(seeds: &[Tagging<'_, S>]) -> Vec<Vec<Ranking>> {
    seeds.iter().map(Tagging::rankings).collect()
}

fn plain(seeds: &[Vec<Ranking>]) -> Result<Scores, EvaluateError> {
    let all = seeds.iter().map(|tags| macro_means(&tags.iter().map(Ranking::scores).collect::<Vec<_>>()));
    mean(all).ok_or_else(|| EvaluateError::NoTagWithBothClasses {
        what: "the files".to_owned(),
        n_tags: seeds.first().map_or(0, Vec::len),
    })
}

fn weighted(seeds: &[Vec<Ranking>], weights: &[LaneWeights]) -> [Option<Scores>; LANES] {
    let tags_of_seed: Vec<Vec<_>> =
        seeds.iter().map(|tags| tags.iter().map(|tag| tag.weighted_scores(weights)).collect()).collect();
    std::array::from_fn(|lane| {
        mean(tags_of_seed.iter().map(|tags| {
            let of_lane: Vec<_> = tags.iter().map(|lanes| lanes[lane]).collect();
            macro_means(&of_lane)
        }))
    })
}

fn mean(seeds: impl Iterator<Item = Option<Scores>>) -> Option<Scores> {
    let (mut auc, mut ap, mut n) = (0.0, 0.0, 0);
    for scores in seeds {
        let (seed_auc, seed_ap) = scores?;
        auc += seed_auc;
        ap += seed_ap;
        n += 1;
    }
    (n > 0).then(|| (auc / f64::from(n), ap / f64::from(n)))
}

fn two_sided_p(differences: impl Iterator<Item = f64>) -> f64 {
    let (mut not_above, mut not_below, mut n) = (0, 0, 0);
    for difference in differences {
        not_above += usize::from(difference <= 0.0);
        not_below += usize::from(difference >= 0.0);
        n += 1;
    }
    // One is added to both counts: the observed sample is itself a possible resample, and p is never 0.
    (2.0 * (not_above.min(not_below) + 1) as f64 / (n + 1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use draws::Draws;

    use super::*;

    fn example(noise: f32, seed: u64) -> (Vec<u8>, Vec<f32>) {
        let mut draws = Draws::new(seed, "test", &[]);
        let labels: Vec<u8> = (0..200 * 4).map(|i| u8::from(mixed(i).is_multiple_of(3))).collect();
        let scores = labels.iter().map(|&l| f32::from(l) + noise * draws.normal() as f32).collect();
        (labels, scores)
    }

    fn mixed(i: usize) -> u64 {
        draws::mix(i as u64)
    }

    #[test]
    fn the_interval_holds_the_estimate_and_is_the_same_twice() {
        let (labels, scores) = example(1.0, 1);
        let data = [Tagging::new(&labels, &scores, 4).unwrap()];
        let a = bootstrap_intervals(&data, None, Bootstrap::default()).unwrap();
        assert!(a.roc_auc.low < a.roc_auc.estimate && a.roc_auc.estimate < a.roc_auc.high, "{a:?}");
        assert!(a.roc_auc.high - a.roc_auc.low < 0.1, "{a:?}");
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let b = one.install(|| bootstrap_intervals(&data, None, Bootstrap::default()).unwrap());
        assert_eq!(a, b);
    }

    #[test]
    fn the_spread_is_the_known_one_of_a_mean_rank() {
        // One tag, 100 against 100, no information: the standard error of AUC is sqrt((n1+n2+1)/(12 n1 n2)) = 0.0409.
        let labels: Vec<u8> = (0..200).map(|i| u8::from(i < 100)).collect();
        let scores: Vec<f32> = (0..200).map(|i| (mixed(i) >> 40) as f32).collect();
        let data = [Tagging::new(&labels, &scores, 1).unwrap()];
        let a = bootstrap_intervals(&data, None, Bootstrap { n_resamples: 4000, ..Bootstrap::default() })
            .unwrap();
        let width = (a.roc_auc.high - a.roc_auc.low) / (2.0 * 1.96);
        assert!((width - 0.0409).abs() < 0.006, "{width}");
    }

    #[test]
    fn a_model_does_not_differ_from_itself_but_from_a_worse_one() {
        let ((labels, good), (_, bad)) = (example(0.6, 1), example(3.0, 2));
        let good = [Tagging::new(&labels, &good, 4).unwrap()];
        let bad = [Tagging::new(&labels, &bad, 4).unwrap()];
        let same = bootstrap_differences(&good, &good, None, Bootstrap::default()).unwrap();
        assert_eq!(
            (same.intervals.roc_auc.low, same.intervals.roc_auc.high, same.roc_auc_p),
            (0.0, 0.0, 1.0)
        );
        let other = bootstrap_differences(&good, &bad, None, Bootstrap::default()).unwrap();
        assert!(other.intervals.roc_auc.low > 0.0 && other.roc_auc_p < 0.01, "{other:?}");
    }

    #[test]
    fn groups_widen_the_interval_when_files_are_copies() {
        let (labels, scores) = example(1.0, 3);
        // Every file five times: the copies carry nothing new.
        let copies = |rows: &[f32]| -> Vec<f32> { rows.chunks(4).flat_map(|r| r.repeat(5)).collect() };
        let five: Vec<u8> = labels.chunks(4).flat_map(|r| r.repeat(5)).collect();
        let scores = copies(&scores);
        let data = [Tagging::new(&five, &scores, 4).unwrap()];
        let groups: Vec<usize> = (0..1000).map(|file| 7 * (file / 5)).collect();
        let width = |i: TaggingIntervals| i.roc_auc.high - i.roc_auc.low;
        let naive = width(bootstrap_intervals(&data, None, Bootstrap::default()).unwrap());
        let grouped = bootstrap_intervals(&data, Some(&groups), Bootstrap::default()).unwrap();
        assert_eq!(grouped.n_units, 200);
        assert!(width(grouped) > 1.8 * naive, "{} {naive}", width(grouped));
    }
}

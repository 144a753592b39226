//! Bootstrap intervals of the macro ROC-AUC and average precision, over files.
//!
//! A resample draws as many units as there are, with replacement (Efron 1979); a unit is a file or, where recordings of one group (an artist,
//! a concert) are alike, the group. The statistic is the mean over seeds of the macro mean over the tags that have both classes in the
//! resample. The interval holds the central share `level` of the resampled statistics (percentile method, numpy's linear quantiles).
//! A difference of two models is taken within each resample (paired), so what files have in common cancels.
//! Pure; resample r depends on `(seed, r)` alone, whatever the number of threads.

mod resampling;
mod scoring;

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::ranking::LANES;
use crate::tagging::{Score, Tagging};
pub(crate) use resampling::quantile;
use resampling::{Resampling, Scores};
pub use scoring::Scoring;
use scoring::Weighable;

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

impl Bootstrap {
    /// Refuses what no interval can be made of.
    pub(crate) fn check(&self) -> Result<(), EvaluateError> {
        let setting = |name, value: String, requirement: &str| {
            Err(EvaluateError::Setting { name, value, requirement: requirement.to_owned() })
        };
        if !(1..=1_000_000).contains(&self.n_resamples) {
            return setting("n_resamples", self.n_resamples.to_string(), "1 to 1000000");
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return setting("level", self.level.to_string(), "above 0 and below 1");
        }
        Ok(())
    }

    /// Shares of the resamples below the lower and below the upper end.
    pub(crate) fn tails(&self) -> [f64; 2] {
        let tail = (1.0 - self.level) / 2.0;
        [tail, 1.0 - tail]
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

/// Intervals of the two metrics of a kind of task, in the order of [`Kind::metrics`](crate::Kind::metrics).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairIntervals {
    /// The first metric.
    pub first: Interval,
    /// The second.
    pub second: Interval,
    /// Units drawn from: files, or groups of files.
    pub n_units: usize,
    /// Resamples the intervals are made of.
    pub n_used: usize,
    /// Resamples in which a metric had no value; they are left out.
    pub n_undefined: usize,
}

/// How two models differ in both metrics (first model minus second).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairDifferences {
    /// The differences and their intervals.
    pub intervals: PairIntervals,
    /// Two-sided bootstrap p-value of "no difference" in the first metric.
    pub first_p: f64,
    /// The same for the second.
    pub second_p: f64,
}

/// Intervals of one model. `seeds` holds one scoring of the same files for each seed; `unit_of` names the group of each file
/// (`None`: every file for itself).
pub fn bootstrap_intervals<S: Score>(
    seeds: &[Tagging<'_, S>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<TaggingIntervals, EvaluateError> {
    let units = Resampling::new(n_files_of(seeds)?, unit_of, bootstrap)?;
    let all = intervals_of(&prepared(seeds)?, &units)?;
    Ok(TaggingIntervals::of(all, bootstrap))
}

/// Differences of two models on the same files, first minus second. Shapes as [`bootstrap_intervals`]; the numbers of seeds may differ.
pub fn bootstrap_differences<S: Score>(
    first: &[Tagging<'_, S>],
    second: &[Tagging<'_, S>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<TaggingDifferences, EvaluateError> {
    let both: Vec<Tagging<'_, S>> = first.iter().chain(second).copied().collect();
    let units = Resampling::new(n_files_of(&both)?, unit_of, bootstrap)?;
    let differences = differences_of(&prepared(first)?, &prepared(second)?, &units)?;
    Ok(TaggingDifferences {
        intervals: TaggingIntervals::of(differences.intervals, bootstrap),
        roc_auc_p: differences.first_p,
        average_precision_p: differences.second_p,
    })
}

/// As [`bootstrap_intervals`], for any kind of task.
pub fn scoring_intervals(
    seeds: &[Scoring<'_>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<PairIntervals, EvaluateError> {
    let units = Resampling::new(scoring::n_files_of(seeds)?, unit_of, bootstrap)?;
    intervals_of(&scoring::prepared(seeds), &units)
}

/// As [`bootstrap_differences`], for any kind of task.
pub fn scoring_differences(
    first: &[Scoring<'_>],
    second: &[Scoring<'_>],
    unit_of: Option<&[usize]>,
    bootstrap: Bootstrap,
) -> Result<PairDifferences, EvaluateError> {
    let both: Vec<Scoring<'_>> = first.iter().chain(second).copied().collect();
    let units = Resampling::new(scoring::n_files_of(&both)?, unit_of, bootstrap)?;
    differences_of(&scoring::prepared(first), &scoring::prepared(second), &units)
}

impl TaggingIntervals {
    fn of(pair: PairIntervals, bootstrap: Bootstrap) -> Self {
        let PairIntervals { first, second, n_units, n_used, n_undefined } = pair;
        Self { roc_auc: first, average_precision: second, n_units, n_used, n_undefined, bootstrap }
    }
}

/// Files of scorings that speak of the same labels.
fn n_files_of<S: Score>(seeds: &[Tagging<'_, S>]) -> Result<usize, EvaluateError> {
    let Some(first) = seeds.first() else { return Err(no_seeds()) };
    if seeds.iter().any(|other| !other.same_labels(first)) {
        return Err(other_files());
    }
    Ok(first.n_examples())
}

fn prepared<S: Score>(seeds: &[Tagging<'_, S>]) -> Result<Vec<Weighable>, EvaluateError> {
    if seeds.is_empty() {
        return Err(no_seeds());
    }
    Ok(seeds.iter().map(|seed| Weighable::Tags(seed.rankings())).collect())
}

fn no_seeds() -> EvaluateError {
    EvaluateError::Empty { what: "the list of seeds of a model".to_owned() }
}

fn other_files() -> EvaluateError {
    EvaluateError::Setting {
        name: "seeds",
        value: "scores of other files".to_owned(),
        requirement: "all must have the same labels in the same order".to_owned(),
    }
}

fn intervals_of(seeds: &[Weighable], units: &Resampling) -> Result<PairIntervals, EvaluateError> {
    let estimate = plain(seeds)?;
    let resampled = units.resample(|weights| {
        let of_seeds: Vec<_> = seeds.iter().map(|seed| seed.weighted(weights)).collect();
        std::array::from_fn(|lane| mean(of_seeds.iter().map(|lanes| lanes[lane])))
    });
    units.summarise(estimate, &resampled)
}

fn differences_of(
    first: &[Weighable],
    second: &[Weighable],
    units: &Resampling,
) -> Result<PairDifferences, EvaluateError> {
    if first.is_empty() || second.is_empty() {
        return Err(no_seeds());
    }
    let minus = |(a, b): Scores, (c, d): Scores| (a - c, b - d);
    let estimate = minus(plain(first)?, plain(second)?);
    let resampled = units.resample(|weights| {
        let of = |seeds: &[Weighable]| -> [Option<Scores>; LANES] {
            let of_seeds: Vec<_> = seeds.iter().map(|seed| seed.weighted(weights)).collect();
            std::array::from_fn(|lane| mean(of_seeds.iter().map(|lanes| lanes[lane])))
        };
        let (a, b) = (of(first), of(second));
        std::array::from_fn(|lane| Some(minus(a[lane]?, b[lane]?)))
    });
    let used = || resampled.iter().flatten();
    Ok(PairDifferences {
        intervals: units.summarise(estimate, &resampled)?,
        first_p: two_sided_p(used().map(|scores| scores.0)),
        second_p: two_sided_p(used().map(|scores| scores.1)),
    })
}

fn plain(seeds: &[Weighable]) -> Result<Scores, EvaluateError> {
    mean(seeds.iter().map(Weighable::plain)).ok_or_else(|| EvaluateError::NoTagWithBothClasses {
        what: "the files".to_owned(),
        n_tags: seeds.first().map_or(0, Weighable::n_outputs),
    })
}

fn mean(seeds: impl Iterator<Item = Option<Scores>>) -> Option<Scores> {
    let (mut first, mut second, mut n) = (0.0, 0.0, 0);
    for scores in seeds {
        let (of_first, of_second) = scores?;
        first += of_first;
        second += of_second;
        n += 1;
    }
    (n > 0).then(|| (first / f64::from(n), second / f64::from(n)))
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

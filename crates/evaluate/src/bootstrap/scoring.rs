//! One scoring of the test files, of any kind of task, measured with whole-number weights of the files.
//!
//! Tags: macro ROC-AUC and average precision. Classes: accuracy and macro F1 over the classes among labels or predictions of the resample.
//! Values: mean R² and mean Pearson's r over targets; a resample in which a target is constant has no value. Weights add in f64, in the
//! order of the files, so no result depends on threads.

use super::resampling::Scores;
use super::{no_seeds, other_files};
use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use crate::ranking::{LANES, LaneWeights, Ranking};
use crate::single_label::{argmax, class_labels};
use crate::tagging::{Tagging, macro_means};

/// Answers and scores of the same files.
#[derive(Clone, Copy, Debug)]
pub enum Scoring<'a> {
    /// Any number of tags a file.
    Tags(Tagging<'a, f64>),
    /// One class a file; made by [`Scoring::classes`].
    Classes(ClassScores<'a>),
    /// Values a file; made by [`Scoring::values`].
    Values(ValueScores<'a>),
}

/// Classes and logits, checked.
#[derive(Clone, Copy, Debug)]
pub struct ClassScores<'a> {
    classes: &'a [usize],
    logits: &'a [f64],
    n_classes: usize,
}

/// Values and predictions, checked.
#[derive(Clone, Copy, Debug)]
pub struct ValueScores<'a> {
    targets: &'a [f32],
    predictions: &'a [f64],
    n_targets: usize,
}

impl<'a> Scoring<'a> {
    /// Classes `[F]` below `n_classes` beside logits `[F, n_classes]`.
    pub fn classes(classes: &'a [usize], logits: &'a [f64], n_classes: usize) -> Result<Self, EvaluateError> {
        class_labels(classes, logits, n_classes)?;
        Ok(Self::Classes(ClassScores { classes, logits, n_classes }))
    }

    /// Targets and predictions, both `[F, n_targets]`.
    pub fn values(
        targets: &'a [f32],
        predictions: &'a [f64],
        n_targets: usize,
    ) -> Result<Self, EvaluateError> {
        if n_targets == 0 || targets.is_empty() {
            return Err(EvaluateError::Empty { what: "the list of targets".to_owned() });
        }
        same_size("predictions beside targets", targets.len(), predictions.len())?;
        same_size("targets of whole files", targets.len().next_multiple_of(n_targets), targets.len())?;
        all_finite("targets", targets)?;
        all_finite("predictions", predictions)?;
        Ok(Self::Values(ValueScores { targets, predictions, n_targets }))
    }

    fn n_files(&self) -> usize {
        match self {
            Self::Tags(tagging) => tagging.n_examples(),
            Self::Classes(scores) => scores.classes.len(),
            Self::Values(scores) => scores.targets.len() / scores.n_targets,
        }
    }

    fn same_answers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tags(a), Self::Tags(b)) => a.same_labels(b),
            (Self::Classes(a), Self::Classes(b)) => a.n_classes == b.n_classes && a.classes == b.classes,
            (Self::Values(a), Self::Values(b)) => a.n_targets == b.n_targets && a.targets == b.targets,
            _ => false,
        }
    }

    /// Both metrics on the files as they are; none where one has no value.
    pub fn metrics(&self) -> Option<(f64, f64)> {
        prepared(std::slice::from_ref(self))[0].plain()
    }
}

/// Files of scorings that speak of the same answers.
pub(super) fn n_files_of(seeds: &[Scoring<'_>]) -> Result<usize, EvaluateError> {
    let Some(first) = seeds.first() else { return Err(no_seeds()) };
    if seeds.iter().any(|other| !other.same_answers(first)) {
        return Err(other_files());
    }
    Ok(first.n_files())
}

/// What does not depend on weights, done once.
pub(super) fn prepared(seeds: &[Scoring<'_>]) -> Vec<Weighable> {
    let one = |seed: &Scoring<'_>| match seed {
        Scoring::Tags(tagging) => Weighable::Tags(tagging.rankings()),
        Scoring::Classes(ClassScores { classes, logits, n_classes }) => {
            let predicted = logits.chunks_exact(*n_classes).map(argmax);
            Weighable::Classes(classes.iter().copied().zip(predicted).collect(), *n_classes)
        }
        Scoring::Values(ValueScores { targets, predictions, n_targets }) => {
            let pairs = targets.iter().zip(*predictions).map(|(&y, &p)| (f64::from(y), p));
            Weighable::Values(pairs.collect(), *n_targets)
        }
    };
    seeds.iter().map(one).collect()
}

/// A scoring ready to be weighted.
pub(super) enum Weighable {
    Tags(Vec<Ranking>),
    /// Class and prediction of each file; how many classes there are.
    Classes(Vec<(usize, usize)>, usize),
    /// Target and prediction, `[F, n_targets]`; how many targets there are.
    Values(Vec<(f64, f64)>, usize),
}

impl Weighable {
    pub(super) fn n_outputs(&self) -> usize {
        match self {
            Self::Tags(rankings) => rankings.len(),
            Self::Classes(_, n) | Self::Values(_, n) => *n,
        }
    }

    /// Every file counted once.
    pub(super) fn plain(&self) -> Option<Scores> {
        match self {
            Self::Tags(rankings) => macro_means(&rankings.iter().map(Ranking::scores).collect::<Vec<_>>()),
            Self::Classes(pairs, n) => of_classes(pairs.iter().map(|&pair| (pair, 1.0)), *n),
            Self::Values(pairs, n) => of_values(pairs, *n, |_| 1.0),
        }
    }

    /// File `i` counted `weights[i][lane]` times.
    pub(super) fn weighted(&self, weights: &[LaneWeights]) -> [Option<Scores>; LANES] {
        match self {
            Self::Tags(rankings) => {
                let tags: Vec<_> = rankings.iter().map(|tag| tag.weighted_scores(weights)).collect();
                std::array::from_fn(|lane| macro_means(&tags.iter().map(|tag| tag[lane]).collect::<Vec<_>>()))
            }
            Self::Classes(pairs, n) => std::array::from_fn(|lane| {
                of_classes(pairs.iter().zip(weights).map(|(&pair, row)| (pair, f64::from(row[lane]))), *n)
            }),
            Self::Values(pairs, n) => {
                std::array::from_fn(|lane| of_values(pairs, *n, |file| f64::from(weights[file][lane])))
            }
        }
    }
}

/// Accuracy and macro F1 over the classes seen.
fn of_classes(pairs: impl Iterator<Item = ((usize, usize), f64)>, n_classes: usize) -> Option<Scores> {
    let (mut hits, mut seen) = (vec![0.0; n_classes], vec![0.0; n_classes]);
    let mut n = 0.0;
    for ((class, predicted), weight) in pairs {
        n += weight;
        seen[class] += weight;
        seen[predicted] += weight;
        if class == predicted {
            hits[class] += weight;
        }
    }
    let f1: Vec<f64> =
        hits.iter().zip(&seen).filter(|(_, seen)| **seen > 0.0).map(|(hit, seen)| 2.0 * hit / seen).collect();
    (n > 0.0).then(|| (hits.iter().sum::<f64>() / n, f1.iter().sum::<f64>() / f1.len() as f64))
}

/// Means over targets of R² and of Pearson's r.
fn of_values(pairs: &[(f64, f64)], n_targets: usize, weight: impl Fn(usize) -> f64) -> Option<Scores> {
    let (mut r2, mut r) = (0.0, 0.0);
    for target in 0..n_targets {
        let column = || {
            let of_target = pairs.iter().skip(target).step_by(n_targets).enumerate();
            of_target.map(|(file, &(y, p))| (y, p, weight(file)))
        };
        let n: f64 = column().map(|(_, _, w)| w).sum();
        let mean_y = column().map(|(y, _, w)| w * y).sum::<f64>() / n;
        let mean_p = column().map(|(_, p, w)| w * p).sum::<f64>() / n;
        let (mut error, mut spread, mut predicted, mut product) = (0.0, 0.0, 0.0, 0.0);
        for (y, p, w) in column() {
            error += w * (y - p) * (y - p);
            spread += w * (y - mean_y) * (y - mean_y);
            predicted += w * (p - mean_p) * (p - mean_p);
            product += w * (y - mean_y) * (p - mean_p);
        }
        if !(n > 0.0 && spread > 0.0) {
            return None;
        }
        r2 += 1.0 - error / spread;
        // Constant predictions go with nothing: r counts 0.
        r += if predicted > 0.0 { product / (spread.sqrt() * predicted.sqrt()) } else { 0.0 };
    }
    Some((r2 / n_targets as f64, r / n_targets as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{regression_metrics, single_label_metrics};

    #[test]
    fn weights_of_one_give_the_metrics_of_the_files() {
        let classes = [0, 2, 1, 1, 0, 3];
        let logits: Vec<f64> = (0..24).map(|i| f64::from((i * 7) % 11)).collect();
        let (accuracy, f1) = Scoring::classes(&classes, &logits, 4).unwrap().metrics().unwrap();
        let whole = single_label_metrics(&classes, &logits, 4).unwrap();
        assert!((accuracy - whole.accuracy).abs() < 1e-12 && (f1 - whole.f1_macro_seen).abs() < 1e-12);

        let targets = [1.0f32, 2.0, 4.0, 8.0, 3.0, 0.0];
        let predictions = [1.5, 1.0, 3.0, 9.0, 2.0, 1.0];
        let (r2, r) = Scoring::values(&targets, &predictions, 2).unwrap().metrics().unwrap();
        let wide: Vec<f64> = targets.iter().map(|&x| f64::from(x)).collect();
        let whole = regression_metrics(&wide, &predictions, 2).unwrap();
        let pearson: f64 = whole.pearson.iter().map(|r| r.unwrap()).sum::<f64>() / 2.0;
        assert!((r2 - whole.r2_mean).abs() < 1e-12 && (r - pearson).abs() < 1e-12);
    }

    #[test]
    fn weights_equal_repeated_files() {
        let (classes, logits) = ([0, 1, 1], [2.0, 1.0, 0.0, 1.0, 3.0, 1.0]);
        let weights: Vec<LaneWeights> = [2u8, 0, 3].map(|n| [n; LANES]).to_vec();
        let weighted = prepared(&[Scoring::classes(&classes, &logits, 2).unwrap()])[0].weighted(&weights)[3];
        let many = [0, 0, 1, 1, 1];
        let repeated: Vec<f64> =
            [&logits[..2], &logits[..2], &logits[4..], &logits[4..], &logits[4..]].concat();
        assert_eq!(weighted, Scoring::classes(&many, &repeated, 2).unwrap().metrics());
    }
}

//! Metrics of multi-label tagging: ROC-AUC, average precision and F1, per tag, macro and micro.
//!
//! Shapes: labels and scores `[N, K]` (N examples, K tags), row-major. Scores are logits or probabilities; only F1 needs to know
//! which, through the threshold that a score must exceed to count as a prediction. Pure; sums in whole numbers or f64.
//!
//! A tag with one class only has no ROC-AUC: it is left out of the macro and micro means of the ranking metrics, as is its average
//! precision, and named in [`TaggingMetrics::left_out`]. F1 covers all tags, with 0/0 = 0 (scikit-learn).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use crate::ranking::{RankScores, Ranking};

/// A score of one label. Implemented for both float types.
pub trait Score: Copy + Into<f64> + Send + Sync {}
impl Score for f32 {}
impl Score for f64 {}

/// The smallest logit that does not count as a prediction: probability 0.5.
pub const LOGIT_THRESHOLD: f64 = 0.0;
/// The same for probabilities.
pub const PROBABILITY_THRESHOLD: f64 = 0.5;

/// Labels and scores of the same examples.
///
/// # Shapes
/// - labels `[N, K]`, each 0 or 1
/// - scores `[N, K]`
#[derive(Clone, Copy, Debug)]
pub struct Tagging<'a, S> {
    labels: &'a [u8],
    scores: &'a [S],
    n_tags: usize,
}

impl<'a, S: Score> Tagging<'a, S> {
    /// Checks sizes, labels and scores.
    pub fn new(labels: &'a [u8], scores: &'a [S], n_tags: usize) -> Result<Self, EvaluateError> {
        if n_tags == 0 || labels.is_empty() {
            return Err(EvaluateError::Empty { what: "the matrix of tags".to_owned() });
        }
        same_size("labels of whole examples", labels.len().next_multiple_of(n_tags), labels.len())?;
        same_size("scores beside labels", labels.len(), scores.len())?;
        binary("tags", labels)?;
        all_finite("scores", scores)?;
        Ok(Self { labels, scores, n_tags })
    }

    /// N.
    pub fn n_examples(&self) -> usize {
        self.labels.len() / self.n_tags
    }

    /// K.
    pub fn n_tags(&self) -> usize {
        self.n_tags
    }

    /// Whether two scorings speak of the same labels.
    pub(crate) fn same_labels(&self, other: &Self) -> bool {
        self.n_tags == other.n_tags && self.labels == other.labels
    }

    /// The examples of every tag, sorted by score.
    pub(crate) fn rankings(&self) -> Vec<Ranking> {
        (0..self.n_tags).into_par_iter().map(|tag| Ranking::new(self.column(tag))).collect()
    }

    fn column(&self, tag: usize) -> impl Iterator<Item = (bool, f64)> {
        let labels = self.labels.iter().skip(tag).step_by(self.n_tags);
        let scores = self.scores.iter().skip(tag).step_by(self.n_tags);
        labels.zip(scores).map(|(&label, &score)| (label == 1, score.into()))
    }
}

/// Everything measured on one set of tags. Lists are in the order of the tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaggingMetrics {
    /// Examples measured on.
    pub n_examples: usize,
    /// Positive examples of each tag.
    pub positives: Vec<usize>,
    /// ROC-AUC of each tag; none where only one class is present.
    pub roc_auc: Vec<Option<f64>>,
    /// Average precision of each tag; none where there is no positive.
    pub average_precision: Vec<Option<f64>>,
    /// F1 of each tag.
    pub f1: Vec<f64>,
    /// Mean ROC-AUC over the tags with both classes.
    pub roc_auc_macro: f64,
    /// Mean average precision over the same tags.
    pub average_precision_macro: f64,
    /// ROC-AUC of all (example, tag) pairs of the same tags.
    pub roc_auc_micro: f64,
    /// Mean F1 over all tags.
    pub f1_macro: f64,
    /// F1 of the counts added up over all tags.
    pub f1_micro: f64,
    /// Tags with one class only, by index: they are in no mean of ROC-AUC or average precision.
    pub left_out: Vec<usize>,
}

/// Measures everything. A score above `threshold` counts as a prediction for F1.
pub fn tagging_metrics<S: Score>(
    data: &Tagging<'_, S>,
    threshold: f64,
) -> Result<TaggingMetrics, EvaluateError> {
    let ranked: Vec<RankScores> = data.rankings().par_iter().map(Ranking::scores).collect();
    let (roc_auc_macro, average_precision_macro) = macro_means(&ranked).ok_or_else(|| no_tag(data.n_tags))?;
    let counts: Vec<Confusion> =
        (0..data.n_tags).into_par_iter().map(|tag| Confusion::count(data.column(tag), threshold)).collect();
    let f1: Vec<f64> = counts.iter().map(Confusion::f1).collect();
    let all = counts.iter().fold(Confusion::default(), Confusion::plus);
    Ok(TaggingMetrics {
        n_examples: data.n_examples(),
        positives: counts.iter().map(|count| count.hits + count.misses).collect(),
        roc_auc: ranked.iter().map(|scores| scores.roc_auc).collect(),
        average_precision: ranked.iter().map(|scores| scores.average_precision).collect(),
        roc_auc_macro,
        average_precision_macro,
        roc_auc_micro: micro_roc_auc(data, &ranked),
        f1_macro: f1.iter().sum::<f64>() / f1.len() as f64,
        f1_micro: all.f1(),
        f1,
        left_out: (0..data.n_tags).filter(|&tag| ranked[tag].roc_auc.is_none()).collect(),
    })
}

/// Mean ROC-AUC over the tags with both classes, and nothing else: what model selection asks after every epoch.
pub fn macro_roc_auc<S: Score>(data: &Tagging<'_, S>) -> Result<f64, EvaluateError> {
    let ranked: Vec<RankScores> = data.rankings().par_iter().map(Ranking::scores).collect();
    macro_means(&ranked).map(|(roc_auc, _)| roc_auc).ok_or_else(|| no_tag(data.n_tags))
}

/// ROC-AUC of one list; none when only one class is present.
pub fn roc_auc<S: Score>(labels: &[u8], scores: &[S]) -> Result<Option<f64>, EvaluateError> {
    Ok(Ranking::new(Tagging::new(labels, scores, 1)?.column(0)).scores().roc_auc)
}

/// Average precision of one list; none without a positive.
pub fn average_precision<S: Score>(labels: &[u8], scores: &[S]) -> Result<Option<f64>, EvaluateError> {
    Ok(Ranking::new(Tagging::new(labels, scores, 1)?.column(0)).scores().average_precision)
}

/// Means of ROC-AUC and average precision over the tags with both classes.
pub(crate) fn macro_means(scores: &[RankScores]) -> Option<(f64, f64)> {
    let (mut auc, mut ap, mut n) = (0.0, 0.0, 0);
    for tag in scores {
        if let (Some(tag_auc), Some(tag_ap)) = (tag.roc_auc, tag.average_precision) {
            auc += tag_auc;
            ap += tag_ap;
            n += 1;
        }
    }
    (n > 0).then(|| (auc / f64::from(n), ap / f64::from(n)))
}

/// Fails at the first label that is neither 0 nor 1.
pub(crate) fn binary(what: &str, labels: &[u8]) -> Result<(), EvaluateError> {
    match labels.iter().position(|&label| label > 1) {
        None => Ok(()),
        Some(index) => {
            let value = u64::from(labels[index]);
            Err(EvaluateError::Label { what: what.to_owned(), index, value, largest: 1 })
        }
    }
}

fn no_tag(n_tags: usize) -> EvaluateError {
    EvaluateError::NoTagWithBothClasses { what: "the examples".to_owned(), n_tags }
}

fn micro_roc_auc<S: Score>(data: &Tagging<'_, S>, ranked: &[RankScores]) -> f64 {
    let kept = (0..data.n_tags).filter(|&tag| ranked[tag].roc_auc.is_some());
    let all = Ranking::new(kept.flat_map(|tag| data.column(tag))).scores();
    all.roc_auc.expect("a kept tag has both classes, so all kept tags together have")
}

#[derive(Clone, Copy, Default)]
struct Confusion {
    hits: usize,
    false_alarms: usize,
    misses: usize,
}

impl Confusion {
    fn count(examples: impl Iterator<Item = (bool, f64)>, threshold: f64) -> Self {
        let mut count = Self::default();
        for (positive, score) in examples {
            match (positive, score > threshold) {
                (true, true) => count.hits += 1,
                (false, true) => count.false_alarms += 1,
                (true, false) => count.misses += 1,
                (false, false) => {}
            }
        }
        count
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            false_alarms: self.false_alarms + other.false_alarms,
            misses: self.misses + other.misses,
        }
    }

    fn f1(&self) -> f64 {
        let denominator = 2 * self.hits + self.false_alarms + self.misses;
        if denominator == 0 { 0.0 } else { 2.0 * self.hits as f64 / denominator as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_two_and_a_nan_are_refused() {
        assert!(Tagging::new(&[0, 2], &[0.0f32, 1.0], 1).is_err());
        assert!(Tagging::new(&[0, 1], &[0.0, f32::NAN], 1).is_err());
        assert!(Tagging::new(&[0, 1, 1], &[0.0f32, 0.0, 0.0], 2).is_err());
        assert!(Tagging::<f32>::new(&[], &[], 2).is_err());
    }

    #[test]
    fn metrics_without_any_tag_of_both_classes_are_refused() {
        let data = Tagging::new(&[1, 0, 1, 0], &[0.1f32, 0.2, 0.3, 0.4], 2).unwrap();
        assert!(tagging_metrics(&data, LOGIT_THRESHOLD).is_err());
    }

    #[test]
    fn negating_the_scores_mirrors_roc_auc() {
        let labels = [1, 0, 0, 1, 1, 0, 0];
        let scores = [0.3f32, 0.2, 0.9, 0.9, 0.4, 0.1, 0.4];
        let mirrored: Vec<f32> = scores.iter().map(|s| -s).collect();
        let sum = roc_auc(&labels, &scores).unwrap().unwrap() + roc_auc(&labels, &mirrored).unwrap().unwrap();
        assert!((sum - 1.0).abs() < 1e-15);
    }
}

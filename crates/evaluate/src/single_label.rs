//! Metrics of single-label classification: one class of C for each example.
//!
//! The prediction is the class of the largest logit, ties going to the lowest index (numpy's argmax).
//! `F1_c = 2·hits / (labels_c + predictions_c)`, 0/0 = 0; balanced accuracy is the mean recall of the classes that occur among the labels;
//! cross entropy is `−(1/N) Σ log softmax(logits)[label]`, nats. All as scikit-learn. Pure; f64.

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use crate::tagging::Score;

/// Everything measured on one single-label task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SingleLabelMetrics {
    /// Examples measured on.
    pub n_examples: usize,
    /// Share of examples whose prediction is right.
    pub accuracy: f64,
    /// Mean recall of the classes that occur among the labels.
    pub balanced_accuracy: f64,
    /// F1 of each class.
    pub f1: Vec<f64>,
    /// Mean F1 over all classes.
    pub f1_macro: f64,
    /// Mean F1 over the classes among labels or predictions (scikit-learn's default).
    pub f1_macro_seen: f64,
    /// F1 of the counts added up; equal to the accuracy here.
    pub f1_micro: f64,
    /// F1 weighted by the number of labels of each class.
    pub f1_weighted: f64,
    /// Examples by label (row) and prediction (column).
    pub confusion: Vec<Vec<usize>>,
    /// Mean cross entropy, nats.
    pub cross_entropy: f64,
    /// Classes among neither labels nor predictions, by index.
    pub unseen: Vec<usize>,
}

/// Measures everything.
///
/// # Shapes
/// - `labels` `[N]`, each below `n_classes`
/// - `logits` `[N, n_classes]`
pub fn single_label_metrics<S: Score>(
    labels: &[usize],
    logits: &[S],
    n_classes: usize,
) -> Result<SingleLabelMetrics, EvaluateError> {
    class_labels(labels, logits, n_classes)?;
    let mut confusion = vec![vec![0usize; n_classes]; n_classes];
    let mut cross_entropy = 0.0;
    for (&label, row) in labels.iter().zip(logits.chunks_exact(n_classes)) {
        confusion[label][argmax(row)] += 1;
        cross_entropy -= log_softmax_at(row, label);
    }
    let n = labels.len() as f64;
    let of_label: Vec<usize> = confusion.iter().map(|row| row.iter().sum()).collect();
    let of_prediction: Vec<usize> =
        (0..n_classes).map(|class| confusion.iter().map(|row| row[class]).sum()).collect();
    let hits = |class: usize| confusion[class][class] as f64;
    let f1: Vec<f64> = (0..n_classes)
        .map(|class| match of_label[class] + of_prediction[class] {
            0 => 0.0,
            denominator => 2.0 * hits(class) / denominator as f64,
        })
        .collect();
    let seen = (0..n_classes).filter(|&class| of_label[class] + of_prediction[class] > 0);
    let labelled = (0..n_classes).filter(|&class| of_label[class] > 0);
    let accuracy = (0..n_classes).map(hits).sum::<f64>() / n;
    Ok(SingleLabelMetrics {
        n_examples: labels.len(),
        accuracy,
        balanced_accuracy: mean(labelled.map(|class| hits(class) / of_label[class] as f64)),
        f1_macro: mean(f1.iter().copied()),
        f1_macro_seen: mean(seen.map(|class| f1[class])),
        f1_micro: accuracy,
        f1_weighted: (0..n_classes).map(|class| f1[class] * of_label[class] as f64).sum::<f64>() / n,
        cross_entropy: cross_entropy / n,
        unseen: (0..n_classes).filter(|&class| of_label[class] + of_prediction[class] == 0).collect(),
        f1,
        confusion,
    })
}

/// Fails unless labels `[N]` and logits `[N, n_classes]` fit each other and can be measured.
pub(crate) fn class_labels<S: Score>(
    labels: &[usize],
    logits: &[S],
    n_classes: usize,
) -> Result<(), EvaluateError> {
    if n_classes == 0 || labels.is_empty() {
        return Err(EvaluateError::Empty { what: "the list of labels or of classes".to_owned() });
    }
    same_size("logits beside labels", labels.len().saturating_mul(n_classes), logits.len())?;
    if let Some(index) = labels.iter().position(|&label| label >= n_classes) {
        let (value, largest) = (labels[index] as u64, n_classes as u64 - 1);
        return Err(EvaluateError::Label { what: "classes".to_owned(), index, value, largest });
    }
    all_finite("logits", logits)
}

/// The first index of the largest element.
pub(crate) fn argmax<S: Score>(row: &[S]) -> usize {
    let mut best = 0;
    for (index, &x) in row.iter().enumerate() {
        if x.into() > row[best].into() {
            best = index;
        }
    }
    best
}

/// `log softmax(row)[at]`.
fn log_softmax_at<S: Score>(row: &[S], at: usize) -> f64 {
    let largest = row[argmax(row)].into();
    let sum: f64 = row.iter().map(|&x| (x.into() - largest).exp()).sum();
    row[at].into() - largest - sum.ln()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0usize), |(sum, n), x| (sum + x, n + 1));
    sum / n.max(1) as f64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small fractions are exact")]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_class() {
        let metrics = single_label_metrics(&[0, 1], &[1.0f32, 1.0, 2.0, 2.0], 2).unwrap();
        assert_eq!(metrics.confusion, [[1, 0], [1, 0]]);
        assert_eq!(metrics.accuracy, 0.5);
    }

    #[test]
    fn a_label_beyond_the_classes_is_refused() {
        assert!(single_label_metrics(&[2], &[0.0f32, 0.0], 2).is_err());
        assert!(single_label_metrics(&[0], &[0.0f32], 2).is_err());
        assert!(single_label_metrics(&[0], &[0.0, f32::NAN], 2).is_err());
    }
}

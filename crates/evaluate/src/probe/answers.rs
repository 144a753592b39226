//! What is right for the files of a split, in the form that its kind of task learns and is measured by.
//!
//! Values are learnt as `(y − mean)/deviation` with the statistics of the training files, and predictions are brought back before they are
//! measured: the learning rate then means the same whatever the unit. Shapes: F files, K outputs. Pure.

use super::features::FeatureSet;
use super::kind::Kind;
use super::loss::Targets;
use super::standardisation::Standardisation;
use crate::EvaluateError;
use crate::bootstrap::Scoring;
use crate::regression::regression_metrics;
use crate::single_label::single_label_metrics;
use crate::tagging::{Tagging, macro_roc_auc};

/// Answers of files.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// `[F, K]`, 0 or 1.
    Tags(Vec<u8>),
    /// `[F]`, each below K.
    Classes(Vec<usize>),
    /// `[F, K]`, in the unit of the data.
    Values(Vec<f32>),
}

impl Answers {
    /// The answers of a split. Of tags those that are `kept` only; classes and values are all kept.
    pub(super) fn of(
        set: &FeatureSet,
        split: &str,
        kind: Kind,
        kept: &[usize],
        n_outputs: usize,
    ) -> Result<Self, EvaluateError> {
        Ok(match kind {
            Kind::Tags => Self::Tags(set.labels_of(kept, n_outputs)),
            Kind::Values => Self::Values(set.values.clone()),
            Kind::Classes => {
                let class = |(file, row): (usize, &[u8])| match positions(row).as_slice() {
                    [class] => Ok(*class),
                    several => Err(EvaluateError::NotOneClass {
                        split: split.to_owned(),
                        file: set.files[file].id.clone(),
                        found: several.len(),
                    }),
                };
                let rows = set.labels.chunks_exact(n_outputs).enumerate();
                Self::Classes(rows.map(class).collect::<Result<_, _>>()?)
            }
        })
    }

    /// One target a chunk: every chunk is an example with the answer of its file.
    pub(super) fn targets(
        &self,
        chunk_file: &[usize],
        n_outputs: usize,
        scale: Option<&Standardisation>,
    ) -> ChunkTargets {
        match self {
            Self::Tags(labels) => ChunkTargets::Tags(
                rows(labels, chunk_file, n_outputs).map(|&label| f32::from(label)).collect(),
            ),
            Self::Classes(classes) => {
                ChunkTargets::Classes(chunk_file.iter().map(|&file| classes[file]).collect())
            }
            Self::Values(values) => {
                let of_chunks: Vec<f32> = rows(values, chunk_file, n_outputs).copied().collect();
                ChunkTargets::Values(scale.map_or_else(|| of_chunks.clone(), |scale| scale.apply(&of_chunks)))
            }
        }
    }

    /// F.
    pub(super) fn n_files(&self, n_outputs: usize) -> usize {
        match self {
            Self::Tags(labels) => labels.len() / n_outputs.max(1),
            Self::Values(values) => values.len() / n_outputs.max(1),
            Self::Classes(classes) => classes.len(),
        }
    }

    /// The first metric of the kind: what epochs are chosen by.
    pub(super) fn selection(&self, scores: &[f64], n_outputs: usize) -> Result<f64, EvaluateError> {
        match self {
            Self::Tags(labels) => macro_roc_auc(&Tagging::new(labels, scores, n_outputs)?),
            Self::Classes(classes) => Ok(single_label_metrics(classes, scores, n_outputs)?.accuracy),
            Self::Values(values) => Ok(regression_metrics(&wide(values), scores, n_outputs)?.r2_mean),
        }
    }

    /// These answers beside `scores` `[F, K]`.
    pub fn scoring<'a>(&'a self, scores: &'a [f64], n_outputs: usize) -> Result<Scoring<'a>, EvaluateError> {
        match self {
            Self::Tags(labels) => Ok(Scoring::Tags(Tagging::new(labels, scores, n_outputs)?)),
            Self::Classes(classes) => Scoring::classes(classes, scores, n_outputs),
            Self::Values(values) => Scoring::values(values, scores, n_outputs),
        }
    }

    /// What knows nothing of a file would say of each of `n_files`: the training files' shares of tags, logarithms of the shares of classes,
    /// means of values. `[n_files, K]`.
    pub fn chance(&self, n_outputs: usize, n_files: usize) -> Vec<f64> {
        let mut row = vec![0.0; n_outputs];
        match self {
            Self::Tags(labels) => add(&mut row, labels.iter().map(|&label| f64::from(label))),
            Self::Values(values) => add(&mut row, values.iter().map(|&value| f64::from(value))),
            Self::Classes(classes) => classes.iter().for_each(|&class| row[class] += 1.0),
        }
        let n = self.n_files(n_outputs);
        for x in &mut row {
            *x /= n.max(1) as f64;
            if matches!(self, Self::Classes(_)) {
                *x = x.max(f64::MIN_POSITIVE).ln();
            }
        }
        row.repeat(n_files)
    }
}

/// What chunks are trained towards.
pub(super) enum ChunkTargets {
    Tags(Vec<f32>),
    Classes(Vec<usize>),
    Values(Vec<f32>),
}

impl ChunkTargets {
    pub(super) fn lend(&self) -> Targets<'_> {
        match self {
            Self::Tags(targets) => Targets::Tags(targets),
            Self::Classes(classes) => Targets::Classes(classes),
            Self::Values(targets) => Targets::Values(targets),
        }
    }
}

fn positions(row: &[u8]) -> Vec<usize> {
    row.iter().enumerate().filter(|(_, label)| **label == 1).map(|(class, _)| class).collect()
}

fn rows<'a, T>(table: &'a [T], chunk_file: &'a [usize], n: usize) -> impl Iterator<Item = &'a T> {
    chunk_file.iter().flat_map(move |&file| &table[file * n..][..n])
}

fn add(row: &mut [f64], values: impl Iterator<Item = f64>) {
    let n = row.len();
    for (index, value) in values.enumerate() {
        row[index % n] += value;
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

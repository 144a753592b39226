//! One probe trained at one learning rate with one seed.

use draws::Draws;
use serde::{Deserialize, Serialize};

use super::adam::{Adam, AdamSettings};
use super::config::ProbeConfig;
use super::dropout::Dropout;
use super::layers::Rows;
use super::loss::Targets;
use super::network::Network;
use super::schedule::{EarlyStopping, Plateau};
use super::shape::Shape;
use crate::tagging::{Tagging, macro_roc_auc};
use crate::{Average, EvaluateError, file_scores};

/// What all runs have in common.
pub(super) struct Task<'a> {
    pub(super) shape: Shape,
    pub(super) train: Rows<'a>,
    /// `[M, n]`: every chunk has the tags of its file.
    pub(super) train_targets: Vec<f32>,
    pub(super) valid: Files<'a>,
}

/// Chunks with the labels of their files.
pub(super) struct Files<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) chunk_file: &'a [usize],
    /// `[F, n]`.
    pub(super) labels: Vec<u8>,
}

impl Files<'_> {
    /// Scores of the files, `[F, n]`.
    pub(super) fn scores(&self, network: &mut Network, average: Average) -> Result<Vec<f64>, EvaluateError> {
        let n = network.shape().outputs;
        file_scores(&network.logits(&self.rows), n, self.chunk_file, self.labels.len() / n, average)
    }
}

/// One epoch of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean training loss over its steps, dropout included.
    pub loss: f64,
    /// Macro ROC-AUC on the validation files after it.
    pub valid_roc_auc: f64,
    /// Learning rate during it.
    pub learning_rate: f64,
}

/// A trained probe: the weights after its best epoch.
pub(super) struct Trained {
    pub(super) seed: u64,
    pub(super) network: Network,
    pub(super) best_epoch: usize,
    pub(super) epochs: Vec<Epoch>,
}

impl Trained {
    pub(super) fn best_valid(&self) -> f64 {
        self.epochs[self.best_epoch].valid_roc_auc
    }
}

/// Trains to the best epoch.
pub(super) fn train(
    task: &Task<'_>,
    config: &ProbeConfig,
    learning_rate: f64,
    seed: u64,
) -> Result<Trained, EvaluateError> {
    let mut network = Network::new(task.shape, task.shape.initial(seed))?;
    let settings = AdamSettings { weight_decay: config.weight_decay, ..AdamSettings::default() };
    let mut adam = Adam::new(task.shape.n_parameters(), settings);
    let mut plateau = Plateau::new(learning_rate, config.plateau_factor, config.plateau_patience);
    let mut stopping = EarlyStopping::new(config.stop_patience);
    let mut best = network.clone();
    let mut best_epoch = 0;
    let mut epochs = Vec::new();
    let mut order: Vec<usize> = (0..task.train.n_examples()).collect();
    for epoch in 0..config.epochs {
        let learning_rate = plateau.rate();
        let dropout = Dropout { probability: config.dropout, seed, epoch };
        Draws::new(seed, "evaluate/probe/order", &[epoch as u64]).shuffle(&mut order);
        let mut sum = 0.0;
        for (step, batch) in order.chunks(config.batch).enumerate() {
            let targets = Targets::Tags(&task.train_targets);
            let loss = network.loss_and_gradient(&task.train, targets, batch, Some(dropout));
            if !loss.is_finite() {
                return Err(EvaluateError::Diverged { seed, epoch, step, loss, learning_rate });
            }
            sum += loss * batch.len() as f64;
            let (parameters, gradient) = network.update();
            adam.step(parameters, gradient, learning_rate);
        }
        let scores = task.valid.scores(&mut network, config.average)?;
        let valid_roc_auc = macro_roc_auc(&Tagging::new(&task.valid.labels, &scores, task.shape.outputs)?)?;
        epochs.push(Epoch { loss: sum / order.len() as f64, valid_roc_auc, learning_rate });
        plateau.observe(valid_roc_auc);
        let verdict = stopping.observe(valid_roc_auc);
        if verdict.is_best {
            best_epoch = epoch;
            best.update().0.copy_from_slice(network.parameters());
        }
        if verdict.stop {
            break;
        }
    }
    Ok(Trained { seed, network: best, best_epoch, epochs })
}

//! One probe trained at one learning rate with one seed.

use draws::Draws;
use serde::{Deserialize, Serialize};

use super::adam::{Adam, AdamSettings};
use super::answers::{Answers, ChunkTargets};
use super::config::ProbeConfig;
use super::dropout::Dropout;
use super::layers::Rows;
use super::network::Network;
use super::schedule::{EarlyStopping, Plateau};
use super::shape::Shape;
use super::splits::LearningData;
use super::standardisation::Standardisation;
use crate::{Average, EvaluateError, file_scores};

/// What all runs have in common.
pub(super) struct Task<'a> {
    pub(super) shape: Shape,
    pub(super) train: Rows<'a>,
    /// One a chunk: every chunk has the answer of its file.
    pub(super) targets: &'a ChunkTargets,
    pub(super) valid: Files<'a>,
    /// Asked once an epoch whether to go on.
    pub(super) data: LearningData<'a>,
}

/// Chunks with the answers of their files.
pub(super) struct Files<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) chunk_file: &'a [usize],
    pub(super) answers: &'a Answers,
    /// How values were brought to mean 0 and deviation 1.
    pub(super) value_scale: Option<&'a Standardisation>,
}

impl Files<'_> {
    /// Scores of the files, `[F, n]`; values in their own unit.
    pub(super) fn scores(&self, network: &mut Network, average: Average) -> Result<Vec<f64>, EvaluateError> {
        let n = network.shape().outputs;
        // Only logits of tags are probabilities in disguise; what classes and values are averaged by has no other form.
        let average = if matches!(self.answers, Answers::Tags(_)) { average } else { Average::Logits };
        let n_files = self.answers.n_files(n);
        let scores = file_scores(&network.logits(&self.rows), n, self.chunk_file, n_files, average)?;
        Ok(match self.value_scale {
            None => scores,
            Some(scale) => scale.undo(&scores),
        })
    }
}

/// One epoch of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean training loss over its steps, dropout included.
    pub loss: f64,
    /// The first metric of the kind, macro ROC-AUC for tags, on the validation files after it.
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
        task.data.go_on()?;
        let learning_rate = plateau.rate();
        let dropout = Dropout { probability: config.dropout, seed, epoch };
        Draws::new(seed, "evaluate/probe/order", &[epoch as u64]).shuffle(&mut order);
        let mut sum = 0.0;
        for (step, batch) in order.chunks(config.batch).enumerate() {
            let loss = network.loss_and_gradient(&task.train, task.targets.lend(), batch, Some(dropout));
            if !loss.is_finite() {
                return Err(EvaluateError::Diverged { seed, epoch, step, loss, learning_rate });
            }
            sum += loss * batch.len() as f64;
            let (parameters, gradient) = network.update();
            adam.step(parameters, gradient, learning_rate);
        }
        let scores = task.valid.scores(&mut network, config.average)?;
        let valid_roc_auc = task.valid.answers.selection(&scores, task.shape.outputs)?;
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

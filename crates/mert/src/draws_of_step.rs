//! What is random inside a forward pass of training, each draw keyed by where it falls.

use draws::Draws;
use kernels::DropoutKey;
use serde::{Deserialize, Serialize};

/// Shares that are dropped in training; all 0 in evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regularisation {
    /// Outputs of sublayers, and the input of the first layer.
    pub hidden: f64,
    /// Attention weights.
    pub attention: f64,
    /// Inside the feed-forward layers.
    pub activation: f64,
    /// Projected features.
    pub input: f64,
    /// Whole layers.
    pub layer: f64,
}

/// The draws of one micro-batch of one update.
#[derive(Clone, Copy, Debug)]
pub struct StepDraws {
    /// Seed of the run.
    pub seed: u64,
    /// Stage, update and micro-batch: where in the run this step stands.
    pub position: [u64; 3],
    /// What is dropped.
    pub regularisation: Regularisation,
}

/// Where in the model a dropout stands.
#[derive(Clone, Copy)]
pub(crate) enum Site {
    Input,
    EncoderInput,
    Attention(usize),
    AttentionOutput(usize),
    Activation(usize),
    FeedForwardOutput(usize),
}

impl StepDraws {
    /// The mask of a site, or none where nothing is dropped.
    pub(crate) fn dropout(&self, site: Site) -> Option<DropoutKey> {
        let shares = &self.regularisation;
        let (number, share) = match site {
            Site::Input => (0, shares.input),
            Site::EncoderInput => (1, shares.hidden),
            Site::Attention(layer) => (4 * layer + 4, shares.attention),
            Site::AttentionOutput(layer) => (4 * layer + 5, shares.hidden),
            Site::Activation(layer) => (4 * layer + 6, shares.activation),
            Site::FeedForwardOutput(layer) => (4 * layer + 7, shares.hidden),
        };
        let [stage, update, micro_batch] = self.position;
        (share > 0.0).then(|| DropoutKey::new(self.seed, &[stage, update, micro_batch, number as u64], share))
    }

    /// Whether layer `layer` is skipped: when its uniform is at most the share (fairseq).
    pub(crate) fn skips(&self, layer: usize) -> bool {
        let [stage, update, micro_batch] = self.position;
        self.regularisation.layer > 0.0
            && Draws::new(self.seed, "layer drop", &[stage, update, micro_batch, layer as u64]).uniform()
                <= self.regularisation.layer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_and_steps_draw_apart() {
        let regularisation =
            Regularisation { hidden: 0.1, attention: 0.1, activation: 0.1, input: 0.1, layer: 0.0 };
        let keys = |position| {
            let draws = StepDraws { seed: 1, position, regularisation };
            let sites = [Site::Input, Site::EncoderInput, Site::Attention(0), Site::AttentionOutput(0)];
            let more = [Site::Activation(0), Site::FeedForwardOutput(0), Site::Attention(1)];
            sites.into_iter().chain(more).map(|site| draws.dropout(site).unwrap().key).collect::<Vec<_>>()
        };
        let mut all = [keys([0, 0, 0]), keys([0, 1, 0]), keys([1, 0, 0]), keys([0, 0, 1])].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 28);
    }

    #[test]
    fn layers_are_skipped_as_often_as_said() {
        let regularisation = Regularisation { layer: 0.25, ..Regularisation::default() };
        let skipped = (0..4000)
            .filter(|&update| StepDraws { seed: 3, position: [0, update, 0], regularisation }.skips(1))
            .count();
        assert!((900..1100).contains(&skipped), "{skipped}");
    }
}

//! A trained probe: weights, names of its outputs, and the facts it takes to use them.

use serde::{Deserialize, Serialize};

use super::features::EncoderFacts;
use super::layers::Rows;
use super::network::Network;
use super::shape::Shape;
use super::standardisation::Standardisation;
use crate::aggregate::logistic;
use crate::error::{all_finite, same_size};
use crate::{Average, EvaluateError, file_scores};

/// Version of the layout of [`ProbeFacts`].
pub(super) const SCHEMA: u32 = 1;

/// No encoder has more hidden states; keeps products of sizes far from overflow.
const MAX_STATES: usize = 1 << 12;

/// What a probe is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeFacts {
    /// Version of this layout.
    pub schema: u32,
    /// Program that trained it.
    pub program: String,
    /// The encoder it reads.
    pub encoder: EncoderFacts,
    /// What each output means.
    pub tags: Vec<String>,
    /// First hidden state used.
    pub first_layer: usize,
    /// Sizes.
    pub shape: Shape,
    /// Whether features are standardised before they are mixed.
    pub standardised: bool,
    /// Seed it was trained with.
    pub seed: u64,
    /// Its macro ROC-AUC on the validation files.
    pub valid_roc_auc: f64,
}

impl ProbeFacts {
    pub(super) fn new(
        encoder: &EncoderFacts,
        tags: &[String],
        first_layer: usize,
        shape: &Shape,
        seed: u64,
        valid_roc_auc: f64,
    ) -> Self {
        Self {
            schema: SCHEMA,
            program: format!("culturemert {}", env!("CARGO_PKG_VERSION")),
            encoder: encoder.clone(),
            tags: tags.to_vec(),
            first_layer,
            shape: *shape,
            standardised: false,
            seed,
            valid_roc_auc,
        }
    }
}

/// A trained probe, ready to tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub(super) facts: ProbeFacts,
    pub(super) parameters: Vec<f32>,
    pub(super) standardisation: Option<Standardisation>,
}

impl Probe {
    pub(super) fn new(
        facts: ProbeFacts,
        parameters: Vec<f32>,
        standardisation: Option<Standardisation>,
    ) -> Result<Self, EvaluateError> {
        facts.shape.check()?;
        same_size("outputs beside tags", facts.tags.len(), facts.shape.outputs)?;
        same_size("width of the encoder", facts.encoder.width, facts.shape.width)?;
        let states = facts.first_layer.saturating_add(facts.shape.layers);
        if states > facts.encoder.n_layers.min(MAX_STATES) || facts.encoder.n_layers > MAX_STATES {
            let (expected, found) = (facts.encoder.n_layers.min(MAX_STATES), states);
            return Err(EvaluateError::Size { what: "hidden states".to_owned(), expected, found });
        }
        same_size("parameters of the probe", facts.shape.n_parameters(), parameters.len())?;
        all_finite("parameters of the probe", &parameters)?;
        let facts = ProbeFacts { standardised: standardisation.is_some(), ..facts };
        Ok(Self { facts, parameters, standardisation })
    }

    /// What it is for.
    pub fn facts(&self) -> &ProbeFacts {
        &self.facts
    }

    /// Names of the tags, in the order of the probabilities.
    pub fn tags(&self) -> &[String] {
        &self.facts.tags
    }

    /// Probabilities of the tags of one recording: the logistic function of the mean logit over its chunks.
    ///
    /// # Shapes
    /// - `features` `[M, L, D]`: all hidden states of the encoder, averaged over time, of the recording's chunks
    /// - returns `[n]`
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f64>, EvaluateError> {
        let logits = self.chunk_logits(features)?;
        let n = self.facts.shape.outputs;
        let one_file = vec![0; logits.len() / n];
        let mean = file_scores(&logits, n, &one_file, 1, Average::Logits)?;
        Ok(mean.into_iter().map(logistic).collect())
    }

    /// Logits of each chunk, `[M, n]`. Shapes as [`Probe::probabilities`].
    pub fn chunk_logits(&self, features: &[f32]) -> Result<Vec<f32>, EvaluateError> {
        let EncoderFacts { n_layers, width, .. } = self.facts.encoder;
        let row_len = n_layers * width;
        same_size("features of whole chunks", features.len().next_multiple_of(row_len), features.len())?;
        all_finite("features", features)?;
        let standardised = self.standardisation.as_ref().map(|all| all.apply(features));
        let used = self.facts.shape.layers * width;
        let rows = Rows::new(
            standardised.as_deref().unwrap_or(features),
            row_len,
            self.facts.first_layer * width,
            used,
        )?;
        Ok(Network::new(self.facts.shape, self.parameters.clone())?.logits(&rows))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::shape::Mix;
    use super::*;

    pub(in super::super) fn example(standardise: bool) -> Probe {
        let encoder = EncoderFacts {
            name: "made".to_owned(),
            hash: "h".to_owned(),
            n_layers: 3,
            width: 4,
            chunk_seconds: 30.0,
        };
        let shape = Shape { mix: Mix::Softmax, layers: 2, width: 4, hidden: 5, outputs: 2 };
        let facts = ProbeFacts::new(&encoder, &["a".to_owned(), "b".to_owned()], 1, &shape, 7, 0.9);
        let standardisation =
            standardise.then(|| Standardisation { mean: vec![0.5; 12], scale: vec![2.0; 12] });
        Probe::new(facts, shape.initial(7), standardisation).unwrap()
    }

    #[test]
    fn probabilities_follow_the_mean_logit() {
        let probe = example(false);
        let features: Vec<f32> = (0..24u8).map(|i| f32::from(i) / 8.0 - 1.0).collect();
        let logits = probe.chunk_logits(&features).unwrap();
        let mean = f64::from(logits[1]).midpoint(f64::from(logits[3]));
        assert!((probe.probabilities(&features).unwrap()[1] - logistic(mean)).abs() < 1e-12);
        assert!(probe.probabilities(&features[1..]).is_err());
        assert!(probe.probabilities(&[]).is_err());
    }
}

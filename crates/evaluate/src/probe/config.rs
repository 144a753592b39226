//! What a probe run is made of. The defaults are the prober of MARBLE v1, the protocol of the published MERT results.

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::shape::Mix;
use crate::{Average, Bootstrap, EvaluateError};

/// Which of the encoder's hidden states are used. State 0 is what enters the transformer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layers {
    /// All outputs of transformer layers: every state but the first (MARBLE v1).
    #[default]
    Transformer,
    /// Every state (MARBLE 2025).
    All,
    /// One state; the mix is then `single`.
    One(usize),
}

/// Settings of a probe run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// What is asked.
    pub kind: Kind,
    /// Which hidden states.
    pub layers: Layers,
    /// Choices of hidden states to try instead of `layers`; of several the one that does best on the validation files is reported.
    pub layer_grid: Vec<Layers>,
    /// How they are combined.
    pub mix: Mix,
    /// Whether features are brought to mean 0 and deviation 1 with the training chunks' statistics. MARBLE does not.
    pub standardise: bool,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Probability of dropping a hidden unit.
    pub dropout: f32,
    /// Learning rates to try; of several the one that does best on the validation files, mean over seeds, is reported.
    pub learning_rates: Vec<f64>,
    /// L2 penalty.
    pub weight_decay: f64,
    /// Chunks a step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without improvement that lower the learning rate, when there is one more.
    pub plateau_patience: usize,
    /// What the learning rate is then multiplied by.
    pub plateau_factor: f64,
    /// Epochs without improvement that end training.
    pub stop_patience: usize,
    /// Seeds, one run each.
    pub seeds: Vec<u64>,
    /// What is averaged over the chunks of a file.
    pub average: Average,
    /// Intervals over test files; none to leave them out.
    pub bootstrap: Option<Bootstrap>,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            kind: Kind::Tags,
            layers: Layers::Transformer,
            layer_grid: Vec::new(),
            mix: Mix::Softmax,
            standardise: false,
            hidden: 512,
            dropout: 0.2,
            learning_rates: vec![1e-3],
            weight_decay: 0.0,
            batch: 64,
            epochs: 100,
            plateau_patience: 3,
            plateau_factor: 0.5,
            stop_patience: 10,
            seeds: vec![1234, 1235, 1236, 1237, 1238],
            average: Average::Logits,
            bootstrap: Some(Bootstrap::default()),
        }
    }
}

impl ProbeConfig {
    /// Fails at the first setting outside its range.
    pub fn check(&self) -> Result<(), EvaluateError> {
        let rate = |x: f64| x.is_finite() && x > 0.0;
        let checks: [(&'static str, bool, String, &str); 9] = [
            ("hidden", (1..=1 << 16).contains(&self.hidden), self.hidden.to_string(), "1 to 65536"),
            (
                "dropout",
                (0.0..1.0).contains(&self.dropout),
                self.dropout.to_string(),
                "at least 0 and below 1",
            ),
            (
                "learning_rates",
                !self.learning_rates.is_empty() && self.learning_rates.iter().all(|&x| rate(x)),
                format!("{:?}", self.learning_rates),
                "one or more, each above 0",
            ),
            (
                "weight_decay",
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
                self.weight_decay.to_string(),
                "at least 0",
            ),
            ("batch", (1..=1 << 16).contains(&self.batch), self.batch.to_string(), "1 to 65536"),
            ("epochs", (1..=1_000_000).contains(&self.epochs), self.epochs.to_string(), "1 to 1000000"),
            (
                "plateau_factor",
                rate(self.plateau_factor) && self.plateau_factor <= 1.0,
                self.plateau_factor.to_string(),
                "above 0 and at most 1",
            ),
            ("stop_patience", self.stop_patience > 0, self.stop_patience.to_string(), "at least 1"),
            ("seeds", !self.seeds.is_empty(), "an empty list".to_owned(), "one or more"),
        ];
        for (name, good, value, requirement) in checks {
            if !good {
                return Err(EvaluateError::Setting { name, value, requirement: requirement.to_owned() });
            }
        }
        for (at, layers) in self.layer_grid.iter().enumerate() {
            if self.layer_grid[..at].contains(layers) {
                let (what, name) = ("choice of layers".to_owned(), format!("{layers:?}"));
                return Err(EvaluateError::Twice { what, name });
            }
        }
        for (at, seed) in self.seeds.iter().enumerate() {
            if self.seeds[..at].contains(seed) {
                return Err(EvaluateError::Twice { what: "seed".to_owned(), name: seed.to_string() });
            }
        }
        Ok(())
    }

    /// The choices of hidden states to try, one or more.
    pub(super) fn layer_choices(&self) -> Vec<Layers> {
        if self.layer_grid.is_empty() { vec![self.layers] } else { self.layer_grid.clone() }
    }

    /// The hidden states that `layers` names, of `n_states`, and how they are combined.
    pub(super) fn states(
        &self,
        layers: Layers,
        n_states: usize,
    ) -> Result<(std::ops::Range<usize>, Mix), EvaluateError> {
        let refuse = |value: String, requirement: String| {
            Err(EvaluateError::Setting { name: "layers", value, requirement })
        };
        let range = match layers {
            Layers::One(state) if state < n_states => return Ok((state..state + 1, Mix::Single)),
            Layers::One(state) => {
                return refuse(state.to_string(), format!("below {n_states}, the number of hidden states"));
            }
            Layers::All => 0..n_states,
            Layers::Transformer => 1..n_states,
        };
        if range.is_empty() {
            return refuse(
                "`transformer`".to_owned(),
                format!("`all`, because there are {n_states} hidden states"),
            );
        }
        if self.mix == Mix::Single {
            return refuse(format!("{layers:?}"), "`one = N`, because the mix is `single`".to_owned());
        }
        Ok((range, self.mix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_mix_must_agree() {
        let with = |layers, mix| ProbeConfig { mix, ..ProbeConfig::default() }.states(layers, 13);
        assert_eq!(with(Layers::Transformer, Mix::Softmax).unwrap(), (1..13, Mix::Softmax));
        assert_eq!(with(Layers::All, Mix::Concat).unwrap(), (0..13, Mix::Concat));
        assert_eq!(with(Layers::One(4), Mix::Softmax).unwrap(), (4..5, Mix::Single));
        assert!(with(Layers::One(13), Mix::Single).is_err());
        assert!(with(Layers::All, Mix::Single).is_err());
        assert!(ProbeConfig::default().states(Layers::Transformer, 1).is_err());
    }

    #[test]
    fn settings_out_of_range_and_unknown_keys_are_refused() {
        ProbeConfig::default().check().unwrap();
        let broken = ProbeConfig { dropout: 1.0, ..ProbeConfig::default() };
        assert_eq!(broken.check().unwrap_err().to_string(), "setting `dropout` is 1: at least 0 and below 1");
        assert!(ProbeConfig { seeds: vec![1, 1], ..ProbeConfig::default() }.check().is_err());
        assert!(ProbeConfig { learning_rates: vec![f64::NAN], ..ProbeConfig::default() }.check().is_err());
        assert!(serde_json::from_str::<ProbeConfig>(r#"{"hiden": 4}"#).is_err());
        let one: ProbeConfig = serde_json::from_str(r#"{"layers": {"one": 3}}"#).unwrap();
        assert_eq!(one.layers, Layers::One(3));
    }
}

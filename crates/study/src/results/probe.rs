//! Scores of frozen models under a probe.
//!
//! Macro ROC-AUC and macro average precision over tags, as fractions; per seed, and as mean and sample standard deviation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::statistics::{deviation, mean};

/// Mean and spread over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1 below the line); 0 for one seed.
    pub std: f64,
}

impl Spread {
    /// Of one value per seed.
    pub fn of(values: &[f64]) -> Self {
        Self { mean: mean(values), std: deviation(values) }
    }
}

/// Scores of one probe seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedScore {
    /// The seed.
    pub seed: u64,
    /// Macro ROC-AUC, 0..=1.
    pub roc_auc: f64,
    /// Macro average precision, 0..=1.
    pub average_precision: f64,
}

impl SeedScore {
    /// What the paper averages: the mean of both scores.
    pub fn score(&self) -> f64 {
        f64::midpoint(self.roc_auc, self.average_precision)
    }
}

/// One model on one tradition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeResult {
    /// The model.
    pub model: String,
    /// The tradition.
    pub tradition: String,
    /// Test files the scores are computed over.
    pub n_files: u64,
    /// Tags the macro averages are taken over.
    pub n_tags: u64,
    /// ROC-AUC over seeds.
    pub roc_auc: Spread,
    /// Average precision over seeds.
    pub average_precision: Spread,
    /// Every seed.
    pub per_seed: Vec<SeedScore>,
    /// Every tag the averages are taken over; results of before have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_tag: Vec<TagScore>,
}

impl ProbeResult {
    /// From the scores of every seed.
    pub fn from_seeds(
        model: impl Into<String>,
        tradition: impl Into<String>,
        n_files: u64,
        n_tags: u64,
        per_seed: Vec<SeedScore>,
    ) -> Self {
        let Scores { roc_auc, average_precision } = Scores::from_seeds(&per_seed);
        let (model, tradition) = (model.into(), tradition.into());
        Self { model, tradition, n_files, n_tags, roc_auc, average_precision, per_seed, per_tag: Vec::new() }
    }
}

/// One tag of a tradition under one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagScore {
    /// The tag.
    pub tag: String,
    /// ROC-AUC, 0..=1, mean over seeds.
    pub roc_auc: f64,
    /// Test recordings that have it.
    pub positives: u64,
    /// One of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// Both scores of one model on one tradition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// ROC-AUC over seeds.
    pub roc_auc: Spread,
    /// Average precision over seeds.
    pub average_precision: Spread,
}

impl Scores {
    /// Means and spreads over seeds.
    pub fn from_seeds(per_seed: &[SeedScore]) -> Self {
        let column = |of: fn(&SeedScore) -> f64| Spread::of(&per_seed.iter().map(of).collect::<Vec<_>>());
        Self { roc_auc: column(|s| s.roc_auc), average_precision: column(|s| s.average_precision) }
    }
}

/// The merged model at one shared weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaPoint {
    /// The weight every task vector was given.
    pub lambda: f64,
    /// Scores per tradition.
    pub traditions: BTreeMap<String, Scores>,
    /// Mean of both scores over all traditions, per seed and then over seeds.
    pub average: Spread,
    /// Seeds behind the spreads.
    pub n_seeds: u64,
}

impl LambdaPoint {
    /// From the probes of the merged model at `lambda`, one per tradition.
    pub fn from_probes<'a>(lambda: f64, probes: impl IntoIterator<Item = &'a ProbeResult>) -> Self {
        let probes: Vec<_> = probes.into_iter().collect();
        let n_seeds = probes.iter().map(|probe| probe.per_seed.len()).min().unwrap_or(0);
        let per_seed: Vec<f64> = (0..n_seeds)
            .map(|i| mean(&probes.iter().map(|probe| probe.per_seed[i].score()).collect::<Vec<_>>()))
            .collect();
        let traditions = probes
            .iter()
            .map(|probe| (probe.tradition.clone(), Scores::from_seeds(&probe.per_seed)))
            .collect();
        Self { lambda, traditions, average: Spread::of(&per_seed), n_seeds: n_seeds as u64 }
    }
}

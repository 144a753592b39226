//! A probe run of any kind of task, measured by the two metrics of its kind; and what chance would reach.

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::config::{Layers, ProbeConfig};
use super::features::EncoderFacts;
use super::fit::{Fitted, fit, sizes};
use super::kind::Kind;
use super::result::{LeftOut, MeanStd, SplitSizes, TagResult, Trial};
use super::run::{not_in_test, tag_result};
use super::splits::ProbeData;
use crate::bootstrap::{PairIntervals, Scoring, scoring_intervals};
use crate::error::EvaluateError;
use crate::tagging::{LOGIT_THRESHOLD, tagging_metrics};

/// Both metrics of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedPair {
    /// The seed.
    pub seed: u64,
    /// The epoch whose weights were tested, from 0.
    pub best_epoch: usize,
    /// The first metric on the validation files after it.
    pub valid: f64,
    /// The first metric on the test files.
    pub first: f64,
    /// The second.
    pub second: f64,
}

/// What a run measured, in the terms of [`Kind::metrics`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Kind of the task.
    pub kind: Kind,
    /// The encoder probed.
    pub encoder: EncoderFacts,
    /// Sizes of the splits.
    pub sizes: SplitSizes,
    /// Tags, classes or targets that have an output.
    pub outputs: Vec<String>,
    /// Tags in no mean and classes that cannot be learnt, and why.
    pub left_out: Vec<LeftOut>,
    /// Layers and learning rates tried.
    pub trials: Vec<Trial>,
    /// The hidden states chosen on the validation files.
    pub layers: Layers,
    /// The learning rate chosen on the validation files.
    pub learning_rate: f64,
    /// The first metric on the test files over seeds.
    pub first: MeanStd,
    /// The second.
    pub second: MeanStd,
    /// What the choice of test files leaves open about both means.
    pub intervals: Option<PairIntervals>,
    /// Each seed.
    pub seeds: Vec<SeedPair>,
    /// Each tag over seeds; empty for other kinds.
    pub per_tag: Vec<TagResult>,
}

/// A measurement and the scores from which models can be compared file by file.
#[derive(Clone, Debug)]
pub struct MeasuredOutcome {
    /// Numbers.
    pub measured: Measured,
    /// Answers of the test files.
    pub answers: Answers,
    /// Scores of the test files, one list `[F, n]` for each seed.
    pub scores: Vec<Vec<f64>>,
    /// The unit each test file is drawn with in a bootstrap, `[F]`.
    pub units: Vec<usize>,
    /// What chance says of the test files, `[F, n]`.
    pub chance: Vec<f64>,
}

impl MeasuredOutcome {
    /// Answers beside the scores of every seed.
    pub fn scorings(&self) -> Result<Vec<Scoring<'_>>, EvaluateError> {
        let n = self.measured.outputs.len();
        self.scores.iter().map(|scores| self.answers.scoring(scores, n)).collect()
    }

    /// Answers beside what chance says.
    pub fn chance_scoring(&self) -> Result<Scoring<'_>, EvaluateError> {
        self.answers.scoring(&self.chance, self.measured.outputs.len())
    }
}

/// Trains and measures a probe of any kind of task.
pub fn measure(
    data: &ProbeData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<MeasuredOutcome, EvaluateError> {
    let Fitted { learned, test_answers, test_scores } = fit(data, encoder, config)?;
    let n = learned.outputs.len();
    let scorings: Vec<Scoring<'_>> =
        test_scores.iter().map(|scores| test_answers.scoring(scores, n)).collect::<Result<_, _>>()?;
    let units = data.test().units();
    let intervals = config
        .bootstrap
        .map(|bootstrap| scoring_intervals(&scorings, Some(&units), bootstrap))
        .transpose()?;
    let mut left_out = learned.left_out.clone();
    let mut per_tag = Vec::new();
    if let Answers::Tags(labels) = &test_answers {
        let metrics = test_scores
            .iter()
            .map(|scores| tagging_metrics(&crate::Tagging::new(labels, scores, n)?, LOGIT_THRESHOLD))
            .collect::<Result<Vec<_>, _>>()?;
        left_out.extend(not_in_test(&metrics[0], &learned.outputs));
        let tags = learned.outputs.iter().enumerate();
        per_tag = tags.map(|(tag, name)| tag_result(name, tag, &metrics)).collect();
    }
    let mut seeds = Vec::new();
    for (trained, scoring) in learned.trained.iter().zip(&scorings) {
        let (first, second) = scoring.metrics().ok_or_else(|| EvaluateError::NoTagWithBothClasses {
            what: "the test files".to_owned(),
            n_tags: n,
        })?;
        let (seed, best_epoch, valid) = (trained.seed, trained.best_epoch, trained.best_valid());
        seeds.push(SeedPair { seed, best_epoch, valid, first, second });
    }
    let over_seeds = |of: fn(&SeedPair) -> f64| {
        MeanStd::of(&seeds.iter().map(of).collect::<Vec<_>>()).expect("a seed was measured")
    };
    let chance = learned.train_answers.chance(n, data.test().n_files());
    Ok(MeasuredOutcome {
        measured: Measured {
            kind: config.kind,
            encoder: encoder.clone(),
            sizes: sizes(data),
            left_out,
            trials: learned.trials,
            layers: learned.chosen.layers,
            learning_rate: learned.chosen.learning_rate,
            first: over_seeds(|seed| seed.first),
            second: over_seeds(|seed| seed.second),
            intervals,
            seeds,
            per_tag,
            outputs: learned.outputs,
        },
        answers: test_answers,
        scores: test_scores,
        units,
        chance,
    })
}

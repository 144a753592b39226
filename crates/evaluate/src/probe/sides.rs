//! A probe run measured on the validation files alone, or on the test files besides: what choosing between models by evidence needs.
//!
//! The epoch of every seed was chosen on the same validation files by the first metric, so that metric is a little flattered there; for all models
//! alike. [`validate`] is not given test files and so cannot choose by them.

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::config::ProbeConfig;
use super::features::EncoderFacts;
use super::fit::{Fitted, Learned, fit, learn};
use super::result::LeftOut;
use super::splits::{LearningData, ProbeData};
use crate::EvaluateError;

/// Both metrics of one seed on one side, in the terms of [`super::Kind::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideScore {
    /// The seed.
    pub seed: u64,
    /// The first metric, macro ROC-AUC for tags.
    pub first: f64,
    /// The second, macro average precision for tags.
    pub second: f64,
}

/// What the validation files say.
#[derive(Clone, Debug, PartialEq)]
pub struct Validated {
    /// Tags, classes or targets that have an output.
    pub outputs: Vec<String>,
    /// What cannot be learnt, and why.
    pub left_out: Vec<LeftOut>,
    /// Every seed, at the epoch that was best by the first metric.
    pub seeds: Vec<SideScore>,
}

/// Trains a probe and measures it on the validation files.
pub fn validate(
    data: &LearningData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<Validated, EvaluateError> {
    validated(learn(data, encoder, config)?, data, config)
}

/// The same, and every seed on the test files. The first part has the very numbers of [`validate`].
pub fn validate_and_test(
    data: &ProbeData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<(Validated, Vec<SideScore>), EvaluateError> {
    let Fitted { learned, test_answers, test_scores } = fit(data, encoder, config)?;
    let test = side(&learned, &test_answers, &test_scores, "the test files")?;
    Ok((validated(learned, &data.learning(), config)?, test))
}

fn validated(
    learned: Learned,
    data: &LearningData<'_>,
    config: &ProbeConfig,
) -> Result<Validated, EvaluateError> {
    let scores = learned.scores(data.valid(), &learned.valid_answers, config)?;
    let seeds = side(&learned, &learned.valid_answers, &scores, "the validation files")?;
    Ok(Validated { outputs: learned.outputs, left_out: learned.left_out, seeds })
}

fn side(
    learned: &Learned,
    answers: &Answers,
    scores: &[Vec<f64>],
    what: &str,
) -> Result<Vec<SideScore>, EvaluateError> {
    let n = learned.outputs.len();
    let of_seed = |(trained, scores): (&super::train::Trained, &Vec<f64>)| {
        let metrics = answers.scoring(scores, n)?.metrics();
        let (first, second) = metrics
            .ok_or_else(|| EvaluateError::NoTagWithBothClasses { what: what.to_owned(), n_tags: n })?;
        Ok(SideScore { seed: trained.seed, first, second })
    };
    learned.trained.iter().zip(scores).map(of_seed).collect()
}

//! Training every seed at every choice of layers and learning rate, choosing on the validation files, scoring the test files: what all kinds
//! of task have in common.

use std::borrow::Cow;

use rayon::prelude::*;

use super::answers::Answers;
use super::config::{Layers, ProbeConfig};
use super::features::{EncoderFacts, FeatureSet};
use super::kind::Kind;
use super::layers::Rows;
use super::result::{LeftOut, LeftOutReason, MeanStd, SplitSizes, Trial};
use super::shape::Shape;
use super::splits::{LearningData, ProbeData};
use super::standardisation::Standardisation;
use super::train::{Files, Task, Trained, train};
use crate::EvaluateError;
use crate::error::same_size;

/// Probes of every seed at the chosen layers and rate.
pub(super) struct Learned {
    /// Names of the outputs.
    pub(super) outputs: Vec<String>,
    /// Outputs that cannot be learnt, and why.
    pub(super) left_out: Vec<LeftOut>,
    /// Every choice that was tried.
    pub(super) trials: Vec<Trial>,
    /// The one taken.
    pub(super) chosen: Trial,
    /// First hidden state used.
    pub(super) first_state: usize,
    pub(super) shape: Shape,
    pub(super) standardisation: Option<Standardisation>,
    /// How values were brought to mean 0 and deviation 1.
    value_scale: Option<Standardisation>,
    pub(super) trained: Vec<Trained>,
    /// Answers of the training files.
    pub(super) train_answers: Answers,
    /// Answers of the validation files.
    pub(super) valid_answers: Answers,
}

impl Learned {
    /// The probe that did best on the validation files.
    pub(super) fn best(&self) -> &Trained {
        let best = self.trained.iter().reduce(|a, b| if b.best_valid() > a.best_valid() { b } else { a });
        best.expect("the config has a seed, and every seed was trained")
    }

    /// What every seed's probe says of the files of a split, one list `[F, n]` for each seed; values in their own unit.
    pub(super) fn scores(
        &self,
        set: &FeatureSet,
        answers: &Answers,
        config: &ProbeConfig,
    ) -> Result<Vec<Vec<f64>>, EvaluateError> {
        let row_len = set.n_layers * set.width;
        let features = standardised(set, self.standardisation.as_ref());
        let files = Files {
            rows: Rows::new(&features, row_len, self.first_state * set.width, self.shape.layers * set.width)?,
            chunk_file: &set.chunk_file,
            answers,
            value_scale: self.value_scale.as_ref(),
        };
        let score = |one: &Trained| files.scores(&mut one.network.clone(), config.average);
        self.trained.par_iter().map(score).collect()
    }
}

/// Probes and what they say of the test files.
pub(super) struct Fitted {
    pub(super) learned: Learned,
    /// Answers of the test files.
    pub(super) test_answers: Answers,
    /// Scores of the test files, one list `[F, n]` for each seed; values in their own unit.
    pub(super) test_scores: Vec<Vec<f64>>,
}

/// Trains on the first two splits and scores the third. Seeds run in parallel; no number depends on how many threads there are.
pub(super) fn fit(
    data: &ProbeData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<Fitted, EvaluateError> {
    config.check()?;
    check_kind(&[data.train(), data.valid(), data.test()], config.kind)?;
    let (kept, _) = learnable(&data.learning(), config.kind)?;
    let test_answers = Answers::of(data.test(), "test", config.kind, &kept, data.tags().len())?;
    measurable("the test files", &test_answers, kept.len())?;
    let learned = learn(&data.learning(), encoder, config)?;
    let test_scores = learned.scores(data.test(), &test_answers, config)?;
    Ok(Fitted { learned, test_answers, test_scores })
}

/// Trains every seed at every choice of layers and learning rate, and chooses on the validation files.
pub(super) fn learn(
    data: &LearningData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<Learned, EvaluateError> {
    config.check()?;
    same_size("hidden states of the encoder", encoder.n_layers, data.train().n_layers)?;
    same_size("width of the encoder", encoder.width, data.train().width)?;
    let splits = [data.train(), data.valid()];
    check_kind(&splits, config.kind)?;
    let n_given = data.tags().len();
    let (kept, left_out) = learnable(data, config.kind)?;
    let outputs: Vec<String> = kept.iter().map(|&tag| data.tags()[tag].clone()).collect();
    let n = outputs.len();

    let row_len = encoder.n_layers * encoder.width;
    let standardisation =
        config.standardise.then(|| Standardisation::of(&data.train().features, row_len)).transpose()?;
    let features = splits.map(|split| standardised(split, standardisation.as_ref()));
    let answers = |split: usize, name: &str| Answers::of(splits[split], name, config.kind, &kept, n_given);
    let [train_answers, valid_answers] = [answers(0, "train")?, answers(1, "valid")?];
    measurable("the validation files", &valid_answers, n)?;
    let value_scale = match &train_answers {
        Answers::Values(values) => Some(Standardisation::of(values, n)?),
        _ => None,
    };
    let targets = train_answers.targets(&data.train().chunk_file, n, value_scale.as_ref());

    let mut candidates = Vec::new();
    for layers in config.layer_choices() {
        let (states, mix) = config.states(layers, encoder.n_layers)?;
        let shape =
            Shape { mix, layers: states.len(), width: encoder.width, hidden: config.hidden, outputs: n };
        shape.check()?;
        candidates.push((layers, states.start, shape));
    }
    let rows = |split: usize, first_state: usize, shape: &Shape| {
        let (start, len) = (first_state * encoder.width, shape.layers * encoder.width);
        Rows::new(&features[split], row_len, start, len)
    };
    let mut trials = Vec::new();
    let mut best: Option<(Trial, usize, Shape, Vec<Trained>)> = None;
    for (layers, first_state, shape) in candidates {
        let valid = Files {
            rows: rows(1, first_state, &shape)?,
            chunk_file: &data.valid().chunk_file,
            answers: &valid_answers,
            value_scale: value_scale.as_ref(),
        };
        let train = rows(0, first_state, &shape)?;
        let task = Task { shape, train, targets: &targets, valid, data: *data };
        for (trial, trained) in try_rates(&task, layers, config)? {
            trials.push(trial);
            if best.as_ref().is_none_or(|(best, ..)| trial.valid.mean > best.valid.mean) {
                best = Some((trial, first_state, shape, trained));
            }
        }
    }
    let (chosen, first_state, shape, trained) = best.expect("the config has a rate and a choice of layers");
    Ok(Learned {
        outputs,
        left_out,
        trials,
        chosen,
        first_state,
        shape,
        standardisation,
        value_scale,
        trained,
        train_answers,
        valid_answers,
    })
}

fn standardised<'s>(set: &'s FeatureSet, by: Option<&Standardisation>) -> Cow<'s, [f32]> {
    match by {
        None => Cow::Borrowed(set.features.as_slice()),
        Some(standardisation) => Cow::Owned(standardisation.apply(&set.features)),
    }
}

fn check_kind(splits: &[&FeatureSet], kind: Kind) -> Result<(), EvaluateError> {
    let has_values = splits.iter().all(|split| !split.values.is_empty());
    if has_values == (kind == Kind::Values) {
        return Ok(());
    }
    Err(EvaluateError::Setting {
        name: "kind",
        value: format!("{kind:?}"),
        requirement: "`values` for files with values, `tags` or `classes` for files with labels".to_owned(),
    })
}

/// Every learning rate with every seed at one choice of layers.
fn try_rates(
    task: &Task<'_>,
    layers: Layers,
    config: &ProbeConfig,
) -> Result<Vec<(Trial, Vec<Trained>)>, EvaluateError> {
    let jobs: Vec<(f64, u64)> = config
        .learning_rates
        .iter()
        .flat_map(|&learning_rate| config.seeds.iter().map(move |&seed| (learning_rate, seed)))
        .collect();
    let mut trained: Vec<Trained> = jobs
        .into_par_iter()
        .map(|(learning_rate, seed)| train(task, config, learning_rate, seed))
        .collect::<Result<_, _>>()?;
    let mut tried = Vec::new();
    for &learning_rate in &config.learning_rates {
        let of_rate: Vec<Trained> = trained.drain(..config.seeds.len()).collect();
        let best: Vec<f64> = of_rate.iter().map(Trained::best_valid).collect();
        let valid = MeanStd::of(&best).expect("the config has a seed");
        tried.push((Trial { layers, learning_rate, valid }, of_rate));
    }
    Ok(tried)
}

/// Outputs the probe has, by index, and what cannot be learnt. Tags without both classes among the training files have no output; classes
/// and values all have one, so that a test file of a class that never trained counts as wrong.
fn learnable(data: &LearningData<'_>, kind: Kind) -> Result<(Vec<usize>, Vec<LeftOut>), EvaluateError> {
    let (n_tags, n_files) = (data.tags().len(), data.train().n_files());
    let all: Vec<usize> = (0..n_tags).collect();
    if kind == Kind::Values {
        return Ok((all, Vec::new()));
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for (tag, name) in data.tags().iter().enumerate() {
        let labels = data.train().labels.iter().skip(tag).step_by(n_tags);
        let positives: usize = labels.map(|&label| usize::from(label)).sum();
        let reason = match positives {
            0 => LeftOutReason::NoPositiveInTrain,
            n if n == n_files => LeftOutReason::NoNegativeInTrain,
            _ => {
                kept.push(tag);
                continue;
            }
        };
        left_out.push(LeftOut { tag: name.clone(), reason });
    }
    if kept.is_empty() {
        return Err(EvaluateError::NoTagWithBothClasses { what: "the training files".to_owned(), n_tags });
    }
    Ok((if kind == Kind::Classes { all } else { kept }, left_out))
}

/// Fails before training what would fail after it.
fn measurable(what: &str, answers: &Answers, n: usize) -> Result<(), EvaluateError> {
    match answers.selection(&vec![0.0; answers.n_files(n) * n], n) {
        Err(EvaluateError::NoTagWithBothClasses { .. }) => {
            Err(EvaluateError::NoTagWithBothClasses { what: what.to_owned(), n_tags: n })
        }
        other => other.map(|_| ()),
    }
}

/// How large the splits are.
pub(super) fn sizes(data: &ProbeData<'_>) -> SplitSizes {
    let splits = [data.train(), data.valid(), data.test()];
    SplitSizes { files: splits.map(FeatureSet::n_files), chunks: splits.map(FeatureSet::n_chunks) }
}

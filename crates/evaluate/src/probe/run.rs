//! A whole probe run: choose the tags, train every seed, choose the rate on the validation files, measure on the test files.

use std::borrow::Cow;

use rayon::prelude::*;

use super::config::ProbeConfig;
use super::features::{EncoderFacts, FeatureSet};
use super::layers::Rows;
use super::result::{
    LearningRateTrial, LeftOut, LeftOutReason, MeanStd, ProbeOutcome, ProbeResult, RESULT_SCHEMA, SeedResult,
    SplitSizes, TagResult,
};
use super::shape::Shape;
use super::splits::ProbeData;
use super::standardisation::Standardisation;
use super::train::{Files, Task, Trained, train};
use super::trained::{Probe, ProbeFacts};
use crate::error::same_size;
use crate::tagging::{LOGIT_THRESHOLD, PROBABILITY_THRESHOLD, Tagging, macro_roc_auc, tagging_metrics};
use crate::{Average, EvaluateError, TaggingMetrics, bootstrap_intervals};

/// Trains and measures a probe; seeds run in parallel, and no number depends on how many threads there are.
pub fn probe(
    data: &ProbeData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<ProbeOutcome, EvaluateError> {
    config.check()?;
    same_size("hidden states of the encoder", encoder.n_layers, data.train().n_layers)?;
    same_size("width of the encoder", encoder.width, data.train().width)?;
    let (kept, mut left_out) = learnable(data)?;
    let tags: Vec<String> = kept.iter().map(|&tag| data.tags()[tag].clone()).collect();

    let (states, mix) = config.states(encoder.n_layers)?;
    let shape =
        Shape { mix, layers: states.len(), width: encoder.width, hidden: config.hidden, outputs: kept.len() };
    let row_len = encoder.n_layers * encoder.width;
    let standardisation =
        config.standardise.then(|| Standardisation::of(&data.train().features, row_len)).transpose()?;
    let splits = [data.train(), data.valid(), data.test()];
    let features = splits.map(|split| match &standardisation {
        None => Cow::Borrowed(split.features.as_slice()),
        Some(standardisation) => Cow::Owned(standardisation.apply(&split.features)),
    });
    let rows = |split: usize| {
        Rows::new(&features[split], row_len, states.start * encoder.width, states.len() * encoder.width)
    };
    let files = |split: usize| -> Result<Files<'_>, EvaluateError> {
        let set: &FeatureSet = splits[split];
        let labels = set.labels_of(&kept, data.tags().len());
        Ok(Files { rows: rows(split)?, chunk_file: &set.chunk_file, labels })
    };
    let (train_files, valid, test) = (files(0)?, files(1)?, files(2)?);
    some_tag_has_both_classes("the validation files", &valid.labels, kept.len())?;
    some_tag_has_both_classes("the test files", &test.labels, kept.len())?;
    let targets = train_files
        .chunk_file
        .iter()
        .flat_map(|&file| &train_files.labels[file * kept.len()..][..kept.len()]);
    let train_targets = targets.map(|&label| f32::from(label)).collect();
    let task = Task { shape, train: train_files.rows, train_targets, valid };

    let (learning_rates, learning_rate, trained) = train_all(&task, config)?;
    let measured: Vec<(Vec<f64>, TaggingMetrics)> =
        trained.par_iter().map(|one| measure(one, &test, config.average)).collect::<Result<_, _>>()?;
    let (test_scores, metrics): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
    for &tag in &metrics[0].left_out {
        let positive = metrics[0].positives[tag] > 0;
        let reason = if positive { LeftOutReason::NoNegativeInTest } else { LeftOutReason::NoPositiveInTest };
        left_out.push(LeftOut { tag: tags[tag].clone(), reason });
    }
    let best = trained.iter().reduce(|a, b| if b.best_valid() > a.best_valid() { b } else { a });
    let best = best.expect("the config has a seed, and every seed was trained");
    let facts = ProbeFacts::new(encoder, &tags, states.start, &shape, best.seed, best.best_valid());
    let probe = Probe::new(facts, best.network.parameters().to_vec(), standardisation)?;

    let result = ProbeResult {
        schema: RESULT_SCHEMA,
        encoder: encoder.clone(),
        config: config.clone(),
        sizes: SplitSizes {
            files: splits.map(FeatureSet::n_files),
            chunks: splits.map(FeatureSet::n_chunks),
        },
        left_out,
        learning_rates,
        learning_rate,
        roc_auc: over_seeds(&metrics, |metrics| Some(metrics.roc_auc_macro)).expect("a seed was measured"),
        average_precision: over_seeds(&metrics, |metrics| Some(metrics.average_precision_macro))
            .expect("a seed was measured"),
        intervals: intervals(data.test(), &test.labels, &test_scores, tags.len(), config)?,
        per_tag: tags.iter().enumerate().map(|(tag, name)| tag_result(name, tag, &metrics)).collect(),
        tags,
        seeds: trained.into_iter().zip(metrics).map(|(trained, test)| seed_result(trained, test)).collect(),
    };
    Ok(ProbeOutcome { result, probe, test_labels: test.labels, test_scores })
}

/// Tags with both classes among the training files, by index, and the others.
fn learnable(data: &ProbeData<'_>) -> Result<(Vec<usize>, Vec<LeftOut>), EvaluateError> {
    let (n_tags, n_files) = (data.tags().len(), data.train().n_files());
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
    Ok((kept, left_out))
}

/// Fails before training what would fail after it.
fn some_tag_has_both_classes(what: &str, labels: &[u8], n_tags: usize) -> Result<(), EvaluateError> {
    let no_scores = vec![0.0f32; labels.len()];
    macro_roc_auc(&Tagging::new(labels, &no_scores, n_tags)?)
        .map(|_| ())
        .map_err(|_| EvaluateError::NoTagWithBothClasses { what: what.to_owned(), n_tags })
}

/// Every learning rate with every seed; returns all trials, the best rate and its probes.
fn train_all(
    task: &Task<'_>,
    config: &ProbeConfig,
) -> Result<(Vec<LearningRateTrial>, f64, Vec<Trained>), EvaluateError> {
    let jobs: Vec<(f64, u64)> = config
        .learning_rates
        .iter()
        .flat_map(|&learning_rate| config.seeds.iter().map(move |&seed| (learning_rate, seed)))
        .collect();
    let mut trained: Vec<Trained> = jobs
        .into_par_iter()
        .map(|(learning_rate, seed)| train(task, config, learning_rate, seed))
        .collect::<Result<_, _>>()?;
    let trials: Vec<LearningRateTrial> = config
        .learning_rates
        .iter()
        .zip(trained.chunks(config.seeds.len()))
        .filter_map(|(&learning_rate, trained)| {
            let best: Vec<f64> = trained.iter().map(Trained::best_valid).collect();
            Some(LearningRateTrial { learning_rate, valid_roc_auc: MeanStd::of(&best)? })
        })
        .collect();
    let mut best = 0;
    for (at, trial) in trials.iter().enumerate() {
        if trial.valid_roc_auc.mean > trials[best].valid_roc_auc.mean {
            best = at;
        }
    }
    let chosen = trained.drain(best * config.seeds.len()..(best + 1) * config.seeds.len()).collect();
    let learning_rate = trials[best].learning_rate;
    Ok((trials, learning_rate, chosen))
}

fn measure(
    trained: &Trained,
    test: &Files<'_>,
    average: Average,
) -> Result<(Vec<f64>, TaggingMetrics), EvaluateError> {
    let mut network = trained.network.clone();
    let scores = test.scores(&mut network, average)?;
    let threshold = match average {
        Average::Logits => LOGIT_THRESHOLD,
        Average::Probabilities => PROBABILITY_THRESHOLD,
    };
    let metrics = tagging_metrics(&Tagging::new(&test.labels, &scores, network.shape().outputs)?, threshold)?;
    Ok((scores, metrics))
}

fn intervals(
    test: &FeatureSet,
    labels: &[u8],
    scores: &[Vec<f64>],
    n_tags: usize,
    config: &ProbeConfig,
) -> Result<Option<crate::TaggingIntervals>, EvaluateError> {
    let Some(bootstrap) = config.bootstrap else { return Ok(None) };
    let seeds: Vec<Tagging<'_, f64>> =
        scores.iter().map(|scores| Tagging::new(labels, scores, n_tags)).collect::<Result<_, _>>()?;
    bootstrap_intervals(&seeds, Some(&test.units()), bootstrap).map(Some)
}

fn over_seeds(metrics: &[TaggingMetrics], of: impl Fn(&TaggingMetrics) -> Option<f64>) -> Option<MeanStd> {
    MeanStd::of(&metrics.iter().filter_map(of).collect::<Vec<_>>())
}

fn tag_result(name: &str, tag: usize, metrics: &[TaggingMetrics]) -> TagResult {
    TagResult {
        tag: name.to_owned(),
        positives: metrics[0].positives[tag],
        roc_auc: over_seeds(metrics, |metrics| metrics.roc_auc[tag]),
        average_precision: over_seeds(metrics, |metrics| metrics.average_precision[tag]),
    }
}

fn seed_result(trained: Trained, test: TaggingMetrics) -> SeedResult {
    SeedResult {
        seed: trained.seed,
        best_epoch: trained.best_epoch,
        valid_roc_auc: trained.best_valid(),
        layer_weights: trained.network.layer_weights(),
        epochs: trained.epochs,
        test,
    }
}

//! A whole probe run on tags: everything that is measured of it, and the best probe to keep.

use super::answers::Answers;
use super::config::ProbeConfig;
use super::features::EncoderFacts;
use super::fit::{Fitted, Learned, fit, sizes};
use super::kind::Kind;
use super::result::{
    LeftOut, LeftOutReason, MeanStd, ProbeOutcome, ProbeResult, RESULT_SCHEMA, SeedResult, TagResult,
};
use super::splits::ProbeData;
use super::train::Trained;
use super::trained::{Probe, ProbeFacts};
use crate::tagging::{LOGIT_THRESHOLD, PROBABILITY_THRESHOLD, Tagging, tagging_metrics};
use crate::{Average, EvaluateError, TaggingMetrics, bootstrap_intervals};

/// Trains and measures a probe of tags; seeds run in parallel, and no number depends on how many threads there are.
pub fn probe(
    data: &ProbeData<'_>,
    encoder: &EncoderFacts,
    config: &ProbeConfig,
) -> Result<ProbeOutcome, EvaluateError> {
    if config.kind != Kind::Tags {
        return Err(EvaluateError::Setting {
            name: "kind",
            value: format!("{:?}", config.kind),
            requirement: "`tags`, because the result is one of tags".to_owned(),
        });
    }
    let Fitted { learned, test_answers, test_scores } = fit(data, encoder, config)?;
    let Answers::Tags(test_labels) = &test_answers else {
        unreachable!("the answers are of the config's kind")
    };
    let threshold = match config.average {
        Average::Logits => LOGIT_THRESHOLD,
        Average::Probabilities => PROBABILITY_THRESHOLD,
    };
    let n = learned.outputs.len();
    let seeds: Vec<Tagging<'_, f64>> =
        test_scores.iter().map(|scores| Tagging::new(test_labels, scores, n)).collect::<Result<_, _>>()?;
    let metrics: Vec<TaggingMetrics> =
        seeds.iter().map(|seed| tagging_metrics(seed, threshold)).collect::<Result<_, _>>()?;
    let intervals = config
        .bootstrap
        .map(|bootstrap| bootstrap_intervals(&seeds, Some(&data.test().units()), bootstrap))
        .transpose()?;
    let best = learned.best();
    let facts = ProbeFacts::new(
        encoder,
        &learned.outputs,
        learned.first_state,
        &learned.shape,
        best.seed,
        best.best_valid(),
    );
    let probe = Probe::new(facts, best.network.parameters().to_vec(), learned.standardisation.clone())?;
    let per_tag =
        learned.outputs.iter().enumerate().map(|(tag, name)| tag_result(name, tag, &metrics)).collect();
    let left_out = [learned.left_out.clone(), not_in_test(&metrics[0], &learned.outputs)].concat();
    let mean = |of: fn(&TaggingMetrics) -> f64| {
        over_seeds(&metrics, |metrics| Some(of(metrics))).expect("a seed was measured")
    };
    let (roc_auc, average_precision) = (mean(|m| m.roc_auc_macro), mean(|m| m.average_precision_macro));
    let Learned { outputs, trials, chosen, trained, .. } = learned;
    let result = ProbeResult {
        schema: RESULT_SCHEMA,
        encoder: encoder.clone(),
        config: config.clone(),
        sizes: sizes(data),
        left_out,
        trials,
        layers: chosen.layers,
        learning_rate: chosen.learning_rate,
        roc_auc,
        average_precision,
        intervals,
        per_tag,
        tags: outputs,
        seeds: trained.into_iter().zip(metrics).map(|(trained, test)| seed_result(trained, test)).collect(),
    };
    let Answers::Tags(test_labels) = test_answers else {
        unreachable!("the answers are of the config's kind")
    };
    Ok(ProbeOutcome { result, probe, test_labels, test_scores })
}

/// Tags that the test files have not in both classes.
pub(super) fn not_in_test(metrics: &TaggingMetrics, tags: &[String]) -> Vec<LeftOut> {
    let named = |&tag: &usize| {
        let positive = metrics.positives[tag] > 0;
        let reason = if positive { LeftOutReason::NoNegativeInTest } else { LeftOutReason::NoPositiveInTest };
        LeftOut { tag: tags[tag].clone(), reason }
    };
    metrics.left_out.iter().map(named).collect()
}

fn over_seeds(metrics: &[TaggingMetrics], of: impl Fn(&TaggingMetrics) -> Option<f64>) -> Option<MeanStd> {
    MeanStd::of(&metrics.iter().filter_map(of).collect::<Vec<_>>())
}

pub(super) fn tag_result(name: &str, tag: usize, metrics: &[TaggingMetrics]) -> TagResult {
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

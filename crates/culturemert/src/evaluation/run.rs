//! Every model and every baseline on every set, and how they differ.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use burn::tensor::Device;
use corpus::JobShare;
use evaluate::{
    Bootstrap, EncoderFacts, EvaluateError, Kind, Layers, MeanStd, MeasuredOutcome, Mix, PairDifferences,
    ProbeConfig, ProbeData, Scoring, measure, scoring_differences,
};
use serde::{Deserialize, Serialize};
use study::evaluation::{
    Against, EvaluatedCell, EvaluatedModel, EvaluatedSet, Evaluation, Gap, Named, Role, SCHEMA,
    SeedPairScore, TagScore,
};
use study::results::Spread;
use weights::ModelDirectory;

use super::extract::FeatureCache;
use super::extractor::Extractor;
use super::set::EvaluationSet;
use super::settings::FeatureSettings;
use crate::interrupt::stop_flag;
use crate::terminal::Terminal;

/// What models have to beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Baseline {
    /// An encoder of the base's shape with random weights.
    Random,
    /// Means and deviations of log-mel bands.
    LogMel,
    /// The training recordings' shares of tags.
    Chance,
}

impl Baseline {
    /// Its row, where it has features of its own: all but chance. `like` opens the model whose shape a random encoder has, on `device`.
    pub(crate) fn subject(
        self,
        like: impl FnOnce() -> anyhow::Result<ModelDirectory>,
        device: &Device,
    ) -> anyhow::Result<Option<Subject>> {
        let (name, role, extractor) = match self {
            Self::Random => {
                ("random encoder", Role::RandomEncoder, Extractor::random_like(&like()?, device)?)
            }
            Self::LogMel => ("log-mel statistics", Role::LogMel, Extractor::log_mel()?),
            Self::Chance => return Ok(None),
        };
        Ok(Some(Subject { name: name.into(), role, extractor }))
    }
}

/// A row of the tables before it has numbers.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) extractor: Extractor,
}

/// What is asked.
pub(crate) struct EvaluationPlan {
    /// Models, the one the others are compared with first; then baselines that have features.
    pub(crate) subjects: Vec<Subject>,
    /// Whether chance is a row too.
    pub(crate) with_chance: bool,
    pub(crate) sets: Vec<EvaluationSet>,
    pub(crate) features: FeatureSettings,
    pub(crate) probe: ProbeConfig,
    /// Folder of the features that are kept.
    pub(crate) cache: PathBuf,
}

/// The row that knows nothing.
const CHANCE: &str = "chance";

/// Runs it. Sets of which nothing can be told are named; that may be all of them.
pub(crate) fn evaluate(plan: &EvaluationPlan, terminal: &Terminal) -> anyhow::Result<Evaluation> {
    let mut models: Vec<EvaluatedModel> = plan
        .subjects
        .iter()
        .map(|subject| EvaluatedModel {
            name: subject.name.clone(),
            hash: subject.extractor.identity.clone(),
            role: subject.role,
        })
        .collect();
    if plan.with_chance {
        models.push(EvaluatedModel { name: CHANCE.into(), hash: String::new(), role: Role::Chance });
    }
    let mut provenance = BTreeMap::from([
        ("features".to_owned(), serde_json::to_string(&plan.features)?),
        ("probe".to_owned(), serde_json::to_string(&plan.probe)?),
    ]);
    let (mut sets, mut cells, mut not_measured) = (Vec::new(), Vec::new(), Vec::new());
    for set in &plan.sets {
        let (described, of_set) = match evaluate_set(plan, set, terminal) {
            Ok(measured) => measured,
            // A set that says nothing does not take the others' numbers away.
            Err(error) if error.downcast_ref::<EvaluateError>().is_some_and(EvaluateError::is_of_data) => {
                let reason = format!("{error:#}");
                terminal.complain("warning", &format!("data set `{}` is not measured: {reason}", set.name));
                not_measured.push(Named { name: set.name.clone(), reason });
                continue;
            }
            Err(error) => return Err(error),
        };
        provenance.insert(format!("set {}", set.name), set.fingerprint());
        sets.push(described);
        cells.extend(of_set);
    }
    Ok(Evaluation {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        seeds: plan.probe.seeds.clone(),
        base: plan.subjects[0].name.clone(),
        models,
        sets,
        not_measured,
        cells,
        provenance,
    })
}

/// Computes the features of all recordings of every set, or of a share of them, for every subject, and keeps them; how many recordings of
/// each set.
pub(crate) fn keep_features(
    plan: &EvaluationPlan,
    share: Option<JobShare>,
    terminal: &Terminal,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let cache = FeatureCache { folder: plan.cache.clone(), stop: stop_flag(), terminal };
    let mut kept = BTreeMap::new();
    for set in &plan.sets {
        for subject in &plan.subjects {
            let of_share = share.map(|share| format!(", share {share}")).unwrap_or_default();
            let label = format!("{}: {}{of_share}", set.name, subject.name);
            let settings = plan.features.resolved(&subject.extractor);
            let recordings = set.recordings.iter().enumerate();
            let mine = |at: usize| share.is_none_or(|share| share.takes(at));
            let recordings = recordings.filter(|&(at, _)| mine(at)).map(|(_, one)| one);
            let features = cache.of(&label, &subject.extractor, &settings, set, recordings.collect())?;
            kept.insert(set.name.clone(), features.of.len());
        }
    }
    Ok(kept)
}

fn evaluate_set(
    plan: &EvaluationPlan,
    set: &EvaluationSet,
    terminal: &Terminal,
) -> anyhow::Result<(EvaluatedSet, Vec<EvaluatedCell>)> {
    let cache = FeatureCache { folder: plan.cache.clone(), stop: stop_flag(), terminal };
    // Whatever lacks a window for one of them is left out for all: they are compared on the same recordings.
    let mut has_windows = vec![true; set.recordings.len()];
    for subject in &plan.subjects {
        let label = format!("{}: {}", set.name, subject.name);
        let settings = plan.features.resolved(&subject.extractor);
        let features = cache.features(&label, &subject.extractor, &settings, set)?;
        for (has, of) in has_windows.iter_mut().zip(&features.of) {
            *has &= !of.rows.is_empty();
        }
    }
    let mut outcomes: Vec<MeasuredOutcome> = Vec::new();
    let mut left_out: Vec<Named> = set.left_out.clone();
    for subject in &plan.subjects {
        let settings = plan.features.resolved(&subject.extractor);
        let mut features = cache.features(&set.name, &subject.extractor, &settings, set)?;
        for (of, has) in features.of.iter_mut().zip(&has_windows) {
            if !has {
                of.rows.clear();
            }
        }
        let ([train, valid, test], windowless) = set.feature_sets(&features);
        if outcomes.is_empty() {
            left_out.extend(windowless);
        }
        let facts = EncoderFacts {
            name: subject.name.clone(),
            hash: subject.extractor.identity.clone(),
            n_layers: features.n_states,
            width: features.width,
            chunk_seconds: plan.features.window_seconds,
        };
        let data = ProbeData::new(&set.outputs, &train, &valid, &test)
            .with_context(|| format!("data set `{}`", set.name))?;
        let config = config_for(plan, set.kind, &subject.extractor);
        let sign = format!("{}: probe of {}", set.name, subject.name);
        let outcome = terminal
            .during(&sign, || measure(&data, &facts, &config))
            .with_context(|| format!("`{}` on `{}`", subject.name, set.name))?;
        terminal.say(format!(
            "{} on {}: {} {:.4}, {} {:.4} over {} seeds",
            subject.name,
            set.name,
            set.kind.metrics()[0],
            outcome.measured.first.mean,
            set.kind.metrics()[1],
            outcome.measured.second.mean,
            outcome.measured.seeds.len(),
        ));
        outcomes.push(outcome);
    }
    left_out.extend(outcomes[0].measured.left_out.iter().map(|one| {
        Named {
            name: one.tag.clone(),
            reason: serde_json::to_value(one.reason)
                .ok()
                .and_then(|reason| reason.as_str().map(ToOwned::to_owned))
                .unwrap_or_default(),
        }
    }));
    let cells = cells(plan, set, &outcomes)?;
    let first = &outcomes[0].measured;
    let described = EvaluatedSet {
        name: set.name.clone(),
        metrics: set.kind.metrics().map(ToOwned::to_owned),
        published: set.published,
        is_western: set.is_western,
        files: first.sizes.files,
        windows: first.sizes.chunks,
        outputs: first.outputs.clone(),
        left_out,
        incomplete: set.incomplete.clone(),
        remarks: set.remarks.clone(),
    };
    Ok((described, cells))
}

/// The probe of this extractor: statistics have no layers to mix, and their units differ, so they are standardised.
fn config_for(plan: &EvaluationPlan, kind: Kind, extractor: &Extractor) -> ProbeConfig {
    let config = ProbeConfig { kind, ..plan.probe.clone() };
    if extractor.is_encoder() {
        return config;
    }
    ProbeConfig {
        layers: Layers::One(0),
        layer_grid: Vec::new(),
        mix: Mix::Single,
        standardise: true,
        ..config
    }
}

fn cells(
    plan: &EvaluationPlan,
    set: &EvaluationSet,
    outcomes: &[MeasuredOutcome],
) -> anyhow::Result<Vec<EvaluatedCell>> {
    let bootstrap = plan.probe.bootstrap.unwrap_or_default();
    let chance = plan.with_chance.then(|| outcomes[0].chance_scoring()).transpose()?;
    let mut cells = Vec::new();
    for (at, (subject, outcome)) in plan.subjects.iter().zip(outcomes).enumerate() {
        let mut against = Vec::new();
        if subject.role == Role::Model {
            let own = outcome.scorings()?;
            for (other_at, (other, scored)) in plan.subjects.iter().zip(outcomes).enumerate() {
                let is_compared = other_at != at && (other_at == 0 || other.role != Role::Model);
                if is_compared {
                    let difference = differ(&own, &scored.scorings()?, &outcome.units, bootstrap)?;
                    against.push(minus(&other.name, &difference));
                }
            }
            if let Some(chance) = chance {
                let difference = differ(&own, &[chance], &outcome.units, bootstrap)?;
                against.push(minus(CHANCE, &difference));
            }
        }
        cells.push(cell(&subject.name, &set.name, outcome, against));
    }
    if let Some((first, second)) = chance.and_then(|chance| chance.metrics()) {
        let alone = |value| Spread::of(&[value]);
        cells.push(EvaluatedCell {
            model: CHANCE.into(),
            set: set.name.clone(),
            first: alone(first),
            second: alone(second),
            ends: None,
            per_seed: vec![SeedPairScore { seed: 0, first, second }],
            layers: String::new(),
            learning_rate: None,
            per_tag: Vec::new(),
            against: Vec::new(),
        });
    }
    Ok(cells)
}

fn differ(
    own: &[Scoring<'_>],
    other: &[Scoring<'_>],
    units: &[usize],
    bootstrap: Bootstrap,
) -> anyhow::Result<PairDifferences> {
    Ok(scoring_differences(own, other, Some(units), bootstrap)?)
}

fn minus(model: &str, difference: &PairDifferences) -> Against {
    let gap = |interval: evaluate::Interval, p: f64| Gap {
        estimate: interval.estimate,
        ends: [interval.low, interval.high],
        p,
    };
    Against {
        model: model.to_owned(),
        first: gap(difference.intervals.first, difference.first_p),
        second: gap(difference.intervals.second, difference.second_p),
    }
}

fn cell(model: &str, set: &str, outcome: &MeasuredOutcome, against: Vec<Against>) -> EvaluatedCell {
    let measured = &outcome.measured;
    let of = |value: fn(&evaluate::SeedPair) -> f64| {
        Spread::of(&measured.seeds.iter().map(value).collect::<Vec<_>>())
    };
    let mean = |value: Option<MeanStd>| value.map(|value| value.mean);
    EvaluatedCell {
        model: model.to_owned(),
        set: set.to_owned(),
        first: of(|seed| seed.first),
        second: of(|seed| seed.second),
        ends: measured
            .intervals
            .map(|all| [[all.first.low, all.first.high], [all.second.low, all.second.high]]),
        per_seed: measured
            .seeds
            .iter()
            .map(|seed| SeedPairScore { seed: seed.seed, first: seed.first, second: seed.second })
            .collect(),
        layers: match measured.layers {
            Layers::Transformer => "outputs of all layers".into(),
            Layers::All => "all hidden states".into(),
            Layers::One(state) => format!("hidden state {state}"),
        },
        learning_rate: Some(measured.learning_rate),
        per_tag: measured
            .per_tag
            .iter()
            .map(|tag| TagScore {
                name: tag.tag.clone(),
                positives: tag.positives,
                first: mean(tag.roc_auc),
                second: mean(tag.average_precision),
            })
            .collect(),
        against,
    }
}

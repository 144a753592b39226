//! A results value as a small study could leave it: made up for tests and for looking at the report, computed by no model.

mod map;

use std::collections::BTreeMap;

use culturemert_study::paper::{PaperSet, TABLE_2};
use culturemert_study::results::{
    CultureData, CurvePoint, DataDescription, LambdaPoint, LossChange, ModelKind, ModelResult, ProbeResult,
    Recipe, SeedScore, Similarity, StageResult, StepTiming, StudyResults, TagScore, TokenizerFacts,
    TrainingRun,
};

pub(crate) const CULTURES: [(&str, &str, PaperSet); 5] = [
    ("turkish-makam", "Turkish makam", PaperSet::Makam),
    ("hindustani", "Hindustani", PaperSet::Hindustani),
    ("carnatic", "Carnatic", PaperSet::Carnatic),
    ("greek", "Greek", PaperSet::Lyra),
    ("western", "Western", PaperSet::Mtat),
];
const SEEDS: [u64; 3] = [1, 2, 3];

/// A number in −1..1 that looks like chance and is the same everywhere.
pub(crate) fn noise(i: u64) -> f64 {
    let mut x = i.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The scores of the paper's table, with the spread `deviation` over three seeds.
pub(crate) fn probe(model: &str, row: &str, culture: usize, deviation: f64, shift: f64) -> ProbeResult {
    let (name, _, set) = CULTURES[culture];
    let row = TABLE_2.iter().find(|candidate| candidate.model == row).expect("a row of the paper");
    let column = PaperSet::ALL.iter().position(|candidate| *candidate == set).expect("a set of the paper");
    let per_seed = SEEDS.map(|seed| {
        let at = seed + 10 * culture as u64 + 1000 * row.model.len() as u64;
        SeedScore {
            seed,
            roc_auc: (row.roc_auc[column].mean / 100.0 + shift + deviation * noise(at)).clamp(0.0, 1.0),
            average_precision: (row.average_precision[column].mean / 100.0
                + shift
                + deviation * noise(at + 7))
            .clamp(0.0, 1.0),
        }
    });
    let mut result = ProbeResult::from_seeds(model, name, 48, 17, per_seed.to_vec());
    result.per_tag = (0..17)
        .map(|tag| TagScore {
            tag: format!("mode:{name}-{tag}"),
            roc_auc: (result.roc_auc.mean + 0.1 * noise(tag + 100 * row.model.len() as u64)).clamp(0.0, 1.0),
            positives: 2 + tag % 5,
            example: Some(format!("{name}/piece-{tag:02}.wav")),
        })
        .collect();
    result
}

fn stage(name: &str, updates: u64, trained: u64, replay: f64, peak: f64) -> StageResult {
    StageResult {
        name: name.into(),
        updates,
        trained_parameters: trained,
        audio_seconds: updates as f64 * 40.0,
        replay_share: replay,
        peak_learning_rate: peak,
        seconds: updates as f64 * 0.21,
    }
}

fn model(name: &str, kind: ModelKind, recipe: Recipe, trained_on: &[&str]) -> ModelResult {
    let stages = match recipe {
        Recipe::FromScratch => vec![stage("pre-train", 400, 1_905_152, 0.0, 5e-4)],
        Recipe::TwoStage => {
            vec![stage("stabilise", 60, 412_160, 0.2, 5e-4), stage("adapt", 140, 1_905_152, 0.0, 5e-5)]
        }
        Recipe::Given | Recipe::Merge => Vec::new(),
        _ => vec![stage("adapt", 200, 1_905_152, 0.2, 5e-4)],
    };
    let held_out = if stages.is_empty() {
        BTreeMap::new()
    } else {
        let change = |i: usize| LossChange {
            before: 61.0 + i as f64,
            after: 55.2 + 1.3 * i as f64 + noise(name.len() as u64),
        };
        CULTURES.iter().enumerate().map(|(i, culture)| (culture.0.to_owned(), change(i))).collect()
    };
    ModelResult {
        name: name.into(),
        kind,
        recipe,
        trained_on: trained_on.iter().map(|&culture| culture.to_owned()).collect(),
        lambda: (recipe == Recipe::Merge).then_some(0.2),
        parameters: 1_905_152,
        seconds: stages.iter().map(|stage| stage.seconds).sum::<f64>() + 0.4,
        stages,
        held_out,
    }
}

fn curve(model: &ModelResult) -> Vec<TrainingRun> {
    let total: u64 = model.stages.iter().map(|stage| stage.updates).sum();
    let mut before = 0;
    let mut runs = Vec::new();
    for stage in &model.stages {
        let points = (0..=stage.updates)
            .map(|update| {
                let along = (before + update) as f64 / total as f64;
                let level = 54.0 + 9.0 * (-4.0 * along).exp();
                let warm_up = (update as f64 / (0.1 * stage.updates as f64)).min(1.0);
                let cosine =
                    0.55 + 0.45 * (std::f64::consts::PI * update as f64 / stage.updates as f64).cos();
                let held_out = if update % (stage.updates / 5) == 0 {
                    let at = |i: usize| level + 0.8 * i as f64 + 0.2 * noise(update + i as u64);
                    CULTURES.iter().enumerate().map(|(i, culture)| (culture.0.to_owned(), at(i))).collect()
                } else {
                    BTreeMap::new()
                };
                CurvePoint {
                    update,
                    loss: (update > 0).then(|| level + 1.5 * noise(update * 31 + model.name.len() as u64)),
                    learning_rate: (update > 0).then_some(stage.peak_learning_rate * warm_up * cosine),
                    held_out,
                }
            })
            .collect();
        runs.push(TrainingRun { model: model.name.clone(), stage: stage.name.clone(), points });
        before += stage.updates;
    }
    runs
}

/// The whole value. `deviation` is the half width of the spread over seeds.
pub(crate) fn results(deviation: f64) -> StudyResults {
    let all: Vec<&str> = CULTURES[..4].iter().map(|culture| culture.0).collect();
    let models = [
        (model("MERT-small", ModelKind::Base, Recipe::FromScratch, &["western"]), "MERT-v1", 0.0),
        (
            model("MakamMERT", ModelKind::SingleCulture, Recipe::TwoStage, &["turkish-makam"]),
            "MakamMERT",
            0.0,
        ),
        (
            model("HindustaniMERT", ModelKind::SingleCulture, Recipe::TwoStage, &["hindustani"]),
            "HindustaniMERT",
            0.0,
        ),
        (
            model("CarnaticMERT", ModelKind::SingleCulture, Recipe::TwoStage, &["carnatic"]),
            "CarnaticMERT",
            0.0,
        ),
        (model("GreekMERT", ModelKind::SingleCulture, Recipe::TwoStage, &["greek"]), "LyraMERT", 0.0),
        (model("CultureMERT", ModelKind::MultiCulture, Recipe::TwoStage, &all), "CultureMERT", 0.0),
        (model("CultureMERT-TA", ModelKind::Merged, Recipe::Merge, &all), "CultureMERT-TA", 0.0),
        (model("single stage", ModelKind::Baseline, Recipe::SingleStage, &all), "CultureMERT", -0.035),
        (
            model("single stage, cold", ModelKind::Baseline, Recipe::SingleStageNoRewarming, &all),
            "CultureMERT",
            -0.045,
        ),
    ];
    let culture = |(name, label, set): (&str, &str, PaperSet)| CultureData {
        name: name.into(),
        label: label.into(),
        western: set.is_western(),
        paper_set: Some(set),
        seconds: [("train", 1440.0), ("valid", 240.0), ("test", 480.0)]
            .map(|(split, s)| (split.to_owned(), s))
            .into(),
        recordings: [("train", 144), ("valid", 24), ("test", 48)]
            .map(|(split, n)| (split.to_owned(), n))
            .into(),
        licence: "CC0-1.0".into(),
    };
    let data = DataDescription {
        synthetic: true,
        description: "Five synthetic traditions, computed from their music theory; no recording of a musician is among them.".into(),
        licence: "CC0-1.0".into(),
        cultures: CULTURES.map(culture).to_vec(),
    };
    let tokenizer = TokenizerFacts {
        name: "residual k-means".into(),
        hash: "5f1c09aa7be2d410".into(),
        n_codebooks: 4,
        n_entries: 64,
        frame_rate: 75.0,
        fitted_on: "log-mel frames of the training split of all traditions".into(),
    };
    let mut results = StudyResults::new("pocket", SEEDS.to_vec(), data, tokenizer);
    for (i, (model, row, shift)) in models.into_iter().enumerate() {
        results.runs.extend(curve(&model));
        let bias = shift + 0.2 * deviation * noise(i as u64);
        results.probes.extend((0..5).map(|culture| probe(&model.name, row, culture, deviation, bias)));
        results.models.push(model);
    }
    for lambda in [0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0] {
        let fall = -0.12 * (lambda - 0.2_f64).powi(2) / 0.64;
        let probes: Vec<_> =
            (0..5).map(|culture| probe("x", "CultureMERT-TA", culture, deviation, fall)).collect();
        results.lambda_sweep.push(LambdaPoint::from_probes(lambda, &probes));
    }
    let distance = |i: usize, j: usize| match (i.min(j), i.max(j)) {
        (i, j) if i == j => 0.0,
        (1, 2) => 0.071,
        (_, 4) => 0.31 + 0.02 * i.min(j) as f64,
        (i, j) => 0.11 + 0.03 * (i + j) as f64,
    };
    let matrix = |scale: f64| (0..5).map(|i| (0..5).map(|j| scale * distance(i, j)).collect()).collect();
    results.similarity = Some(Similarity {
        cultures: CULTURES.iter().map(|culture| culture.0.to_owned()).collect(),
        jensen_shannon: matrix(1.0),
        cosine_distance: matrix(1.7),
        n_frames: CULTURES.iter().map(|culture| (culture.0.to_owned(), 108_000)).collect(),
        intervals: None,
        halves: None,
    });
    results.map = Some(map::map(&results.models[0].name, &results.models[5].name));
    results.provenance =
        [("corpus", "9a0364b9e99bb480dd25e1f0284c8555"), ("plan", "0e5751c026e543b2e8ab2eb06099daa1")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
    let timing = |name: &str, seconds, cached| StepTiming {
        name: name.into(),
        seconds,
        cached,
        key: "1d3b".repeat(16),
    };
    results.timings = vec![
        timing("synth", 14.2, true),
        timing("prepare", 2.1, true),
        timing("fit-codec", 9.7, false),
        timing("pretrain-base", 91.4, false),
        timing("pretrain-multi", 58.0, false),
        timing("probe", 33.3, false),
    ];
    results.left_out.quarantined.insert("empty file".into(), 1);
    results.left_out.unused.insert("shorter than a crop".into(), 3);
    results.findings = culturemert_study::findings(&results);
    results
}

//! Transfer as results and evaluations have it.

use std::collections::BTreeMap;
use std::fs;

use crate::plausible;

use culturemert_study::MeasuredTransfer;
use culturemert_study::evaluation::{
    Against, EvaluatedCell, EvaluatedModel, EvaluatedSet, Evaluation, Gap, Role, SCHEMA,
};
use culturemert_study::results::Spread;

/// Two adapted models on three sets, two of which are of one culture. The gain of model `m` on set `s` is `gain(m, s)`.
fn evaluation(gain: impl Fn(usize, usize) -> f64) -> Evaluation {
    let models = ["base", "One", "Two"];
    let sets = ["a", "b-tags", "b-genres"];
    let spread = |mean| Spread { mean, std: 0.0 };
    let cell = |m: usize, s: usize| {
        let gap = |estimate| Gap { estimate, ends: [estimate, estimate], p: 1.0 };
        let against = Against { model: "base".into(), first: gap(gain(m, s)), second: gap(0.0) };
        EvaluatedCell {
            model: models[m].into(),
            set: sets[s].into(),
            first: spread(0.5),
            second: spread(0.5),
            ends: None,
            per_seed: Vec::new(),
            layers: String::new(),
            learning_rate: None,
            per_tag: Vec::new(),
            against: if m == 0 { Vec::new() } else { vec![against] },
        }
    };
    Evaluation {
        schema: SCHEMA,
        tool_version: "0".into(),
        seeds: vec![1],
        base: "base".into(),
        models: models
            .map(|name| EvaluatedModel { name: name.into(), hash: String::new(), role: Role::Model })
            .into(),
        sets: sets
            .map(|name| EvaluatedSet {
                name: name.into(),
                metrics: ["ROC-AUC".into(), "AP".into()],
                published: None,
                is_western: false,
                files: [1, 1, 1],
                windows: [1, 1, 1],
                outputs: Vec::new(),
                left_out: Vec::new(),
                incomplete: Vec::new(),
                remarks: Vec::new(),
            })
            .into(),
        not_measured: Vec::new(),
        cells: (0..3).flat_map(|m| (0..3).map(move |s| (m, s))).map(|(m, s)| cell(m, s)).collect(),
        provenance: BTreeMap::new(),
    }
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, culture)| ((*name).to_owned(), (*culture).to_owned())).collect()
}

#[test]
fn an_evaluation_gives_the_first_metric_and_sets_of_one_culture_their_mean() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evaluation.json");
    let mut made = evaluation(|m, s| m as f64 + 0.1 * s as f64);
    made.cells.retain(|cell| (cell.model.as_str(), cell.set.as_str()) != ("Two", "a"));
    fs::write(&path, serde_json::to_string(&made).unwrap()).unwrap();
    let sources = named(&[("One", "a"), ("Two", "b")]);
    let targets = named(&[("b-tags", "b"), ("b-genres", "b")]);
    let transfer = MeasuredTransfer::read(&path, &sources, &targets).unwrap();
    let found: Vec<(&str, &str, f64)> =
        transfer.cells.iter().map(|cell| (cell.source.as_str(), cell.target.as_str(), cell.gain)).collect();
    assert_eq!(
        found.iter().map(|cell| (cell.0, cell.1)).collect::<Vec<_>>(),
        [("a", "a"), ("a", "b"), ("b", "b")]
    );
    for (cell, expected) in found.iter().zip([1.0, 1.15, 2.15]) {
        assert!((cell.2 - expected).abs() < 1e-12, "{cell:?}");
    }
    assert_eq!(transfer.measure, "ROC-AUC against base");
    assert_eq!(transfer.missing, ["Two on a"]);
}

#[test]
fn unknown_names_are_refused() {
    let made = evaluation(|_, _| 0.0);
    let refused = |sources: &[(&str, &str)], targets: &[(&str, &str)], part: &str| {
        let error = MeasuredTransfer::of_evaluation(&made, &named(sources), &named(targets)).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(&[("Three", "a")], &[], "unknown `Three`, there are base, One, Two");
    refused(&[("One", "a")], &[("c", "a")], "unknown `c`");
    refused(&[], &[], "are not given");
}

#[test]
fn a_study_knows_its_sources() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    let results = plausible::results(0.001);
    results.write(&path).unwrap();
    let transfer = MeasuredTransfer::read(&path, &BTreeMap::new(), &BTreeMap::new()).unwrap();
    assert_eq!(transfer.cells.len(), 20);
    let cell =
        transfer.cells.iter().find(|cell| cell.source == "carnatic" && cell.target == "hindustani").unwrap();
    // 87.0 and 60.2 against 82.4 and 52.9, per cent, and what the seeds add.
    assert!((cell.gain - 0.0595).abs() < 0.003, "{}", cell.gain);
    let error = MeasuredTransfer::read(&path, &named(&[("One", "a")]), &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("say themselves"), "{error}");
    fs::write(&path, "{\"sets\": [], \"schema\": 9}").unwrap();
    let error = MeasuredTransfer::read(&path, &BTreeMap::new(), &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("schema 9"), "{error}");
}

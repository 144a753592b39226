//! A sweep of two models and two tasks, made up here.

use super::*;

fn scores(values: &[f64]) -> TaskScores {
    let seed = |(seed, &roc_auc): (usize, &f64)| SeedScore {
        seed: seed as u64,
        roc_auc,
        average_precision: roc_auc / 2.0,
    };
    TaskScores::of(values.iter().enumerate().map(seed).collect()).unwrap()
}

fn side(first: &[f64], second: &[f64]) -> Side {
    let tasks = [("carnatic", first), ("greek", second)];
    Side::of(
        Metric::RocAuc,
        tasks.into_iter().map(|(name, values)| (name.to_owned(), scores(values))).collect(),
    )
    .unwrap()
}

fn point(lambdas: [f64; 2], origin: Origin, validation: f64, test: Option<f64>) -> SweptPoint {
    let sides = |mean: f64| side(&[mean - 0.1, mean], &[mean + 0.1, mean + 0.04]);
    SweptPoint {
        lambdas: ["a", "b,c"].map(str::to_owned).into_iter().zip(lambdas).collect(),
        shared: (lambdas[0].to_bits() == lambdas[1].to_bits()).then_some(lambdas[0]),
        origins: vec![origin],
        content_hash: "00".into(),
        validation: sides(validation),
        test: test.map(sides),
    }
}

fn sweep() -> Sweep {
    let points = vec![
        point([0.0, 0.0], Origin::Base, 0.5, Some(0.52)),
        point([0.2, 0.2], Origin::Uniform, 0.6, Some(0.7)),
        point([0.3, 0.1], Origin::Guided, 0.65, Some(0.6)),
        point([0.4, 0.1], Origin::Search, 0.62, None),
    ];
    let named = [("base", 0), ("uniform", 1), ("guided", 2), ("chosen", 2)];
    let model = |name: &str| SweptModel { name: name.into(), hash: "11".into() };
    let task = |name: &str| SweptTask {
        name: name.into(),
        tags: vec!["x".into()],
        left_out: Vec::new(),
        files: [4, 2, 2],
    };
    Sweep {
        schema: SCHEMA,
        tool_version: "0.1.0".into(),
        metric: Metric::RocAuc,
        base: model("base"),
        models: vec![model("a"), model("b,c")],
        corpus: SweptCorpus {
            name: "corpus".into(),
            hash: "22".into(),
            split: "corpus".into(),
            synthetic: true,
        },
        tasks: vec![task("carnatic"), task("greek")],
        not_measured: vec![Named { name: "western".into(), reason: "no tags".into() }],
        seeds: vec![0, 1],
        compared: compare(Metric::RocAuc, &points, &named),
        points,
        search: None,
        guided: None,
        chosen: 2,
        provenance: BTreeMap::new(),
    }
}

#[test]
fn means_are_taken_over_tasks_seed_by_seed() {
    let both = side(&[0.4, 0.6], &[0.8, 0.9]);
    assert!((both.mean.mean - 0.675).abs() < 1e-12);
    // 0.6 and 0.75.
    assert!((both.mean.std.unwrap() - 0.15 / 2.0_f64.sqrt()).abs() < 1e-12);
    let by_precision = Side::of(Metric::AveragePrecision, both.tasks.clone()).unwrap();
    assert!((by_precision.mean.mean - 0.3375).abs() < 1e-12);
    assert!(Side::of(Metric::RocAuc, BTreeMap::new()).is_none() && TaskScores::of(Vec::new()).is_none());
}

#[test]
fn differences_are_paired_and_points_without_test_scores_are_not_compared() {
    let sweep = sweep();
    let names: Vec<&str> = sweep.compared.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["base", "uniform", "guided", "chosen"]);
    assert!(sweep.compared[1].minus_uniform.is_none());
    let minus = sweep.compared[2].minus_uniform.as_ref().unwrap();
    assert!((minus.validation.mean - 0.05).abs() < 1e-12 && (minus.test.mean + 0.1).abs() < 1e-12);
    assert!(minus.validation.std.unwrap() < 1e-12, "every seed differs alike");
    assert!(compare(Metric::RocAuc, &sweep.points, &[("chosen", 3), ("other", 9)]).is_empty());
}

#[test]
fn tables_and_figure_tell_validation_from_test_and_say_what_is_synthetic() {
    let sweep = sweep();
    let text = text(&sweep);
    for part in [
        "> **western is not measured.** no tags",
        "Synthetic data",
        "| chosen | 0.300 | 0.100 |",
        "| 3 (chosen) | guided | 0.300 | 0.100 |",
        "validation mean | test mean",
        "5.0 \\[5.0, 5.0\\]",
        "test recordings chose nothing",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    let csv = csv(&sweep);
    assert!(csv.starts_with("data,point,from,λ a,\"λ b,c\",validation mean,validation mean std"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
    let drawing = svg(&sweep).unwrap();
    roxmltree::Document::parse(&drawing).unwrap();
    assert!(drawing.contains("Mean, test") && drawing.contains("synthetic data"), "{drawing}");
    assert!(svg(&Sweep { points: sweep.points[..1].to_vec(), ..sweep.clone() }).is_none());
    let json = serde_json::to_string(&sweep).unwrap();
    assert_eq!(serde_json::from_str::<Sweep>(&json).unwrap(), sweep);
}

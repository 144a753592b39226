//! The metrics against scikit-learn (`golden/metrics`).

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::Path;

use culturemert_evaluate as evaluate;
use evaluate::{
    Average, PROBABILITY_THRESHOLD, Tagging, file_scores, regression_metrics, single_label_metrics,
    tagging_metrics,
};
use golden::{Tensors, nan_is_worst, within};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<Option<f64>> {
    value.as_array().unwrap().iter().map(Value::as_f64).collect()
}

#[track_caller]
fn worst(ours: &[Option<f64>], theirs: &[Option<f64>]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let error = |(ours, theirs): (&Option<f64>, &Option<f64>)| match (ours, theirs) {
        (Some(a), Some(b)) => (a - b).abs(),
        (None, None) => 0.0,
        _ => f64::INFINITY,
    };
    ours.iter().zip(theirs).map(error).fold(0.0, nan_is_worst)
}

/// Largest difference between our numbers and the named ones of `theirs` (those that are there).
#[track_caller]
fn worst_named(theirs: &Value, ours: &[(&str, f64)]) -> f64 {
    let compared: Vec<f64> =
        ours.iter().filter_map(|(name, x)| Some((x - theirs.get(name)?.as_f64()?).abs())).collect();
    assert!(!compared.is_empty(), "no number to compare");
    compared.into_iter().fold(0.0, nan_is_worst)
}

fn cases_with(tensor: &str) -> Vec<(String, Tensors, Value)> {
    let open = |case: &Path| {
        let tensors = Tensors::open(&case.join("io.safetensors"));
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        (name, tensors, golden::json(&case.join("metrics.json")))
    };
    let all = golden::cases("metrics", "metrics.json");
    all.iter().map(|case| open(case)).filter(|(_, tensors, _)| tensors.has(tensor)).collect()
}

fn labels_u8(tensors: &Tensors, name: &str) -> Vec<u8> {
    tensors.i64(name).into_iter().map(|x| u8::try_from(x).unwrap()).collect()
}

#[test]
fn golden_tagging() {
    for (name, tensors, theirs) in cases_with("scores") {
        let (labels, scores) = (labels_u8(&tensors, "labels"), tensors.f32("scores"));
        let data = Tagging::new(&labels, &scores, tensors.shape("scores")[1]).unwrap();
        let ours = tagging_metrics(&data, PROBABILITY_THRESHOLD).unwrap();
        let tolerance = theirs["tolerance_abs"].as_f64().unwrap();
        let f1: Vec<Option<f64>> = ours.f1.iter().map(|&x| Some(x)).collect();
        for (what, ours, key) in [
            ("roc-auc", &ours.roc_auc, "roc_auc_per_tag"),
            ("average precision", &ours.average_precision, "average_precision_per_tag"),
            ("f1", &f1, "f1_at_0.5_per_tag"),
        ] {
            within(&format!("metrics/{name} {what}"), worst(ours, &numbers(&theirs[key])), tolerance);
        }
        let means = worst_named(
            &theirs,
            &[
                ("macro_roc_auc_over_tags_with_both_classes", ours.roc_auc_macro),
                ("macro_average_precision_over_tags_with_both_classes", ours.average_precision_macro),
                ("sklearn_roc_auc_score_macro_on_those_tags", ours.roc_auc_macro),
                ("sklearn_average_precision_score_macro_on_those_tags", ours.average_precision_macro),
                ("sklearn_roc_auc_score_micro_on_those_tags", ours.roc_auc_micro),
                ("f1_macro_at_0.5", ours.f1_macro),
                ("f1_micro_at_0.5", ours.f1_micro),
            ],
        );
        within(&format!("metrics/{name} means"), means, tolerance);
        let left = numbers(&theirs["tags_with_both_classes"]);
        assert_eq!(ours.left_out.len() + left.len(), data.n_tags(), "{name}: tags left out");
        let positives: Vec<Option<f64>> = ours.positives.iter().map(|&n| Some(n as f64)).collect();
        assert_eq!(positives, numbers(&theirs["positives"]), "{name}: positives");
        assert_eq!(theirs["n"].as_u64(), Some(ours.n_examples as u64));
    }
}

#[test]
fn golden_file_aggregation() {
    for (name, tensors, theirs) in cases_with("chunk_logits") {
        let n_tags = tensors.shape("chunk_logits")[1];
        let chunk_file: Vec<usize> =
            tensors.i64("chunk_file").into_iter().map(|f| usize::try_from(f).unwrap()).collect();
        let labels = labels_u8(&tensors, "file_labels");
        for (key, average) in
            [("mean_of_logits", Average::Logits), ("mean_of_probabilities", Average::Probabilities)]
        {
            let scores = file_scores(
                &tensors.f32("chunk_logits"),
                n_tags,
                &chunk_file,
                labels.len() / n_tags,
                average,
            )
            .unwrap();
            let ours = tagging_metrics(&Tagging::new(&labels, &scores, n_tags).unwrap(), 0.0).unwrap();
            let pairs = [("roc_auc_macro", ours.roc_auc_macro), ("ap_macro", ours.average_precision_macro)];
            let error = worst_named(&theirs[key], &pairs);
            within(&format!("metrics/{name} {key}"), error, theirs["tolerance_abs"].as_f64().unwrap());
        }
    }
}

#[test]
fn golden_single_label() {
    for (name, tensors, theirs) in cases_with("logits") {
        let labels: Vec<usize> =
            tensors.i64("labels").into_iter().map(|x| usize::try_from(x).unwrap()).collect();
        let n_classes = tensors.shape("logits")[1];
        let ours = single_label_metrics(&labels, &tensors.f32("logits"), n_classes).unwrap();
        let error = worst_named(
            &theirs,
            &[
                ("accuracy", ours.accuracy),
                ("balanced_accuracy", ours.balanced_accuracy),
                ("f1_macro_all_classes", ours.f1_macro),
                ("f1_macro_sklearn_default", ours.f1_macro_seen),
                ("f1_micro", ours.f1_micro),
                ("f1_weighted", ours.f1_weighted),
            ],
        );
        within(&format!("metrics/{name} scores"), error, theirs["tolerance_abs"].as_f64().unwrap());
        let loss = worst_named(&theirs, &[("cross_entropy_mean", ours.cross_entropy)]);
        within(
            &format!("metrics/{name} cross entropy"),
            loss,
            theirs["tolerance_cross_entropy"].as_f64().unwrap(),
        );
        let confusion = serde_json::to_value(&ours.confusion).unwrap();
        assert_eq!(confusion, theirs["confusion_rows_true_cols_pred"], "{name}: confusion matrix");
    }
}

#[test]
fn golden_regression() {
    for (name, tensors, theirs) in cases_with("predictions") {
        let n_targets = tensors.shape("targets")[1];
        let ours =
            regression_metrics(&tensors.f32("targets"), &tensors.f32("predictions"), n_targets).unwrap();
        let tolerance = theirs["tolerance_abs"].as_f64().unwrap();
        let r2: Vec<Option<f64>> = ours.r2.iter().map(|&x| Some(x)).collect();
        within(&format!("metrics/{name} r2"), worst(&r2, &numbers(&theirs["r2_per_target"])), tolerance);
        let pearson = worst(&ours.pearson, &numbers(&theirs["pearson_per_target"]));
        within(&format!("metrics/{name} pearson"), pearson, tolerance);
        let means = worst_named(
            &theirs,
            &[
                ("r2_uniform_average", ours.r2_mean),
                ("r2_variance_weighted", ours.r2_variance_weighted),
                ("mse", ours.mean_squared_error),
                ("mae", ours.mean_absolute_error),
            ],
        );
        within(&format!("metrics/{name} means"), means, tolerance);
    }
}

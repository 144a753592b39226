//! `results.json`: written, read back, refused.

use crate::plausible;

use std::fs;

use culturemert_study::{StudyError, StudyResults};

#[test]
fn what_is_written_reads_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    let results = plausible::results(0.01);
    results.write(&path).unwrap();
    assert_eq!(StudyResults::read(&path).unwrap(), results);
}

#[track_caller]
fn check_read(from: &str, to: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    let text = plausible::results(0.01).to_json().unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    let error = StudyResults::read(&path).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_we_do_not_understand_is_refused() {
    check_read("\"schema\": 1", "\"schema\": 2", "schema 2");
    check_read("\"schema\": 1,", "", "states no `schema`");
    check_read("\"preset\"", "\"mood\": 1, \"preset\"", "unknown field `mood`");
    check_read("\"western\": true", "\"western\": true, \"x\": 1", "unknown field `x`");
    check_read("\"model\": \"MakamMERT\"", "\"model\": \"Nobody\"", "unknown `Nobody`");
    check_read("}", "", "not a readable results file");
}

#[track_caller]
fn check_write(harm: impl FnOnce(&mut StudyResults), expected: &str) {
    let mut results = plausible::results(0.01);
    harm(&mut results);
    let error = results.to_json().unwrap_err();
    assert!(
        matches!(error, StudyError::Inconsistent { .. }) && error.to_string().contains(expected),
        "{error}"
    );
}

#[test]
fn what_contradicts_itself_is_not_written() {
    check_write(|results| results.probes[0].roc_auc.mean = f64::NAN, "probes.MERT-small.turkish-makam");
    check_write(|results| results.probes[0].roc_auc.mean = 89.6, "not in 0..=1");
    check_write(|results| results.runs[0].points[3].loss = Some(f64::INFINITY), "runs.MERT-small");
    check_write(|results| results.models[0].trained_on = vec!["jazz".into()], "unknown `jazz`");
    check_write(|results| results.similarity.as_mut().unwrap().jensen_shannon[0].truncate(2), "5 by 5");
    check_write(|results| results.models[1].name = "MERT-small".into(), "twice");
    check_write(|results| results.lambda_sweep.reverse(), "ascend");
}

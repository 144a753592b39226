//! `results.json`: written, read back, refused.

use crate::plausible;

use std::fs;

use culturemert_study::results::MapResult;
use culturemert_study::{StudyError, StudyResults};
use evaluate::{Bootstrap, CountedRecording, CountsOrigin, DivergenceUnit, RecordingCounts};

/// What `results.json` holds of `results`: all but the times.
pub(crate) fn without_times(results: &StudyResults) -> StudyResults {
    let mut results = results.clone();
    results.timings.clear();
    for model in &mut results.models {
        model.seconds = 0.0;
        model.stages.iter_mut().for_each(|stage| stage.seconds = 0.0);
    }
    results
}

#[test]
fn what_is_written_reads_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    let mut results = plausible::results(0.01);
    results.write(&path).unwrap();
    results.map.as_mut().unwrap().sounds.clear();
    assert_eq!(StudyResults::read(&path).unwrap(), without_times(&results));
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
    check_write(|results| map_of(results).views[1].model = "Nobody".into(), "unknown `Nobody`");
    check_write(|results| map_of(results).views[0].places.truncate(3), "3 places");
    check_write(|results| map_of(results).views[0].places[0][1] = f64::NAN, "not finite");
    check_write(|results| map_of(results).views[0].across[0].neighbour = 10_000, "of no piece");
    check_write(|results| map_of(results).pieces[0].culture = "jazz".into(), "`jazz`");
    check_write(|results| map_of(results).excerpts.reverse(), "ascend");
    check_write(|results| results.probes[0].per_tag[0].roc_auc = 1.5, "not in 0..=1");
}

fn map_of(results: &mut StudyResults) -> &mut MapResult {
    results.map.as_mut().unwrap()
}

/// Intervals and halves of made-up tokens: four recordings of each tradition.
fn with_intervals() -> StudyResults {
    let origin =
        CountsOrigin { tokenizer: "t".into(), made_of: "noise".into(), n_codebooks: 1, n_entries: 8 };
    let mut counts = RecordingCounts::new(origin).unwrap();
    for (c, (culture, _, _)) in plausible::CULTURES.into_iter().enumerate() {
        for r in 0..4 {
            let recording = CountedRecording { culture: culture.into(), name: r.to_string(), group: None };
            let token = |i: u64| {
                (3.0 + 3.0 * plausible::noise(1000 * c as u64 + 100 * r + i)) as u16 + u16::from(c > 2)
            };
            counts.add(&recording, &(0..30).map(token).collect::<Vec<_>>()).unwrap();
        }
    }
    let few = Bootstrap { n_resamples: 50, level: 0.9, seed: 1 };
    let mut results = plausible::results(0.01);
    let similarity = results.similarity.as_mut().unwrap();
    similarity.intervals = Some(evaluate::similarity_intervals(&counts, DivergenceUnit::Nats, few).unwrap());
    similarity.halves = Some(evaluate::split_halves(&counts, DivergenceUnit::Nats, few).unwrap());
    results
}

#[test]
fn intervals_and_halves_are_kept_and_shown_and_results_of_before_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.json");
    let before = plausible::results(0.01);
    assert!(!before.to_json().unwrap().contains("intervals"));
    let mut results = with_intervals();
    results.findings = culturemert_study::findings(&results);
    results.write(&path).unwrap();
    map_of(&mut results).sounds.clear();
    assert_eq!(StudyResults::read(&path).unwrap(), without_times(&results));
    let markdown = culturemert_study::report::markdown(&results);
    let line = |start: &str| markdown.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(markdown.contains("How far apart two halves of one tradition’s recordings lie"));
    assert!(markdown.contains("90 per cent over recordings"));
    assert!(line("**Jensen–Shannon divergence of token").contains("basic bootstrap"));
    assert!(markdown.contains("least divergence in"));
}

#[test]
fn intervals_of_unknown_traditions_are_not_written() {
    let mut results = with_intervals();
    let similarity = results.similarity.as_mut().unwrap();
    similarity.intervals.as_mut().unwrap().pairs[0].first = "jazz".into();
    assert!(results.to_json().unwrap_err().to_string().contains("unknown `jazz`"));
    let mut results = with_intervals();
    let halves = results.similarity.as_mut().unwrap().halves.as_mut().unwrap();
    halves.cultures[0].divergence.as_mut().unwrap().mean = f64::NAN;
    assert!(results.to_json().unwrap_err().to_string().contains("similarity.halves"));
}

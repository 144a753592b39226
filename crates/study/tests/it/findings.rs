//! Verdicts follow the numbers, whichever way they point.

use crate::plausible;

use culturemert_study::results::{ModelKind, ProbeResult, SeedScore, Verdict};
use culturemert_study::{StudyResults, findings};

#[track_caller]
fn check(results: &StudyResults, id: &str, expected: Verdict) {
    let all = findings(results);
    let finding = all.iter().find(|finding| finding.id == id).unwrap();
    assert_eq!(finding.verdict, expected, "{finding:#?}");
}

/// Adds `shift` to every score of `model` on traditions that `on` keeps.
fn shift(results: &mut StudyResults, model: &str, on: impl Fn(&str) -> bool, shift: f64) {
    for probe in results.probes.iter_mut().filter(|probe| probe.model == model && on(&probe.tradition)) {
        let moved = probe.per_seed.iter().map(|score| SeedScore {
            seed: score.seed,
            roc_auc: score.roc_auc + shift,
            average_precision: score.average_precision + shift,
        });
        *probe =
            ProbeResult::from_seeds(model, &probe.tradition, probe.n_files, probe.n_tags, moved.collect());
    }
}

#[test]
fn the_papers_numbers_show_the_papers_claims() {
    let results = plausible::results(0.001);
    for finding in findings(&results) {
        // The made-up similarities are not the paper's, so their relation to transfer is not either.
        if finding.id != "similarity-goes-with-transfer" {
            assert_eq!(finding.verdict, Verdict::Shown, "{finding:#?}");
        }
    }
}

#[test]
fn a_wide_spread_hides_everything_it_should() {
    let results = plausible::results(0.2);
    for id in
        ["multi-culture-helps", "little-forgetting", "two-stages-beat-single-cold", "merging-rivals-training"]
    {
        check(&results, id, Verdict::TooSmallToTell);
    }
}

#[test]
fn contrary_numbers_are_not_shown() {
    let mut results = plausible::results(0.001);
    shift(&mut results, "CultureMERT", |_| true, -0.1);
    check(&results, "multi-culture-helps", Verdict::NotShown);
    check(&results, "little-forgetting", Verdict::NotShown);
    check(&results, "two-stages-beat-single-rewarmed", Verdict::NotShown);
    check(&results, "merging-rivals-training", Verdict::Shown);
    shift(&mut results, "CultureMERT-TA", |_| true, -0.2);
    check(&results, "merging-rivals-training", Verdict::NotShown);
    for model in ["MakamMERT", "HindustaniMERT", "CarnaticMERT", "GreekMERT"] {
        shift(&mut results, model, |_| true, -0.2);
    }
    check(&results, "single-culture-transfers", Verdict::NotShown);
    shift(&mut results, "GreekMERT", |_| true, 0.1);
    check(&results, "carnatic-transfers-best", Verdict::NotShown);
    for point in &mut results.lambda_sweep {
        point.average.mean = 0.5 + 0.1 * point.lambda;
    }
    check(&results, "lambda-near-0.2", Verdict::NotShown);
    check(&results, "lambda-1-poor", Verdict::NotShown);
    results.similarity.as_mut().unwrap().jensen_shannon[1][2] = 0.5;
    check(&results, "hindustani-carnatic-closest", Verdict::TooSmallToTell);
    results.similarity.as_mut().unwrap().cosine_distance[1][2] = 0.9;
    check(&results, "hindustani-carnatic-closest", Verdict::NotShown);
}

#[test]
fn what_was_not_computed_is_not_judged() {
    let mut results = plausible::results(0.001);
    results.models.retain(|model| model.kind == ModelKind::Base);
    results.probes.retain(|probe| probe.model == "MERT-small");
    results.runs.clear();
    results.lambda_sweep.clear();
    results.similarity = None;
    for finding in findings(&results) {
        assert_eq!(finding.verdict, Verdict::NotMeasured, "{finding:#?}");
        assert!(!finding.explanation.is_empty() && !finding.paper.is_empty());
    }
}

#[test]
fn few_files_and_a_base_at_chance_decide_nothing() {
    let mut results = plausible::results(0.001);
    results.probes.iter_mut().filter(|probe| probe.tradition == "greek").for_each(|probe| probe.n_files = 4);
    check(&results, "multi-culture-helps", Verdict::TooSmallToTell);
    check(&results, "lambda-near-0.2", Verdict::TooSmallToTell);
    check(&results, "little-forgetting", Verdict::Shown);
    shift(&mut results, "MERT-small", |tradition| tradition == "western", -0.38);
    check(&results, "little-forgetting", Verdict::TooSmallToTell);
}

#[test]
fn transfer_that_follows_similarity_is_seen() {
    let mut results = plausible::results(0.001);
    let similarity = results.similarity.clone().unwrap();
    let names: Vec<_> = plausible::CULTURES.iter().map(|culture| culture.0).collect();
    let singles = ["MakamMERT", "HindustaniMERT", "CarnaticMERT", "GreekMERT"];
    for turned in [1.0, -1.0] {
        for (model, source) in singles.iter().zip(&names) {
            for target in names.iter().filter(|target| *target != source) {
                let base = results.probe("MERT-small", target).unwrap().roc_auc.mean;
                let at = base - turned * 0.5 * similarity.divergence(source, target).unwrap();
                let probe = results
                    .probes
                    .iter_mut()
                    .find(|probe| probe.model == *model && probe.tradition == **target)
                    .unwrap();
                for score in &mut probe.per_seed {
                    (score.roc_auc, score.average_precision) = (at, at);
                }
                let base = results
                    .probes
                    .iter_mut()
                    .find(|probe| probe.model == "MERT-small" && probe.tradition == **target)
                    .unwrap();
                for score in &mut base.per_seed {
                    score.average_precision = score.roc_auc;
                }
            }
        }
        let expected = if turned > 0.0 { Verdict::Shown } else { Verdict::NotShown };
        check(&results, "similarity-goes-with-transfer", expected);
    }
}

//! What task arithmetic does (the paper's section 5.3 and Figure 4).

use super::subjects::pairs;
use super::{Claim, Estimate, Rule, Subjects, estimate};
use crate::paper::table_2_row;
use crate::results::{Finding, LambdaPoint};

/// Weights that count as "near 0.2": the neighbours of 0.2 in the paper's grid, with room for rounding.
const NEAR: std::ops::RangeInclusive<f64> = 0.0999..=0.3001;
const CHOSEN_ON_TEST: &str =
    "Both are the best of several weights on the same test files, which flatters both.";

pub(super) fn small_weight_is_best(subjects: &Subjects) -> Finding {
    let claim = Claim {
        id: "lambda-near-0.2",
        text: "Task vectors are best added with a small shared weight, near 0.2.",
        paper: "best at λ = 0.2".into(),
    };
    // λ = 0 is the base, not a merged model.
    let sweep: Vec<&LambdaPoint> =
        subjects.results.lambda_sweep.iter().filter(|point| point.lambda > 0.0).collect();
    let (near, far): (Vec<&LambdaPoint>, Vec<_>) =
        sweep.iter().partition(|point| NEAR.contains(&point.lambda));
    let Some((near, far)) = best(&near).zip(best(&far)) else {
        return claim.not_measured("No sweep over weights inside and outside 0.1 to 0.3 was made.");
    };
    let names = [format!("λ = {}", near.lambda), format!("λ = {}", far.lambda)];
    let note = format!("Compared are the best weight from 0.1 to 0.3 and the best outside. {CHOSEN_ON_TEST}");
    claim.compared(
        average(subjects, near),
        average(subjects, far),
        names.each_ref().map(String::as_str),
        Rule::Gain,
        &note,
    )
}

pub(super) fn full_sum_is_poor(subjects: &Subjects) -> Finding {
    let claim = Claim {
        id: "lambda-1-poor",
        text: "Adding the task vectors in full, λ = 1, does badly.",
        paper: "poor on every data set".into(),
    };
    let sweep: Vec<&LambdaPoint> =
        subjects.results.lambda_sweep.iter().filter(|point| point.lambda > 0.0).collect();
    let full = sweep.iter().find(|point| (point.lambda - 1.0).abs() < 1e-9);
    let smaller: Vec<&LambdaPoint> = sweep.iter().filter(|point| point.lambda < 0.9999).copied().collect();
    let Some((full, best)) = full.zip(best(&smaller)) else {
        return claim.not_measured("No sweep over weights up to 1 was made.");
    };
    let lower = full.traditions.iter().filter(|(name, scores)| {
        best.traditions.get(*name).is_some_and(|other| scores.roc_auc.mean < other.roc_auc.mean)
    });
    let mut note = format!("ROC-AUC falls on {} of {} traditions.", lower.count(), full.traditions.len());
    let all: Vec<&str> = full.traditions.keys().map(String::as_str).collect();
    if let Some(base) = subjects.base().and_then(|base| subjects.score(&pairs(base, &all))) {
        note = format!("{note} The base has {base}.");
    }
    let names = [format!("λ = {}", best.lambda), "λ = 1".to_owned()];
    claim.compared(
        average(subjects, best),
        average(subjects, full),
        names.each_ref().map(String::as_str),
        Rule::Gain,
        &note,
    )
}

pub(super) fn merging_rivals_training(subjects: &Subjects) -> Finding {
    let paper = |model| table_2_row(model).score(|_| true);
    let (merged, multi) = (paper("CultureMERT-TA"), paper("CultureMERT"));
    let claim = Claim {
        id: "merging-rivals-training",
        text: "Merging the single-culture models rivals training on all cultures together.",
        paper: format!("average {merged:.1} against {multi:.1}: {} points", estimate::signed(merged - multi)),
    };
    let all: Vec<&str> = subjects.others.iter().chain(&subjects.western).copied().collect();
    let measured = subjects.merged().zip(subjects.multi()).and_then(|(merged, multi)| {
        Some((merged, subjects.score(&pairs(merged, &all))?, subjects.score(&pairs(multi, &all))?))
    });
    let Some((model, merged, multi)) = measured else {
        return claim
            .not_measured("No merged model and model of all cultures were both probed on every tradition.");
    };
    let mut note = model.lambda.map_or(String::new(), |lambda| format!("The weight is λ = {lambda}."));
    if let Some(base) = subjects.base().and_then(|base| subjects.score(&pairs(base, &all))) {
        note = format!("{note} The base has {base}.");
        if base.mean >= multi.mean {
            note += " Training on all cultures gained nothing here, so rivalling it means little.";
        }
    }
    claim.compared(merged, multi, ["merged", "trained on all"], Rule::NoLoss, &note)
}

fn best<'a>(points: &[&'a LambdaPoint]) -> Option<&'a LambdaPoint> {
    points.iter().copied().max_by(|a, b| a.average.mean.total_cmp(&b.average.mean))
}

/// The sweep's average with the number of files behind it, as far as the probes tell.
fn average(subjects: &Subjects, point: &LambdaPoint) -> Estimate {
    let probed = |name: &String| {
        let probes = subjects.results.probes.iter().filter(move |probe| probe.tradition == *name);
        probes.map(|probe| probe.n_files).min()
    };
    let n_files = point.traditions.keys().filter_map(probed).min();
    Estimate { n_files, ..Estimate::from((point.average, point.n_seeds)) }
}

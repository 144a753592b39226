//! What continued pre-training does: gain, forgetting, stages, transfer (the paper's sections 5.1 and 5.2).

use super::subjects::pairs;
use super::{Claim, Estimate, Rule, Subjects, estimate};
use crate::paper::{PaperSet, TABLE_1, TABLE_2, table_2_row};
use crate::results::{Finding, ModelResult, Recipe, Verdict};
use crate::statistics::mean;

/// Below this ROC-AUC a base knows too little to forget anything (0.5 is chance).
const KNOWS_NOTHING: f64 = 0.55;
const SINGLES: [(&str, PaperSet); 4] = [
    ("MakamMERT", PaperSet::Makam),
    ("CarnaticMERT", PaperSet::Carnatic),
    ("HindustaniMERT", PaperSet::Hindustani),
    ("LyraMERT", PaperSet::Lyra),
];

pub(super) fn adapting_helps(subjects: &Subjects) -> Finding {
    let paper = |model| table_2_row(model).score(|set| !set.is_western());
    let (ours, base) = (paper("CultureMERT"), paper("MERT-v1"));
    let claim = Claim {
        id: "multi-culture-helps",
        text: "Adapting to all cultures together raises the average score on non-Western traditions.",
        paper: format!("{ours:.1} against {base:.1}: {} points", estimate::signed(ours - base)),
    };
    let scores = subjects.multi().zip(subjects.base()).and_then(|(multi, base)| {
        subjects.score(&pairs(multi, &subjects.others)).zip(subjects.score(&pairs(base, &subjects.others)))
    });
    match scores {
        Some((multi, base)) => claim.compared(multi, base, ["adapted", "base"], Rule::Gain, ""),
        None => claim
            .not_measured("The base and a model of all cultures were not both probed on every tradition."),
    }
}

pub(super) fn little_is_forgotten(subjects: &Subjects) -> Finding {
    let paper = |model| table_2_row(model).score(PaperSet::is_western);
    let (ours, before) = (paper("CultureMERT"), paper("MERT-v1"));
    let claim = Claim {
        id: "little-forgetting",
        text: "The adapted model forgets little of what the base knew of Western music.",
        paper: format!("{ours:.1} against {before:.1}: {} points", estimate::signed(ours - before)),
    };
    let measured = subjects.multi().zip(subjects.base()).and_then(|(multi, base)| {
        let adapted = subjects.score(&pairs(multi, &subjects.western))?;
        let base_pairs = pairs(base, &subjects.western);
        Some((adapted, subjects.score(&base_pairs)?, subjects.roc_auc(&base_pairs)?))
    });
    let Some((adapted, base, base_auc)) = measured else {
        return claim
            .not_measured("The base and a model of all cultures were not both probed on Western music.");
    };
    let mut finding = claim.compared(adapted, base, ["adapted", "base"], Rule::NoLoss, "");
    if base_auc.mean < KNOWS_NOTHING {
        finding.verdict = Verdict::TooSmallToTell;
        finding.explanation +=
            " The base itself is near chance on Western music, so there is little it could forget.";
    }
    finding
}

pub(super) fn two_stages_beat_one(subjects: &Subjects, rewarmed: bool) -> Finding {
    let (id, text, recipe, row) = if rewarmed {
        let text = "Two stages beat a single stage with replay and a learning rate warmed up again.";
        ("two-stages-beat-single-rewarmed", text, Recipe::SingleStage, TABLE_1[1])
    } else {
        let text = "Two stages beat a single stage whose learning rate is not warmed up again.";
        ("two-stages-beat-single-cold", text, Recipe::SingleStageNoRewarming, TABLE_1[2])
    };
    let two = TABLE_1[3];
    let gain = estimate::signed(two.1 - row.1);
    let paper = format!("ROC-AUC on makam {:.1} against {:.1}: {gain} points", two.1, row.1);
    let claim = Claim { id, text, paper };
    let measured = subjects.baseline_and_two_stage(recipe).and_then(|(single, two_stage)| {
        // Table 1 shows the adapted tradition; with several, their mean.
        let adapted: Vec<&str> = subjects
            .others
            .iter()
            .copied()
            .filter(|name| two_stage.trained_on.iter().any(|on| on == name))
            .collect();
        let on = |model, traditions: &[&str]| subjects.roc_auc(&pairs(model, traditions));
        let western = on(two_stage, &subjects.western).zip(on(single, &subjects.western));
        let note = western.map_or(String::new(), |(two, one)| {
            format!("On Western music: two stages {two}, single stage {one}.")
        });
        Some((on(two_stage, &adapted)?, on(single, &adapted)?, note))
    });
    match measured {
        Some((two, one, note)) => {
            claim.compared(two, one, ["ROC-AUC in two stages", "in one"], Rule::Gain, &note)
        }
        None => claim
            .not_measured("No two-stage and single-stage models of the same traditions were both probed."),
    }
}

pub(super) fn one_culture_helps_others(subjects: &Subjects) -> Finding {
    let paper_gain = mean(&SINGLES.map(paper_transfer));
    let claim = Claim {
        id: "single-culture-transfers",
        text: "A model adapted to one tradition is better than the base on the other non-Western traditions too.",
        paper: format!("{} points on average", estimate::signed(paper_gain)),
    };
    let transfers: Vec<_> = subjects.singles().filter_map(|model| transfer_pairs(subjects, model)).collect();
    let adapted: Vec<_> = transfers.iter().flat_map(|(adapted, _)| adapted.clone()).collect();
    let base: Vec<_> = transfers.iter().flat_map(|(_, base)| base.clone()).collect();
    match subjects.score(&adapted).zip(subjects.score(&base)) {
        Some((ours, before)) => {
            let better = adapted.iter().zip(&base).filter(|(a, b)| {
                let of = |pair: &(&str, &str)| subjects.score(&[*pair]).map(|score| score.mean);
                of(a) > of(b)
            });
            let note =
                format!("{} of {} pairs of model and other tradition rise.", better.count(), adapted.len());
            claim.compared(ours, before, ["adapted elsewhere", "base"], Rule::Gain, &note)
        }
        None => claim.not_measured("No model of one tradition was probed on the others."),
    }
}

pub(super) fn carnatic_transfers_best(subjects: &Subjects) -> Finding {
    let paper: Vec<String> = SINGLES
        .iter()
        .map(|single| format!("{} {}", single.1.label(), estimate::signed(paper_transfer(*single))))
        .collect();
    let claim = Claim {
        id: "carnatic-transfers-best",
        text: "Of the models of one tradition, the Carnatic one helps the other traditions most.",
        paper: format!("gain on the others: {}", paper.join(", ")),
    };
    let gains: Vec<(&ModelResult, Estimate)> = subjects
        .singles()
        .filter_map(|model| {
            let (adapted, base) = transfer_pairs(subjects, model)?;
            Some((model, subjects.score(&adapted)?.minus(subjects.score(&base)?)))
        })
        .collect();
    let is_carnatic = |model: &ModelResult| {
        subjects.by_paper_set(PaperSet::Carnatic).is_some_and(|name| model.trained_on == [name])
    };
    let carnatic = gains.iter().find(|(model, _)| is_carnatic(model));
    let rest = gains.iter().filter(|(model, _)| !is_carnatic(model));
    let Some(((_, own), (best, best_gain))) = carnatic.zip(rest.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean)))
    else {
        return claim.not_measured("There is no Carnatic model, or none to compare it with.");
    };
    let (verdict, reason) = own.minus(*best_gain).judge(Rule::Gain);
    let list: Vec<String> = gains
        .iter()
        .map(|(model, gain)| format!("{} {}", model.name, estimate::signed(100.0 * gain.mean)))
        .collect();
    let note = format!("Compared with the best of the others, {}. {reason}", best.name);
    claim.judged(format!("gain on the others, points: {}", list.join(", ")), verdict, note)
}

/// Pairs (model, other tradition) and (base, other tradition), where all were probed.
#[expect(clippy::type_complexity, reason = "two lists of the same pairs, named where they are taken apart")]
fn transfer_pairs<'a>(
    subjects: &Subjects<'a>,
    model: &'a ModelResult,
) -> Option<(Vec<(&'a str, &'a str)>, Vec<(&'a str, &'a str)>)> {
    let others: Vec<&str> =
        subjects.others.iter().copied().filter(|name| model.trained_on.iter().all(|on| on != name)).collect();
    let (adapted, base) = (pairs(model, &others), pairs(subjects.base()?, &others));
    let probed = |pair: &(&str, &str)| subjects.results.probe(pair.0, pair.1).is_some();
    (!others.is_empty() && adapted.iter().chain(&base).all(probed)).then_some((adapted, base))
}

fn paper_transfer((model, own): (&str, PaperSet)) -> f64 {
    let keep = |set: PaperSet| !set.is_western() && set != own;
    table_2_row(model).score(keep) - TABLE_2[0].score(keep)
}

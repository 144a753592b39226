//! What the steps measured, put together by model.

use std::collections::BTreeMap;

use evaluate::Kind;
use study::evaluation::Evaluation;
use study::results::{ProbeResult, SeedScore};

use crate::reproduce::graph::names;
use crate::reproduce::plan::{WESTERN, card_of};
use crate::reproduce::steps::{Dones, Ground, Probed, evaluation_of};

/// Everything that was measured, by what it was measured of.
pub(crate) struct Measured {
    /// Probes of every model, under the name that is unique in the study.
    pub(crate) probes: BTreeMap<String, Vec<ProbeResult>>,
    /// What was not used, counted by reason.
    pub(crate) left_out: BTreeMap<String, u64>,
    /// Evaluations by name, for reports of their own.
    pub(crate) evaluations: Vec<(String, Evaluation)>,
}

/// Reads what the steps left.
pub(super) fn measured(ground: &Ground<'_>, dones: &Dones) -> anyhow::Result<Measured> {
    let plan = ground.plan;
    let mut found = Measured { probes: BTreeMap::new(), left_out: BTreeMap::new(), evaluations: Vec::new() };
    let mut tags: Vec<String> = Vec::new();
    for subject in plan.subjects() {
        let Some(done) = dones.get(&names::probe(&subject.name)) else { continue };
        let probed = Probed::of(done)?;
        tags.extend(probed.left_out);
        for reason in probed.not_measured {
            found.left_out.insert(format!("not probed, {reason}"), 1);
        }
        found.probes.entry(subject.name).or_default().extend(probed.probes);
    }
    tags.sort();
    tags.dedup();
    if !tags.is_empty() {
        found.left_out.insert("tags without both classes in some split".into(), tags.len() as u64);
    }
    for evaluation in &plan.file.evaluations {
        let Some(done) = dones.get(&names::evaluate(&evaluation.name)) else { continue };
        let whole = evaluation_of(done)?;
        for one in &whole.not_measured {
            found.left_out.insert(format!("not measured, {}: {}", one.name, one.reason), 1);
        }
        if evaluation.in_tables {
            for subject in plan.subjects() {
                let probes = scores(&whole, &subject.title, &subject.name);
                found.probes.entry(subject.name).or_default().extend(probes);
            }
        }
        found.evaluations.push((evaluation.name.clone(), whole));
    }
    Ok(found)
}

/// What an evaluation says of one model, set by set, where sets have tags.
fn scores(evaluation: &Evaluation, title: &str, name: &str) -> Vec<ProbeResult> {
    let tagged = evaluation.sets.iter().filter(|set| set.metrics == Kind::Tags.metrics());
    let of_set = tagged.filter_map(|set| {
        let cell = evaluation.cell(title, &set.name)?;
        let seeds = cell.per_seed.iter().map(|seed| SeedScore {
            seed: seed.seed,
            roc_auc: seed.first,
            average_precision: seed.second,
        });
        let (n_files, n_tags) = (set.files[2] as u64, set.outputs.len() as u64);
        Some(ProbeResult::from_seeds(name, culture_of_set(&set.name), n_files, n_tags, seeds.collect()))
    });
    of_set.collect()
}

/// The tradition that a data set stands for: its culture, where the corpus has it and no other set stands for it.
pub(super) fn culture_of_set(set: &str) -> String {
    match card_of(set) {
        Ok(card) if card.culture != WESTERN => card.culture.into(),
        _ => set.into(),
    }
}

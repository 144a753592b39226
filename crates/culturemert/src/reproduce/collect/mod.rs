//! From the steps' outputs to the one value the report is made of.

mod data;
mod measured;
mod training;

use std::collections::BTreeMap;

use study::graph::Graph;
use study::results::{
    LambdaPoint, ModelKind, ModelResult, ProbeResult, Recipe, Rehearsal, StepTiming, StudyResults,
};

use super::ablations;
use super::graph::names;
use super::models::Part;
use super::plan::StudyPlan;
use super::steps::{Dones, Ground, Work, done, facts_of, map_of, similarity_of};
use data::{describe, quarantined};
use measured::measured;
use training::of_model;

pub(crate) use measured::Measured;
pub(crate) use training::last_losses;

/// The results of a study of which every step is done.
pub(crate) fn collect(
    preset: &str,
    graph: &Graph<Work>,
    ground: &Ground<'_>,
    dones: &Dones,
) -> anyhow::Result<(StudyResults, Measured)> {
    let plan = ground.plan;
    let measured = measured(ground, dones)?;
    let (corpus, tokenizer) = plan.compared();
    let main = ground.open_corpus(dones, &plan.corpora[0].name)?;
    let facts = facts_of(&done(dones, &names::codes(&corpus, &tokenizer))?.dir)?;
    let seeds = plan.file.probe.as_ref().map_or_else(Vec::new, |probe| plan.probe_config(probe).seeds);
    let of_evaluations = plan.file.evaluations.first().map(|one| plan.evaluation_config(one).seeds);
    let seeds = if seeds.is_empty() { of_evaluations.unwrap_or_default() } else { seeds };
    let mut results = StudyResults::new(preset, seeds, describe(plan, &main, &measured), facts);

    let hash = |text: String| files::hash_bytes(text.as_bytes()).to_string();
    results.provenance.insert("plan".into(), hash(serde_json::to_string(&plan.file)?));
    results.provenance.insert("corpus".into(), main.content_hash());
    results.provenance.insert("tokenizer".into(), results.tokenizer.hash.clone());
    if let Some(base) = plan.models.first() {
        let directory = weights::ModelDirectory::open(&ground.model_dir(dones, &base.name)?)?;
        results.provenance.insert("base".into(), directory.identity()?.to_string());
    }
    for model in plan.models.iter().filter(|model| model.part == Part::Table) {
        let (model, runs) = of_model(ground, dones, model)?;
        results.models.push(model);
        results.runs.extend(runs);
    }
    merged(ground, dones, &measured, &mut results)?;
    for model in &results.models {
        results.probes.extend(measured.probes.get(&model.name).cloned().unwrap_or_default());
    }
    for (title, name) in shown_titles(plan) {
        let probes = measured.probes.get(&name).cloned().unwrap_or_default();
        results.probes.extend(probes.into_iter().map(|probe| ProbeResult { model: title.clone(), ..probe }));
    }
    if let Some(done) = dones.get(names::SIMILARITY) {
        results.similarity = similarity_of(done)?;
    }
    results.map = dones.get(names::MAP).map(map_of).transpose()?;
    results.left_out.unused.clone_from(&measured.left_out);
    results.left_out.quarantined = quarantined(&main)?;
    let timed = graph.nodes().iter().filter_map(|node| dones.get(&node.name));
    results.timings = timed.map(StepTiming::from).collect();
    results.ablations = ablations::ablations(ground, dones, &measured)?;
    results.rehearsal =
        plan.rehearsal.map(|rehearsal| Rehearsal { limit: rehearsal.limit, without: plan.notices.clone() });
    results.findings = study::findings(&results);
    Ok((results, measured))
}

/// Titles of merged models that tables show under another name than the study's own.
fn shown_titles(plan: &StudyPlan) -> Vec<(String, String)> {
    let shown = plan.merges.iter().filter(|merge| merge.shown_as.is_some());
    shown.map(|merge| (merge.title().to_owned(), merge.name.clone())).collect()
}

/// Puts merged models into the results: the shown ones into the tables, all of them into the sweep.
fn merged(
    ground: &Ground<'_>,
    dones: &Dones,
    measured: &Measured,
    results: &mut StudyResults,
) -> anyhow::Result<()> {
    let plan = ground.plan;
    let parameters = results.models.first().map_or(0, |base| base.parameters);
    let first_entry = plan.merges.first().map(|merge| merge.entry.as_str());
    for merge in plan.merges.iter().filter(|merge| merge.is_first) {
        let probes = measured.probes.get(&merge.name).cloned().unwrap_or_default();
        // The sweep is one curve, that of the first merge.
        if Some(merge.entry.as_str()) == first_entry && !probes.is_empty() {
            results.lambda_sweep.push(LambdaPoint::from_probes(merge.lambda, &probes));
        }
        #[expect(clippy::float_cmp, reason = "the file was checked to name one of its own numbers")]
        let is_shown = merge.lambda == merge.shown;
        if is_shown {
            results.models.push(ModelResult {
                name: merge.title().into(),
                kind: ModelKind::Merged,
                recipe: Recipe::Merge,
                trained_on: merge.trained_on.clone(),
                lambda: Some(merge.lambda),
                parameters,
                stages: Vec::new(),
                held_out: BTreeMap::new(),
                seconds: done(dones, &names::merge(&merge.name))?.seconds,
            });
        }
    }
    Ok(())
}

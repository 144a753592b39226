//! Which models an ablation compares, seed by seed; what the differences say is `study`'s.

use std::collections::{BTreeMap, BTreeSet};

use study::results::Ablation;
use study::{SeedMeasures, SeedPair, ablation};

use super::collect::{Measured, last_losses};
use super::models::{Part, PlannedModel};
use super::steps::{Dones, Ground};

/// Every variant against its reference, and where merges were made with every seed every λ against the shown one.
pub(crate) fn ablations(
    ground: &Ground<'_>,
    dones: &Dones,
    measured: &Measured,
) -> anyhow::Result<Vec<Ablation>> {
    let plan = ground.plan;
    let western = western(ground, measured);
    let western: Vec<&str> = western.iter().map(String::as_str).collect();
    let probes = |name: &str| measured.probes.get(name).cloned().unwrap_or_default();
    let mut found = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for model in &plan.models {
        let Part::Variant { of, changes } = &model.part else { continue };
        if !seen.insert(&model.label) {
            continue;
        }
        let mut pairs = Vec::new();
        for variant in plan.models.iter().filter(|other| other.label == model.label) {
            let reference = plan.models.iter().find(|other| other.label == *of && other.seed == variant.seed);
            let Some(reference) = reference else { continue };
            let is_comparable = has_same_targets(reference, variant);
            let of_model = |model: &PlannedModel| {
                let held_out = if is_comparable { last_losses(dones, model)? } else { BTreeMap::new() };
                anyhow::Ok(SeedMeasures { probes: probes(&model.name), held_out })
            };
            pairs.push(SeedPair {
                seed: variant.seed,
                reference: of_model(reference)?,
                variant: of_model(variant)?,
            });
        }
        found.push(ablation(&model.label, of, changes.clone(), &pairs, &western));
    }
    for merge in &plan.file.merges {
        if merge.each_seed && plan.file.training_seeds.len() > 1 {
            found.extend(lambdas(ground, measured, &merge.name, &western));
        }
    }
    Ok(found)
}

/// Every λ of a merge against the shown one.
fn lambdas(ground: &Ground<'_>, measured: &Measured, entry: &str, western: &[&str]) -> Vec<Ablation> {
    let of_entry = || ground.plan.merges.iter().filter(|merge| merge.entry == entry);
    let measures = |name: &str| SeedMeasures {
        probes: measured.probes.get(name).cloned().unwrap_or_default(),
        ..SeedMeasures::default()
    };
    let first = of_entry().filter(|merge| merge.is_first);
    #[expect(clippy::float_cmp, reason = "λ are those that the file states")]
    let of_lambda = |lambda: f64| {
        let pairs = of_entry().filter(|merge| merge.lambda == lambda).filter_map(|variant| {
            let reference =
                of_entry().find(|other| other.lambda == other.shown && other.seed == variant.seed)?;
            Some(SeedPair {
                seed: variant.seed,
                reference: measures(&reference.name),
                variant: measures(&variant.name),
            })
        });
        pairs.collect::<Vec<_>>()
    };
    #[expect(clippy::float_cmp, reason = "λ are those that the file states")]
    let others = first.filter(|merge| merge.lambda != merge.shown);
    others
        .map(|merge| {
            let of = format!("{entry}-{}", merge.shown);
            let changes = vec![format!("λ = {}", merge.lambda)];
            ablation(&merge.name, &of, changes, &of_lambda(merge.lambda), western)
        })
        .collect()
}

/// Whether two losses are of the same targets on the same kind of crops.
fn has_same_targets(reference: &PlannedModel, variant: &PlannedModel) -> bool {
    let (Some(one), Some(other)) = (&reference.plan, &variant.plan) else { return false };
    reference.tokenizer == variant.tokenizer
        && reference.corpus == variant.corpus
        && one.objective == other.objective
        && one.crop == other.crop
        && one.masking == other.masking
        && one.mixture == other.mixture
        && one.held_out == other.held_out
}

/// Traditions that count as Western: cultures of the study, and data sets of evaluations.
fn western(ground: &Ground<'_>, measured: &Measured) -> Vec<String> {
    let sets = measured.evaluations.iter().flat_map(|(_, evaluation)| &evaluation.sets);
    let sets = sets.filter(|set| set.is_western).map(|set| set.name.clone());
    ground.plan.file.western.iter().cloned().chain(sets).collect()
}

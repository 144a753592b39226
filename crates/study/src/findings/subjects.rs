//! Who is compared: models by their part in the experiment, traditions by their side, scores per seed.

use super::Estimate;
use crate::paper::PaperSet;
use crate::results::{ModelKind, ModelResult, ProbeResult, Recipe, StudyResults};
use crate::statistics::mean;

/// The weight the paper settled on: choosing ours by test scores would favour it.
const PAPER_LAMBDA: f64 = 0.2;

pub(super) struct Subjects<'a> {
    pub(super) results: &'a StudyResults,
    pub(super) western: Vec<&'a str>,
    pub(super) others: Vec<&'a str>,
}

impl<'a> Subjects<'a> {
    pub(super) fn of(results: &'a StudyResults) -> Self {
        // What is trained on or replayed is not always probed.
        let is_probed = |name: &str| results.probes.iter().any(|probe| probe.tradition == name);
        let named = |western| {
            let cultures = results.data.cultures.iter().filter(|culture| culture.western == western);
            cultures.map(|culture| culture.name.as_str()).filter(|name| is_probed(name)).collect()
        };
        Self { results, western: named(true), others: named(false) }
    }

    pub(super) fn base(&self) -> Option<&'a ModelResult> {
        self.results.first_of(ModelKind::Base)
    }

    pub(super) fn multi(&self) -> Option<&'a ModelResult> {
        self.results.first_of(ModelKind::MultiCulture)
    }

    pub(super) fn singles(&self) -> impl Iterator<Item = &'a ModelResult> {
        self.results.models.iter().filter(|model| model.kind == ModelKind::SingleCulture)
    }

    /// The merged model whose weight is nearest the paper's.
    pub(super) fn merged(&self) -> Option<&'a ModelResult> {
        let away = |model: &ModelResult| (model.lambda.unwrap_or(f64::INFINITY) - PAPER_LAMBDA).abs();
        let merged = self.results.models.iter().filter(|model| model.kind == ModelKind::Merged);
        merged.min_by(|a, b| away(a).total_cmp(&away(b)))
    }

    /// The comparison model of this recipe, and the two-stage model trained on the same traditions.
    pub(super) fn baseline_and_two_stage(
        &self,
        recipe: Recipe,
    ) -> Option<(&'a ModelResult, &'a ModelResult)> {
        let sorted = |model: &ModelResult| {
            let mut names = model.trained_on.clone();
            names.sort();
            names
        };
        let models = &self.results.models;
        models.iter().filter(|model| model.recipe == recipe).find_map(|baseline| {
            let same =
                |model: &&ModelResult| model.recipe == Recipe::TwoStage && sorted(model) == sorted(baseline);
            models.iter().find(same).map(|two_stage| (baseline, two_stage))
        })
    }

    pub(super) fn by_paper_set(&self, set: PaperSet) -> Option<&'a str> {
        let mut cultures = self.results.data.cultures.iter();
        cultures.find(|culture| culture.paper_set == Some(set)).map(|culture| culture.name.as_str())
    }

    /// Mean score over (model, tradition) pairs, per seed and then over seeds. `None` when a pair was not probed.
    pub(super) fn score(&self, pairs: &[(&str, &str)]) -> Option<Estimate> {
        self.measure(pairs, |probe, i| probe.per_seed[i].score())
    }

    /// Like [`Self::score`], ROC-AUC alone (the measure of Table 1).
    pub(super) fn roc_auc(&self, pairs: &[(&str, &str)]) -> Option<Estimate> {
        self.measure(pairs, |probe, i| probe.per_seed[i].roc_auc)
    }

    fn measure(&self, pairs: &[(&str, &str)], of: impl Fn(&ProbeResult, usize) -> f64) -> Option<Estimate> {
        let probes: Vec<_> = pairs
            .iter()
            .map(|(model, tradition)| self.results.probe(model, tradition))
            .collect::<Option<_>>()?;
        let seeds = probes.first()?.per_seed.iter().map(|score| score.seed);
        let per_seed: Vec<f64> = seeds
            .filter_map(|seed| {
                let at_seed = probes.iter().map(|probe| {
                    let i = probe.per_seed.iter().position(|score| score.seed == seed)?;
                    Some(of(probe, i))
                });
                at_seed.collect::<Option<Vec<_>>>().map(|values| mean(&values))
            })
            .collect();
        let n_files = probes.iter().map(|probe| probe.n_files).min();
        (!per_seed.is_empty()).then(|| Estimate::of(&per_seed, n_files))
    }
}

/// Every tradition with the same model.
pub(super) fn pairs<'a>(model: &'a ModelResult, traditions: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    traditions.iter().map(|&tradition| (model.name.as_str(), tradition)).collect()
}

//! The merged models of a study, one for every λ and seed.

use study::results::ModelKind;
use weights::{MergeMethod, MergeModel, MergeParameters, MergePlan, ModelParameters, Setting};

use super::file::{MergeFile, StudyFile};
use super::models::{Part, PlannedModel};
use super::plan::Lacks;
use crate::exit::usage;

/// A model to merge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedMerge {
    /// Its name, unique in the study.
    pub(crate) name: String,
    /// What the tables call it, where they show it.
    pub(crate) shown_as: Option<String>,
    /// The entry it is of.
    pub(crate) entry: String,
    pub(crate) lambda: f64,
    /// The λ that tables show, which the others are compared with.
    pub(crate) shown: f64,
    pub(crate) seed: u64,
    /// Whether it is of the first seed.
    pub(crate) is_first: bool,
    pub(crate) method: MergeMethod,
    pub(crate) density: Option<f64>,
    /// Name of the base.
    pub(crate) base: String,
    /// Names of what is merged, in the order of the study.
    pub(crate) experts: Vec<String>,
    pub(crate) trained_on: Vec<String>,
}

impl PlannedMerge {
    /// What the tables and the report call it.
    pub(crate) fn title(&self) -> &str {
        self.shown_as.as_deref().unwrap_or(&self.name)
    }

    /// The merge in the words of the crate that carries it out; models are called by their names.
    pub(crate) fn plan(&self) -> MergePlan {
        if self.method == MergeMethod::TaskArithmetic {
            let models: Vec<(&str, f64)> =
                self.experts.iter().map(|name| (name.as_str(), self.lambda)).collect();
            return MergePlan::per_culture(self.base.as_str(), &models, &[]);
        }
        let model =
            |name: &String| MergeModel { model: name.clone(), parameters: ModelParameters::default() };
        MergePlan {
            merge_method: self.method,
            base_model: Some(self.base.clone()),
            dtype: None,
            seed: self.seed,
            parameters: MergeParameters {
                weight: Some(Setting::Everywhere(1.0)),
                density: self.density.map(Setting::Everywhere),
                normalize: Some(false),
                lambda: Some(Setting::Everywhere(self.lambda)),
                ..MergeParameters::default()
            },
            models: self.experts.iter().map(model).collect(),
        }
    }
}

/// Every merge with every λ and seed; a rehearsal goes without those of which no model is left.
pub(crate) fn planned_merges(
    file: &mut StudyFile,
    models: &[PlannedModel],
    lacks: &mut Lacks,
) -> anyhow::Result<Vec<PlannedMerge>> {
    let mut planned: Vec<PlannedMerge> = Vec::new();
    let seeds = file.training_seeds.clone();
    let mut kept = Vec::new();
    for merge in std::mem::take(&mut file.merges) {
        check(&merge).map_err(|reason| usage(format!("merge `{}`: {reason}", merge.name)))?;
        let base = base_of(&merge, models)?;
        let mut is_left = true;
        for (number, &seed) in seeds.iter().enumerate().take(if merge.each_seed { seeds.len() } else { 1 }) {
            let experts = experts_of(&merge, models, seed, lacks)?;
            if experts.is_empty() {
                let name = &merge.name;
                if !lacks.goes_without() && !merge.models.is_empty() {
                    return Err(usage(format!("merge `{name}`: there is no model to merge")));
                }
                lacks
                    .notices
                    .push(format!("without the merge `{name}`: there is no model of a single culture"));
                is_left = false;
                break;
            }
            let trained_on: Vec<String> = experts.iter().flat_map(|one| one.trained_on.clone()).collect();
            for &lambda in &merge.lambdas {
                #[expect(clippy::float_cmp, reason = "the file was checked to name one of its own numbers")]
                let is_shown = lambda == merge.shown && number == 0;
                let suffix = if number == 0 { String::new() } else { format!("-seed-{seed}") };
                let named = Some(merge.shown_as.clone()).filter(|name| is_shown && !name.is_empty());
                planned.push(PlannedMerge {
                    name: format!("{}-{lambda}{suffix}", merge.name),
                    shown_as: named,
                    entry: merge.name.clone(),
                    lambda,
                    shown: merge.shown,
                    seed,
                    is_first: number == 0,
                    method: merge.method.unwrap_or(MergeMethod::TaskArithmetic),
                    density: merge.density,
                    base: base.clone(),
                    experts: experts.iter().map(|expert| expert.name.clone()).collect(),
                    trained_on: trained_on.clone(),
                });
            }
        }
        if is_left {
            kept.push(merge);
        }
    }
    for (at, merge) in planned.iter().enumerate() {
        let is_taken = models.iter().any(|model| model.name == merge.title())
            || planned[..at].iter().any(|other| other.title() == merge.title());
        if is_taken {
            return Err(usage(format!("two models of the study are called `{}`", merge.title())));
        }
        merge.plan().check().map_err(|error| usage(format!("merge `{}`: {error}", merge.name)))?;
    }
    file.merges = kept;
    Ok(planned)
}

fn check(merge: &MergeFile) -> Result<(), String> {
    let rises = merge.lambdas.windows(2).all(|pair| pair[0] < pair[1]);
    if merge.lambdas.is_empty() || !rises || !merge.lambdas.iter().all(|lambda| lambda.is_finite()) {
        return Err("`lambdas` must be rising numbers".into());
    }
    if !merge.lambdas.contains(&merge.shown) {
        return Err(format!("`shown` is {}, which is none of `lambdas`", merge.shown));
    }
    match merge.method {
        Some(MergeMethod::Linear | MergeMethod::Slerp) => Err(
            "its rule has no λ; a study merges by `task_arithmetic`, `ties`, `dare_linear` or `dare_ties`"
                .into(),
        ),
        None | Some(MergeMethod::TaskArithmetic) if merge.density.is_some() => {
            Err("`density` goes with `ties`, `dare_linear` and `dare_ties`".into())
        }
        _ => Ok(()),
    }
}

fn base_of(merge: &MergeFile, models: &[PlannedModel]) -> anyhow::Result<String> {
    let found = if merge.base.is_empty() {
        models.iter().find(|model| model.kind == ModelKind::Base)
    } else {
        models.iter().find(|model| model.name == merge.base)
    };
    let meant = nearest::did_you_mean(&merge.base, models.iter().map(|model| model.name.as_str()));
    let name = &merge.name;
    found
        .map(|base| base.name.clone())
        .ok_or_else(|| usage(format!("merge `{name}`: there is no such base{meant}")))
}

fn experts_of<'a>(
    merge: &MergeFile,
    models: &'a [PlannedModel],
    seed: u64,
    lacks: &Lacks,
) -> anyhow::Result<Vec<&'a PlannedModel>> {
    if merge.models.is_empty() {
        let is_expert = |model: &&PlannedModel| {
            model.kind == ModelKind::SingleCulture
                && model.seed == seed
                && matches!(model.part, Part::Table | Part::Repeat)
        };
        return Ok(models.iter().filter(is_expert).collect());
    }
    let mut experts = Vec::new();
    for name in &merge.models {
        let found = models.iter().find(|model| model.label == *name && model.seed == seed);
        match found {
            Some(found) => experts.push(found),
            None if lacks.goes_without() => {}
            None => {
                let meant = nearest::did_you_mean(name, models.iter().map(|model| model.label.as_str()));
                let merge = &merge.name;
                return Err(usage(format!("merge `{merge}`: there is no model `{name}`{meant}")));
            }
        }
    }
    Ok(experts)
}

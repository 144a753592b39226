//! The models of a study: from entries of its file to training plans, one a model and seed.

mod entries;
mod training;

use std::path::PathBuf;

use anyhow::Context;
use pretrain::TrainPlan;
use study::results::{ModelKind, Recipe};

use super::file::{ModelFile, RecipeName, ScratchFile, StudyFile};
use super::plan::{Lacks, PlannedCorpus, corpus_of, must_be_in};
use super::rehearsal::Rehearsal;
use crate::exit::usage;
use crate::inputs::must_exist;
use entries::{Entry, entries, repeated};
use training::{adapted_plan, scratch_plan, training_file};

/// Updates and highest rate of the small base that stands in for a given one in a rehearsal.
const STAND_IN: (u64, f64) = (160, 2e-3);

/// A model to train, or one that lies there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedModel {
    /// Its name, unique in the study: the entry's, and behind it the seed where that is not the first.
    pub(crate) name: String,
    /// Its name whatever the seed.
    pub(crate) label: String,
    pub(crate) seed: u64,
    pub(crate) part: Part,
    pub(crate) kind: ModelKind,
    pub(crate) recipe: Recipe,
    pub(crate) trained_on: Vec<String>,
    pub(crate) origin: Origin,
    /// None for a model that lies there.
    pub(crate) plan: Option<TrainPlan>,
    pub(crate) corpus: String,
    pub(crate) tokenizer: String,
}

/// What a model is in the study for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A row of its tables.
    Table,
    /// The same as a row, with another seed.
    Repeat,
    /// Compared with the model of this label that has the same seed; in what it differs.
    Variant { of: String, changes: Vec<String> },
}

/// What a model begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It lies there.
    Given { directory: PathBuf, heads: Option<PathBuf>, fresh_heads: bool },
    /// Random weights.
    Scratch,
    /// A model of the study.
    Model(String),
}

/// Every model with every seed it needs, each after the one it is adapted from.
pub(crate) fn planned_models(
    file: &mut StudyFile,
    corpora: &[PlannedCorpus],
    rehearsal: Option<Rehearsal>,
    lacks: &mut Lacks,
) -> anyhow::Result<Vec<PlannedModel>> {
    if file.models.iter().chain(&file.variants).next().is_none() || corpora.is_empty() {
        return Err(usage("the study has no model or no corpus: `[[models]]`, `[[corpora]]`"));
    }
    let entries = entries(file, corpora, lacks)?;
    let repeated = repeated(file, &entries);
    let mut planned: Vec<PlannedModel> = Vec::new();
    let first = file.training_seeds[0];
    for (number, &seed) in file.training_seeds.clone().iter().enumerate() {
        for entry in entries.iter().filter(|entry| number == 0 || repeated.contains(&entry.file.name)) {
            let made = one(file, entry, seed, seed == first, corpora, rehearsal, &planned, lacks)
                .with_context(|| format!("model `{}`", entry.file.name))?;
            planned.extend(made);
        }
    }
    Ok(planned)
}

/// One model with one seed; none where a rehearsal goes without it.
#[expect(clippy::too_many_arguments, reason = "what a model is made of stands in as many places of the file")]
fn one(
    file: &StudyFile,
    entry: &Entry,
    seed: u64,
    is_first: bool,
    corpora: &[PlannedCorpus],
    rehearsal: Option<Rehearsal>,
    before: &[PlannedModel],
    lacks: &mut Lacks,
) -> anyhow::Result<Option<PlannedModel>> {
    let model = &entry.file;
    let label = model.name.clone();
    let name = if is_first { label.clone() } else { format!("{label}-seed-{seed}") };
    let corpus = corpus_of_model(model, corpora)?;
    let tokenizer = tokenizer_of_model(file, model)?;
    let part = match &entry.part {
        Part::Table if !is_first => Part::Repeat,
        part => part.clone(),
    };
    let shared = |kind, recipe, trained_on, origin, plan: Option<TrainPlan>| PlannedModel {
        name: name.clone(),
        label: label.clone(),
        seed,
        part: part.clone(),
        kind: model.kind.unwrap_or(kind),
        recipe,
        trained_on,
        origin,
        plan: plan.map(|mut plan| {
            plan.run.name.clone_from(&name);
            plan
        }),
        corpus: corpus.name.clone(),
        tokenizer: tokenizer.clone(),
    };
    let shortened = |plan: TrainPlan| match rehearsal {
        Some(rehearsal) => rehearsal.training(&plan),
        None => Ok(plan),
    };
    let file_of = || training_file(file, model, &tokenizer, seed);
    match (&model.directory, &model.scratch) {
        (Some(_), Some(_)) => {
            Err(usage("it has both a `directory` and a `scratch`; a base is one or the other"))
        }
        (Some(directory), None) if directory.as_os_str().is_empty() => {
            lacks.unnamed(format!("models.{label}.directory"), || {
                format!("a small model of random weights stands in for `{label}`")
            });
            if !lacks.goes_without() {
                let given = given(model, directory.clone());
                return Ok(Some(shared(ModelKind::Base, Recipe::Given, Vec::new(), given, None)));
            }
            let small = file_of()?.with_overrides(&["model.init=pocket"])?;
            let scratch = ScratchFile { updates: STAND_IN.0, peak: STAND_IN.1, cultures: Vec::new() };
            let (plan, heard) = scratch_plan(file, &small.plan()?, &scratch, corpus)?;
            let plan = Some(shortened(plan)?);
            Ok(Some(shared(ModelKind::Base, Recipe::FromScratch, heard, Origin::Scratch, plan)))
        }
        (Some(directory), None) => {
            must_exist("model", directory)?;
            let given = given(model, directory.clone());
            Ok(Some(shared(ModelKind::Base, Recipe::Given, Vec::new(), given, None)))
        }
        (None, Some(scratch)) => {
            let (plan, heard) = scratch_plan(file, &file_of()?.plan()?, scratch, corpus)?;
            let plan = Some(shortened(plan)?);
            Ok(Some(shared(ModelKind::Base, Recipe::FromScratch, heard, Origin::Scratch, plan)))
        }
        (None, None) => {
            let asked = model.cultures.clone().unwrap_or_default();
            let cultures = cultures_of(file, corpus, &asked, &format!("model `{label}`"), lacks)?;
            if cultures.is_empty() {
                if lacks.goes_without() {
                    lacks.notices.push(format!("without the model `{label}`: none of its cultures is there"));
                    return Ok(None);
                }
                let name = &corpus.name;
                return Err(usage(format!(
                    "the corpus `{name}` has no culture to adapt to that the base has not heard"
                )));
            }
            let origin = origin_of(model, seed, before)?;
            let plan = adapted_plan(file, model, &file_of()?.plan()?, &cultures, corpus, lacks)?;
            let recipe = model.recipe.unwrap_or_default();
            let kind = match (recipe, cultures.len()) {
                (RecipeName::TwoStage, 1) => ModelKind::SingleCulture,
                (RecipeName::TwoStage, _) => ModelKind::MultiCulture,
                _ => ModelKind::Baseline,
            };
            Ok(Some(shared(kind, recipe.into(), cultures, origin, Some(shortened(plan)?))))
        }
    }
}

fn given(model: &ModelFile, directory: PathBuf) -> Origin {
    Origin::Given { directory, heads: model.heads.clone(), fresh_heads: model.fresh_heads.unwrap_or(false) }
}

fn corpus_of_model<'a>(model: &ModelFile, corpora: &'a [PlannedCorpus]) -> anyhow::Result<&'a PlannedCorpus> {
    match &model.corpus {
        Some(corpus) => corpus_of(corpora, corpus, &format!("model `{}`", model.name)),
        None => Ok(&corpora[0]),
    }
}

fn tokenizer_of_model(file: &StudyFile, model: &ModelFile) -> anyhow::Result<String> {
    let known = || file.tokenizers.iter().map(|tokenizer| tokenizer.name.as_str());
    match &model.tokenizer {
        Some(name) if known().any(|known| known == name) => Ok(name.clone()),
        Some(name) => {
            let meant = nearest::did_you_mean(name, known());
            Err(usage(format!("there is no tokenizer `{name}`{meant}")))
        }
        None => known()
            .next()
            .map(ToOwned::to_owned)
            .ok_or_else(|| usage("the study has no tokenizer: `[[tokenizers]]`")),
    }
}

/// The model it is adapted from: of the same seed where there is one, else of the first.
fn origin_of(model: &ModelFile, seed: u64, before: &[PlannedModel]) -> anyhow::Result<Origin> {
    let found = match &model.from {
        Some(from) => {
            let of_label = || before.iter().filter(|other| other.label == *from);
            let found = of_label().find(|other| other.seed == seed).or_else(|| of_label().next());
            found.ok_or_else(|| {
                let meant = nearest::did_you_mean(from, before.iter().map(|other| other.label.as_str()));
                usage(format!(
                    "it is adapted `from` a model `{from}`, and none before it is called so{meant}"
                ))
            })?
        }
        None => before.iter().find(|other| other.kind == ModelKind::Base).ok_or_else(|| {
            usage("there is no base before it to be adapted from: a model with `directory` or `scratch`")
        })?,
    };
    Ok(Origin::Model(found.name.clone()))
}

/// Cultures it is adapted to: those asked for, or all that the base has not heard. In a rehearsal those of them that are there.
fn cultures_of(
    file: &StudyFile,
    corpus: &PlannedCorpus,
    asked: &[String],
    whose: &str,
    lacks: &mut Lacks,
) -> anyhow::Result<Vec<String>> {
    if asked.is_empty() {
        let is_new = |culture: &&String| !file.western.contains(culture);
        return Ok(corpus.cultures.iter().filter(is_new).cloned().collect());
    }
    if lacks.goes_without() {
        return Ok(asked.iter().filter(|culture| corpus.cultures.contains(culture)).cloned().collect());
    }
    asked.iter().try_for_each(|culture| must_be_in(corpus, culture, whose))?;
    Ok(asked.to_vec())
}

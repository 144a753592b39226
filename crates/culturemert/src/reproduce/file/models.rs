//! Models of a study: bases, what is adapted from them, what is merged.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use study::results::{ModelKind, Recipe};

/// A model, or with `of` a model that is another but for what stands here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ModelFile {
    /// Its name; with `each`, `{culture}` in it stands for the culture.
    pub(crate) name: String,
    /// Model that this one is but for what is stated here; assignments of `set` are added to its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<String>,
    /// Row of the tables it is; told by the rest where it is not stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<ModelKind>,
    /// Folder of a base that is there; empty: to be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<PathBuf>,
    /// Where the heads of pre-training of that base come from, when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heads: Option<PathBuf>,
    /// Draw the heads of pre-training of that base anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fresh_heads: Option<bool>,
    /// A base trained from random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scratch: Option<ScratchFile>,
    /// Model it is adapted from; the first base where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// One model for each culture that is adapted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<bool>,
    /// Cultures it is adapted to; none: all that the base has not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cultures: Option<Vec<String>>,
    /// How training is staged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipe: Option<RecipeName>,
    /// Training plan, where it is not the study's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) training: Option<String>,
    /// Hours of material and of training, one number a stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hours: Option<Vec<f64>>,
    /// Assignments to the training plan, as `pretrain --set` takes them.
    pub(crate) set: Vec<String>,
    /// What is replayed and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<ReplayFile>,
    /// The plan's stages in another order, by their numbers from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Vec<usize>>,
    /// Corpus it is trained on; the first where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) corpus: Option<String>,
    /// Tokenizer it learns from; the first where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokenizer: Option<String>,
}

impl ModelFile {
    /// This model on top of the one it is `of`.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let own = self.clone();
        let has_origin = own.directory.is_some() || own.scratch.is_some();
        Self {
            name: own.name,
            of: own.of,
            kind: own.kind,
            directory: own.directory.or_else(|| other.directory.clone().filter(|_| !has_origin)),
            heads: own.heads.or_else(|| other.heads.clone()),
            fresh_heads: own.fresh_heads.or(other.fresh_heads),
            scratch: own.scratch.or_else(|| other.scratch.clone().filter(|_| !has_origin)),
            from: own.from.or_else(|| other.from.clone()),
            each: own.each.or(other.each),
            cultures: own.cultures.or_else(|| other.cultures.clone()),
            recipe: own.recipe.or(other.recipe),
            training: own.training.or_else(|| other.training.clone()),
            hours: own.hours.or_else(|| other.hours.clone()),
            set: other.set.iter().cloned().chain(own.set).collect(),
            replay: own.replay.or_else(|| other.replay.clone()),
            order: own.order.or_else(|| other.order.clone()),
            corpus: own.corpus.or_else(|| other.corpus.clone()),
            tokenizer: own.tokenizer.or_else(|| other.tokenizer.clone()),
        }
    }

    /// Whether it is a base: given, or trained from nothing.
    pub(crate) fn is_base(&self) -> bool {
        self.directory.is_some() || self.scratch.is_some()
    }
}

/// Training from random weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScratchFile {
    pub(crate) updates: u64,
    /// Highest learning rate.
    #[serde(default = "rate")]
    pub(crate) peak: f64,
    /// Cultures it hears; none: those counted as Western, or all where there are none of them.
    #[serde(default)]
    pub(crate) cultures: Vec<String>,
}

/// MERT-95M's highest learning rate.
fn rate() -> f64 {
    5e-4
}

/// Music of before, mixed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayFile {
    /// Share of the crops; 0 for none.
    pub(crate) share: f64,
    /// Stages it is in, by their numbers from 0.
    #[serde(default = "first_stage")]
    pub(crate) stages: Vec<usize>,
}

fn first_stage() -> Vec<usize> {
    vec![0]
}

/// How training is staged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecipeName {
    /// As the plan says.
    #[default]
    TwoStage,
    /// The same with the first replay in every stage.
    ReplayInAllStages,
    /// All at once for as much sound, learning rate warmed up again.
    SingleStage,
    /// All at once for as much sound, at the rate where a base's decay has ended.
    SingleStageNotRewarmed,
}

impl From<RecipeName> for Recipe {
    fn from(name: RecipeName) -> Self {
        match name {
            RecipeName::TwoStage => Self::TwoStage,
            RecipeName::ReplayInAllStages => Self::TwoStageReplayBoth,
            RecipeName::SingleStage => Self::SingleStage,
            RecipeName::SingleStageNotRewarmed => Self::SingleStageNoRewarming,
        }
    }
}

/// Models merged from others, one for every λ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MergeFile {
    /// Its name; of the model at λ it is `NAME-λ`.
    pub(crate) name: String,
    /// The rule: `task_arithmetic` (where none is stated), `ties`, `dare_linear` or `dare_ties`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<weights::MergeMethod>,
    /// Share of every task vector that is kept, for `ties` and the `dare` rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) density: Option<f64>,
    /// Model that task vectors are counted from; the first base where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) base: String,
    /// Models that are merged; none: those of a single culture.
    pub(crate) models: Vec<String>,
    /// Shared weights of the task vectors, ascending.
    pub(crate) lambdas: Vec<f64>,
    /// The one that tables show.
    pub(crate) shown: f64,
    /// Name of the shown one in the tables, where it is not `NAME-λ`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) shown_as: String,
    /// Merge once with each training seed, and compare every λ with the shown one.
    pub(crate) each_seed: bool,
}

//! What the steps of a study do, and what each is a function of.
//!
//! [`Work::step`] says the inputs: settings, the contents of what lies outside, the output hashes of the steps it needs. [`Work::carry_out`]
//! writes the output into the folder it is given, and copes with what a cut-off attempt before it left there.

mod corpora;
mod evaluate;
mod listing;
mod map;
mod merge;
mod probe;
mod similarity;
mod tags;
mod tokenizer;
mod train;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use corpus::Corpus;
use mert::device::card_name;
use study::{Done, Ledger, Step};

use super::graph::names;
use super::models::Origin;
use super::plan::{CorpusSource, StudyPlan};
use crate::terminal::Terminal;

pub(crate) use corpora::is_recorded;
pub(crate) use evaluate::{corpora_of, evaluation_of};
pub(crate) use map::map_of;
pub(crate) use probe::Probed;
pub(crate) use similarity::similarity_of;
pub(crate) use tokenizer::facts_of;
pub(crate) use train::run_folder;

/// What a step does; positions are those of the plan's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Sound of a corpus, or an index of it.
    Recordings(usize),
    /// A prepared corpus.
    Corpus(usize),
    /// A tokenizer fitted.
    Codec(usize),
    /// Codes of a corpus: names of corpus and tokenizer.
    Codes(String, String),
    /// A model trained.
    Train(usize),
    /// A model merged.
    Merge(usize),
    /// A model probed on the traditions of a corpus.
    Probe(Subject),
    /// The data sets of an evaluation opened and hashed.
    Sets(usize),
    /// Features of one model on the data sets of an evaluation.
    Embed(usize, Subject),
    /// All models of an evaluation probed on its data sets.
    Evaluate(usize, Vec<Subject>),
    /// Token statistics.
    Similarity,
    /// Recordings laid out as models hear them.
    Map,
    /// Results and report.
    Report,
}

/// A model that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Its name, unique in the study.
    pub(crate) name: String,
    /// What tables call it.
    pub(crate) title: String,
}

/// What steps work with.
pub(crate) struct Ground<'a> {
    pub(crate) plan: &'a StudyPlan,
    pub(crate) ledger: &'a Ledger,
    /// Where models compute.
    pub(crate) device: &'a Device,
    /// The study's folder.
    pub(crate) out: &'a Path,
    pub(crate) terminal: &'a Terminal,
    /// Says nothing: for work whose bars would stand in each other's way.
    pub(crate) quiet: &'a Terminal,
}

/// Steps that are there, by name.
pub(crate) type Dones = BTreeMap<String, Done>;

impl Work {
    /// Whether it takes long enough to be worth more than one core.
    pub(crate) fn is_long(&self) -> bool {
        !matches!(self, Self::Merge(_) | Self::Similarity | Self::Report)
    }

    /// Whether a model computes in it.
    fn computes(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Probe(_) | Self::Embed(..) | Self::Evaluate(..) | Self::Map)
    }

    /// The step under `name`, with everything its output depends on.
    pub(crate) fn step(&self, name: &str, ground: &Ground<'_>, dones: &Dones) -> anyhow::Result<Step> {
        let mut step = Step::new(name);
        if let Some(card) = card_name(ground.device).filter(|_| self.computes()) {
            step = step.input("device", card);
        }
        match self {
            Self::Recordings(corpus) => corpora::recordings_step(step, ground, *corpus),
            Self::Corpus(corpus) => corpora::corpus_step(step, ground, dones, *corpus),
            Self::Codec(tokenizer) => tokenizer::codec_step(step, ground, dones, *tokenizer),
            Self::Codes(corpus, codec) => tokenizer::codes_step(step, ground, dones, corpus, codec),
            Self::Train(model) => train::step(step, ground, dones, *model),
            Self::Merge(merge) => merge::step(step, ground, dones, *merge),
            Self::Probe(subject) => probe::step(step, ground, dones, subject),
            Self::Sets(evaluation) => evaluate::sets_step(step, ground, dones, *evaluation),
            Self::Embed(evaluation, subject) => {
                evaluate::step(step, ground, dones, *evaluation, std::slice::from_ref(subject))
            }
            Self::Evaluate(evaluation, subjects) => {
                let config = ground.plan.evaluation_config(&ground.plan.file.evaluations[*evaluation]);
                let baselines = &ground.plan.file.evaluations[*evaluation].baselines;
                let step = step
                    .input("probe", serde_json::to_string(&config)?)
                    .input("baselines", serde_json::to_string(baselines)?);
                evaluate::step(step, ground, dones, *evaluation, subjects)
            }
            Self::Similarity => similarity::step(step, ground, dones),
            Self::Map => map::step(step, ground, dones),
            Self::Report => Ok(step),
        }
    }

    /// Does the work in `dir`.
    pub(crate) fn carry_out(&self, ground: &Ground<'_>, dones: &Dones, dir: &Path) -> anyhow::Result<()> {
        match self {
            Self::Recordings(corpus) => corpora::record(ground, *corpus, dir),
            Self::Corpus(corpus) => corpora::prepare(ground, dones, *corpus, dir),
            Self::Codec(tokenizer) => tokenizer::fit_codec(ground, dones, *tokenizer, dir),
            Self::Codes(corpus, codec) => tokenizer::tokenize(ground, dones, corpus, codec, dir),
            Self::Train(model) => train::train(ground, dones, *model, dir),
            Self::Merge(merge) => merge::merge(ground, dones, *merge, dir),
            Self::Probe(subject) => probe::probe(ground, dones, subject, dir),
            Self::Sets(evaluation) => evaluate::open_sets(ground, dones, *evaluation, dir),
            Self::Embed(evaluation, subject) => evaluate::embed(ground, dones, *evaluation, subject, dir),
            Self::Evaluate(evaluation, subjects) => {
                evaluate::probe_all(ground, dones, *evaluation, subjects, dir)
            }
            Self::Similarity => similarity::compare(ground, dones, dir),
            Self::Map => map::map(ground, dones, dir),
            Self::Report => Ok(()),
        }
    }
}

impl Ground<'_> {
    /// Directory of a corpus.
    pub(crate) fn corpus_dir(&self, dones: &Dones, name: &str) -> anyhow::Result<PathBuf> {
        match &self.plan.corpus(name).source {
            CorpusSource::Prepared(dir) => Ok(dir.clone()),
            _ => Ok(done(dones, &names::corpus(name))?.dir.join("corpus")),
        }
    }

    /// What a corpus is, for steps that read it.
    pub(crate) fn corpus_hash(&self, dones: &Dones, name: &str) -> anyhow::Result<String> {
        match &self.plan.corpus(name).source {
            CorpusSource::Prepared(dir) => Ok(Corpus::open(dir)?.content_hash()),
            _ => Ok(done(dones, &names::corpus(name))?.output_hash.clone()),
        }
    }

    /// A corpus.
    pub(crate) fn open_corpus(&self, dones: &Dones, name: &str) -> anyhow::Result<Corpus> {
        Ok(Corpus::open(&self.corpus_dir(dones, name)?)?)
    }

    /// A corpus with its codes of a tokenizer, and the tokenizer's hash.
    pub(crate) fn open_codes(
        &self,
        dones: &Dones,
        corpus: &str,
        tokenizer: &str,
    ) -> anyhow::Result<(Corpus, String)> {
        let codes = &done(dones, &names::codes(corpus, tokenizer))?.dir;
        let hash = facts_of(codes)?.hash;
        Ok((self.open_corpus(dones, corpus)?.with_codes_in(codes), hash))
    }

    /// Directory of a model: given, trained or merged.
    pub(crate) fn model_dir(&self, dones: &Dones, name: &str) -> anyhow::Result<PathBuf> {
        match self.plan.model(name).map(|model| &model.origin) {
            Some(Origin::Given { directory, .. }) => Ok(directory.clone()),
            Some(_) => Ok(pretrain::RunFolder::at(&run_folder(done(dones, &names::train(name))?)).model()),
            None => Ok(done(dones, &names::merge(name))?.dir.join("model")),
        }
    }

    /// What a model is, for steps that read it.
    pub(crate) fn model_hash(&self, dones: &Dones, name: &str) -> anyhow::Result<String> {
        match self.plan.model(name).map(|model| &model.origin) {
            Some(Origin::Given { directory, .. }) => {
                Ok(crate::inputs::open_model(directory)?.identity()?.to_string())
            }
            Some(_) => Ok(done(dones, &names::train(name))?.output_hash.clone()),
            None => Ok(done(dones, &names::merge(name))?.output_hash.clone()),
        }
    }
}

/// The step of this name, which is needed here.
pub(crate) fn done<'a>(dones: &'a Dones, name: &str) -> anyhow::Result<&'a Done> {
    dones.get(name).ok_or_else(|| anyhow::anyhow!("the step `{name}` is not done yet"))
}

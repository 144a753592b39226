//! What a study does, as data: its file, made whole against the cultures there are.
//!
//! A study whose folders are not all named can be described; it runs only when they are, or as a rehearsal (`--limit`), which says what it
//! goes without.

mod lacks;
mod sources;

use std::path::PathBuf;

use codec::FitSettings;
use evaluate::ProbeConfig;

use super::file::{DataSetFile, EvaluationFile, FitFile, ProbeFile, StudyFile, TokenizerFile};
use super::merges::{PlannedMerge, planned_merges};
use super::models::{PlannedModel, planned_models};
use super::rehearsal::Rehearsal;
use crate::exit::usage;
use sources::{given_data_sets, planned_corpus, whole_tokenizer};

pub(crate) use lacks::Lacks;
pub(crate) use sources::{WESTERN, card_of, corpus_of, must_be_in};

/// What is asked of a study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// A rehearsal with at most so much of everything.
    pub(crate) limit: Option<u64>,
    /// It is only described, so folders may still be unnamed.
    pub(crate) describe: bool,
}

/// A study, whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StudyPlan {
    /// The file it comes from, without what a rehearsal goes without.
    pub(crate) file: StudyFile,
    pub(crate) rehearsal: Option<Rehearsal>,
    pub(crate) corpora: Vec<PlannedCorpus>,
    /// All models that are trained or given, with every seed, each after the one it is adapted from.
    pub(crate) models: Vec<PlannedModel>,
    pub(crate) merges: Vec<PlannedMerge>,
    /// What a reader should know.
    pub(crate) notices: Vec<String>,
}

/// A corpus and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedCorpus {
    pub(crate) name: String,
    pub(crate) source: CorpusSource,
    /// Its cultures, in the order that tables show them.
    pub(crate) cultures: Vec<String>,
}

/// Where a corpus comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CorpusSource {
    /// The program makes it.
    Synth { minutes: f64, piece_seconds: f64 },
    /// Recordings of an index.
    Index { index: PathBuf, audio_roots: Vec<PathBuf> },
    /// Hours of data sets.
    Gather { sets: Vec<(DataSetFile, Option<f64>)>, held_out_minutes: f64 },
    /// It lies there.
    Prepared(PathBuf),
}

impl StudyPlan {
    /// Checks the file and makes it whole.
    pub(crate) fn new(mut file: StudyFile, asked: Asked) -> anyhow::Result<Self> {
        let mut lacks = Lacks { asked, unnamed: Vec::new(), notices: Vec::new() };
        check_names(&file)?;
        let given = given_data_sets(&file, &mut lacks)?;
        let mut corpora = Vec::new();
        for corpus in file.corpora.clone() {
            corpora.push(planned_corpus(&file, &corpus, &given, &mut lacks)?);
        }
        for tokenizer in &mut file.tokenizers {
            whole_tokenizer(tokenizer, &corpora, &mut lacks)?;
        }
        let rehearsal = asked.limit.map(Rehearsal::new);
        let models = planned_models(&mut file, &corpora, rehearsal, &mut lacks)?;
        let merges = planned_merges(&mut file, &models, &mut lacks)?;
        let kept: Vec<EvaluationFile> = file.evaluations.clone();
        file.evaluations.clear();
        for mut evaluation in kept {
            evaluation.datasets.retain(|set| given.contains(set));
            for set in &evaluation.sets {
                if !set.corpus.is_empty() {
                    corpus_of(&corpora, &set.corpus, &format!("evaluation `{}`", evaluation.name))?;
                }
            }
            if evaluation.datasets.is_empty() && evaluation.sets.is_empty() {
                lacks.notices.push(format!("evaluation `{}` has no data set left", evaluation.name));
            } else {
                file.evaluations.push(evaluation);
            }
        }
        lacks.refuse()?;
        let notices = lacks.notices;
        let plan = Self { file, rehearsal, corpora, models, merges, notices };
        plan.check().map_err(usage)?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        if self.corpora.is_empty() {
            return Err("the study has no corpus: `[[corpora]]`".into());
        }
        for tokenizer in &self.file.tokenizers {
            if let Some(fit) = &tokenizer.fit {
                let settings = self.fit_settings(fit);
                settings.check().map_err(|error| format!("tokenizer `{}`: {error}", tokenizer.name))?;
            }
        }
        if let Some(probe) = &self.file.probe {
            if !probe.corpus.is_empty() {
                corpus_of(&self.corpora, &probe.corpus, "`probe`").map_err(|error| error.to_string())?;
            }
            self.probe_config(probe).check().map_err(|error| format!("`probe`: {error}"))?;
        }
        if let Some(map) = &self.file.map {
            if !map.corpus.is_empty() {
                corpus_of(&self.corpora, &map.corpus, "`map`").map_err(|error| error.to_string())?;
            }
            let subjects = self.subjects();
            let names = || subjects.iter().map(|subject| subject.name.as_str());
            if let Some(unknown) = map.models.iter().find(|model| !names().any(|name| name == *model)) {
                let meant = nearest::did_you_mean(unknown, names());
                return Err(format!("`map.models`: the study has no model `{unknown}`{meant}"));
            }
            if map.models.is_empty() {
                return Err("`map.models` names no model".into());
            }
        }
        for evaluation in &self.file.evaluations {
            let config = self.evaluation_config(evaluation);
            config.check().map_err(|error| format!("evaluation `{}`: {error}", evaluation.name))?;
        }
        Ok(())
    }

    /// Settings of a tokenizer that is fitted.
    pub(crate) fn fit_settings(&self, fit: &FitFile) -> FitSettings {
        let settings = FitSettings {
            codebooks: fit.codebooks,
            entries: fit.entries,
            max_frames: fit.max_frames,
            seed: self.file.seed,
            ..FitSettings::pocket()
        };
        self.rehearsal.map_or(settings, |rehearsal| rehearsal.fit(settings))
    }

    /// Settings of the probes on the traditions of a corpus.
    pub(crate) fn probe_config(&self, probe: &ProbeFile) -> ProbeConfig {
        let config = ProbeConfig {
            layers: evaluate::Layers::All,
            hidden: probe.hidden,
            epochs: probe.epochs,
            seeds: probe.seeds.clone(),
            batch: probe.batch,
            learning_rates: probe.learning_rates.clone(),
            // Few and short recordings: features on one scale let the few steps there are count.
            standardise: true,
            bootstrap: None,
            ..ProbeConfig::default()
        };
        self.rehearsal.map_or(config.clone(), |rehearsal| rehearsal.probe(config))
    }

    /// Settings of the probes of an evaluation.
    pub(crate) fn evaluation_config(&self, evaluation: &EvaluationFile) -> ProbeConfig {
        let config = evaluation.probe.clone().unwrap_or_default();
        self.rehearsal.map_or(config.clone(), |rehearsal| rehearsal.probe(config))
    }

    /// The corpus of this name, or the first where none is named.
    pub(crate) fn corpus(&self, name: &str) -> &PlannedCorpus {
        let named = self.corpora.iter().find(|corpus| corpus.name == name);
        named.unwrap_or(&self.corpora[0])
    }

    /// The tokenizer of this name, or the first where none is named; none where the study has none.
    pub(crate) fn tokenizer(&self, name: &str) -> Option<&TokenizerFile> {
        let named = self.file.tokenizers.iter().find(|tokenizer| tokenizer.name == name);
        named.or(self.file.tokenizers.first())
    }

    /// The model of this name.
    pub(crate) fn model(&self, name: &str) -> Option<&PlannedModel> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Whether a culture counts as Western.
    pub(crate) fn is_western(&self, culture: &str) -> bool {
        self.file.western.iter().any(|western| western == culture)
    }
}

/// Entries of each list have names, and each its own.
fn check_names(file: &StudyFile) -> anyhow::Result<()> {
    let lists: [(&str, Vec<&str>); 5] = [
        ("datasets", file.datasets.iter().map(|one| one.name.as_str()).collect()),
        ("corpora", file.corpora.iter().map(|one| one.name.as_str()).collect()),
        ("tokenizers", file.tokenizers.iter().map(|one| one.name.as_str()).collect()),
        ("merges", file.merges.iter().map(|one| one.name.as_str()).collect()),
        ("evaluations", file.evaluations.iter().map(|one| one.name.as_str()).collect()),
    ];
    let models = file.models.iter().chain(&file.variants).map(|one| one.name.as_str()).collect();
    for (list, names) in lists.into_iter().chain([("models", models)]) {
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(usage(format!("an entry of `{list}` has no `name`")));
            }
            if names[..at].contains(name) {
                return Err(usage(format!("two entries of `{list}` are called `{name}`")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "tests say which numbers are exact")]
mod tests;

//! Probing steps: one model on every tradition of a corpus.

use std::path::Path;

use anyhow::Context;
use evaluate::EvaluateError;
use serde::{Deserialize, Serialize};
use study::results::{ProbeResult, SeedScore};
use study::{Done, Step};
use weights::ModelDirectory;

use super::tags::tag_scores;
use super::{Dones, Ground, Subject};
use crate::embedding::Embedder;
use crate::probing::{Task, embed_clips, encoder_facts};

/// What the probes of one model said.
#[derive(Serialize, Deserialize)]
pub(crate) struct Probed {
    pub(crate) probes: Vec<ProbeResult>,
    /// Tags that entered no mean, as `tradition: tag`.
    pub(crate) left_out: Vec<String>,
    /// Traditions that could not be probed, with the reason.
    pub(crate) not_measured: Vec<String>,
}

impl Probed {
    /// What a step found.
    pub(crate) fn of(done: &Done) -> anyhow::Result<Self> {
        let file = done.dir.join("probes.json");
        let text = std::fs::read(&file).map_err(files::FilesError::io("read", &file))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

pub(super) fn step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    subject: &Subject,
) -> anyhow::Result<Step> {
    let probe = ground.plan.file.probe.as_ref().context("the study has no probes")?;
    let corpus = ground.plan.corpus(&probe.corpus);
    Ok(step
        .input("model", ground.model_hash(dones, &subject.name)?)
        .input("title", &subject.title)
        .input("corpus", ground.corpus_hash(dones, &corpus.name)?)
        .input("traditions", corpus.cultures.join("\n"))
        .input("config", serde_json::to_string(&ground.plan.probe_config(probe))?))
}

/// Probes the model on each tradition: all tags of the tradition but its own name.
pub(super) fn probe(ground: &Ground<'_>, dones: &Dones, subject: &Subject, dir: &Path) -> anyhow::Result<()> {
    let settings = ground.plan.file.probe.as_ref().context("the study has no probes")?;
    let config = ground.plan.probe_config(settings);
    let planned = ground.plan.corpus(&settings.corpus);
    let corpus = ground.open_corpus(dones, &planned.name)?;
    let directory = ModelDirectory::open(&ground.model_dir(dones, &subject.name)?)?;
    let hash = directory.identity()?.to_string();
    let is_tag = |tag: &str| !tag.starts_with("tradition:");
    let mut probed = Probed { probes: Vec::new(), left_out: Vec::new(), not_measured: Vec::new() };
    let mut tasks = Vec::new();
    for tradition in &planned.cultures {
        let has_tags = corpus
            .clips()
            .iter()
            .any(|clip| clip.culture == *tradition && clip.tags.iter().any(|tag| is_tag(tag)));
        if has_tags {
            tasks.push((tradition, Task::select(&corpus, |clip| clip.culture == *tradition, is_tag)?));
        } else {
            probed.not_measured.push(format!("{tradition}: no recording has a tag"));
        }
    }
    if !tasks.is_empty() {
        let embedder = Embedder::new(&directory, None, ground.device)?;
        let features = embed_clips(&embedder, &corpus, &corpus.recordings(), ground.quiet)?;
        let seconds = corpus.manifest().settings.segment_seconds;
        let facts = encoder_facts(&subject.title, &hash, &features, seconds);
        for (tradition, task) in tasks {
            let result = match task.probe(&corpus, &features, &facts, &config) {
                Ok(outcome) => outcome.result,
                Err(error)
                    if error.downcast_ref::<EvaluateError>().is_some_and(EvaluateError::is_of_data) =>
                {
                    probed.not_measured.push(format!("{tradition}: {error:#}"));
                    continue;
                }
                Err(error) => return Err(error.context(format!("`{}` on `{tradition}`", subject.title))),
            };
            let per_seed = result
                .seeds
                .iter()
                .map(|seed| SeedScore {
                    seed: seed.seed,
                    roc_auc: seed.test.roc_auc_macro,
                    average_precision: seed.test.average_precision_macro,
                })
                .collect();
            let n_tags = result.per_tag.iter().filter(|tag| tag.roc_auc.is_some()).count() as u64;
            let n_files = result.sizes.files[2] as u64;
            let title = subject.title.as_str();
            let mut scores = ProbeResult::from_seeds(title, tradition, n_files, n_tags, per_seed);
            scores.per_tag = tag_scores(&corpus, tradition, &result.per_tag);
            probed.probes.push(scores);
            probed.left_out.extend(result.left_out.iter().map(|tag| format!("{tradition}: {}", tag.tag)));
        }
    }
    Ok(files::write_json(&dir.join("probes.json"), &serde_json::to_string_pretty(&probed)?)?)
}

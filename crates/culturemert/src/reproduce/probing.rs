//! Probing steps of the study: every model on every tradition.

use std::path::Path;

use corpus::Corpus;
use evaluate::ProbeConfig;
use serde::{Deserialize, Serialize};
use study::results::{ProbeResult, SeedScore};
use study::{Ledger, Step};
use weights::ModelDirectory;

use super::tags::tag_scores;
use crate::embedding::Embedder;
use crate::probing::{Task, embed_clips, encoder_facts};
use crate::terminal::Terminal;

/// What the probes of one model said.
#[derive(Serialize, Deserialize)]
pub(crate) struct Probed {
    pub(crate) probes: Vec<ProbeResult>,
    /// Tags that entered no mean, as `tradition: tag`.
    pub(crate) left_out: Vec<String>,
}

/// Probes `model` on each of `traditions`: all tags of the tradition but its own name.
pub(crate) fn probe_model(
    ledger: &Ledger,
    corpus: &Corpus,
    name: &str,
    model: &Path,
    traditions: &[&str],
    config: &ProbeConfig,
    terminal: &Terminal,
) -> anyhow::Result<(Probed, study::Done)> {
    let directory = ModelDirectory::open(model)?;
    let hash = directory.identity()?.to_string();
    let step = Step::new(format!("probe-{name}"))
        .input("model", &hash)
        .input("corpus", corpus.content_hash())
        .input("traditions", traditions.join(" "))
        .input("config", serde_json::to_string(config)?)
        .input("scores", "with those of single tags");
    let done = ledger.run(&step, |dir| {
        let embedder = Embedder::new(&directory, None)?;
        let ranges = corpus.recordings();
        let features = embed_clips(&embedder, corpus, &ranges, terminal)?;
        let facts = encoder_facts(name, &hash, &features, corpus.manifest().settings.segment_seconds);
        let mut probed = Probed { probes: Vec::new(), left_out: Vec::new() };
        for tradition in traditions {
            let task = Task::select(
                corpus,
                |clip| clip.culture == *tradition,
                |tag| !tag.starts_with("tradition:"),
            )?;
            let result = task.probe(corpus, &features, &facts, config)?.result;
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
            let mut scores = ProbeResult::from_seeds(name, *tradition, n_files, n_tags, per_seed);
            scores.per_tag = tag_scores(corpus, tradition, &result.per_tag);
            probed.probes.push(scores);
            probed.left_out.extend(result.left_out.iter().map(|tag| format!("{tradition}: {}", tag.tag)));
        }
        files::write_json(&dir.join("probes.json"), &serde_json::to_string_pretty(&probed)?)?;
        anyhow::Ok(())
    })?;
    let text = std::fs::read(done.dir.join("probes.json"))?;
    Ok((serde_json::from_slice(&text)?, done))
}

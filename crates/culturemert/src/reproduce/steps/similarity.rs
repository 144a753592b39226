//! Token statistics.

use std::path::Path;

use evaluate::DivergenceUnit;
use study::results::Similarity;
use study::{Done, Step};

use super::{Dones, Ground, done};
use crate::commands::similarity::plain_settings;
use crate::reproduce::graph::names;
use crate::token_counts::of_corpus;

/// File of the step; a corpus of one culture has nothing to compare, and the file holds nothing.
const SIMILARITY: &str = "similarity.json";

pub(super) fn step(step: Step, ground: &Ground<'_>, dones: &Dones) -> anyhow::Result<Step> {
    let (corpus, tokenizer) = whose(ground);
    Ok(step.input("codes", &done(dones, &names::codes(&corpus, &tokenizer))?.output_hash))
}

pub(super) fn compare(ground: &Ground<'_>, dones: &Dones, dir: &Path) -> anyhow::Result<()> {
    let (corpus, tokenizer) = whose(ground);
    let (corpus, tokenizer) = ground.open_codes(dones, &corpus, &tokenizer)?;
    let counts = of_corpus(&corpus, &tokenizer)?;
    let cultures: std::collections::BTreeSet<&str> =
        counts.recordings().iter().map(|recording| recording.culture.as_str()).collect();
    let found = if cultures.len() < 2 { None } else { Some(compared(&counts)?) };
    Ok(files::write_json(&dir.join(SIMILARITY), &serde_json::to_string_pretty(&found)?)?)
}

fn compared(counts: &evaluate::RecordingCounts) -> anyhow::Result<Similarity> {
    let similarity = evaluate::similarity(&counts.tables()?)?;
    let (bootstrap, splits) = plain_settings();
    Ok(Similarity {
        n_frames: similarity.cultures.iter().cloned().zip(similarity.n_frames).collect(),
        cultures: similarity.cultures,
        jensen_shannon: similarity.mean.jsd_nats,
        cosine_distance: similarity.mean.cosine_distance,
        intervals: Some(evaluate::similarity_intervals(counts, DivergenceUnit::Nats, bootstrap)?),
        halves: Some(evaluate::split_halves(counts, DivergenceUnit::Nats, splits)?),
    })
}

/// What the step found.
pub(crate) fn similarity_of(done: &Done) -> anyhow::Result<Option<Similarity>> {
    let file = done.dir.join(SIMILARITY);
    let text = std::fs::read(&file).map_err(files::FilesError::io("read", &file))?;
    Ok(serde_json::from_slice(&text)?)
}

/// Names of corpus and tokenizer.
pub(crate) fn whose(ground: &Ground<'_>) -> (String, String) {
    ground.plan.compared()
}

//! Small probes of a model while it trains: `RUN/probes.jsonl`, a line for each probe, as exact on resuming as the log.
//!
//! A probe that cannot be made is said once and does not stop the training; nothing of the run depends on probes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use corpus::Corpus;
use evaluate::ProbeConfig;
use pretrain::{ProbeDue, ProbePlan};
use serde::{Deserialize, Serialize};

use crate::embedding::Embedder;
use crate::probing::{Task, embed_clips, encoder_facts};
use crate::terminal::Terminal;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    /// Updates completed in the run.
    update: u64,
    /// Name of the stage that was running, or is about to.
    stage: String,
    /// What the tags begin with.
    tags: String,
    /// Tags that are in the means.
    n_tags: usize,
    /// Macro ROC-AUC on the test recordings.
    roc_auc: f64,
    /// Macro average precision on them.
    average_precision: f64,
    /// Seconds it took.
    seconds: f64,
}

/// The probes of a run.
pub(crate) struct TrainingProbes<'a> {
    corpus: &'a Corpus,
    tasks: Vec<(String, Task)>,
    file: PathBuf,
    terminal: &'a Terminal,
    complained: BTreeSet<String>,
}

/// A probe small enough to be made often: one seed, no intervals.
fn config() -> ProbeConfig {
    ProbeConfig { seeds: vec![1234], bootstrap: None, ..ProbeConfig::default() }
}

impl<'a> TrainingProbes<'a> {
    /// Chooses the recordings; fails where the corpus has no such tag.
    pub(crate) fn new(
        plan: &ProbePlan,
        corpus: &'a Corpus,
        run: &Path,
        terminal: &'a Terminal,
    ) -> anyhow::Result<Self> {
        let prefixes = if plan.every > 0 { plan.tags.as_slice() } else { &[] };
        let tasks = prefixes.iter().map(|prefix| {
            let mut task = Task::with_prefix(corpus, |_| true, prefix)?;
            task.keep(corpus, plan.recordings);
            Ok((prefix.clone(), task))
        });
        Ok(Self {
            corpus,
            tasks: tasks.collect::<anyhow::Result<_>>()?,
            file: run.join("probes.jsonl"),
            terminal,
            complained: BTreeSet::new(),
        })
    }

    /// Forgets what comes after update `completed`: it will be probed again.
    pub(crate) fn resume(&mut self, completed: u64) {
        if !self.file.exists() {
            return;
        }
        let kept: Vec<Line> = self.lines().into_iter().filter(|line| line.update <= completed).collect();
        if let Err(error) = self.write(&kept) {
            self.complain(&error.to_string());
        }
    }

    /// Probes a model, unless the file holds that already.
    pub(crate) fn probe(&mut self, due: &ProbeDue<'_>) {
        let mut lines = self.lines();
        for at in 0..self.tasks.len() {
            let prefix = self.tasks[at].0.clone();
            if lines.iter().any(|line| line.update == due.update && line.tags == prefix) {
                continue;
            }
            match self.measure(&self.tasks[at].1, &prefix, due) {
                Ok(line) => {
                    self.terminal.say(format!(
                        "update {}: probe of {prefix} ROC-AUC {:.3}, AP {:.3}",
                        line.update, line.roc_auc, line.average_precision
                    ));
                    lines.push(line);
                }
                Err(error) => self.complain(&format!("no probe of {prefix}: {error:#}")),
            }
        }
        if let Err(error) = self.write(&lines) {
            self.complain(&error.to_string());
        }
    }

    fn measure(&self, task: &Task, prefix: &str, due: &ProbeDue<'_>) -> anyhow::Result<Line> {
        let begun = Instant::now();
        let embedder = Embedder::in_training(due.model.clone());
        let quiet = Terminal::new(true, true);
        let features = embed_clips(&embedder, self.corpus, &task.clips(), &quiet)?;
        let seconds = self.corpus.manifest().settings.segment_seconds;
        let facts = encoder_facts("in training", &format!("update {}", due.update), &features, seconds);
        let result = task.probe(self.corpus, &features, &facts, &config())?.result;
        Ok(Line {
            update: due.update,
            stage: due.stage.to_owned(),
            tags: prefix.to_owned(),
            n_tags: result.per_tag.iter().filter(|tag| tag.roc_auc.is_some()).count(),
            roc_auc: result.roc_auc.mean,
            average_precision: result.average_precision.mean,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Whole lines of the file; one that a kill cut off is made again.
    fn lines(&self) -> Vec<Line> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn write(&self, lines: &[Line]) -> anyhow::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        Ok(files::write_atomic(&self.file, text.as_bytes())?)
    }

    fn complain(&mut self, what: &str) {
        if self.complained.insert(what.to_owned()) {
            self.terminal.complain("warning", what);
        }
    }
}

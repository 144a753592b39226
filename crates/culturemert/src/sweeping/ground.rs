//! What stays the same for all λ of a sweep: the models, the recordings, the questions, the probe. And one measurement: merge, embed, probe.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use burn::tensor::Device;
use corpus::{Corpus, Split};
use evaluate::{ProbeConfig, SideScore};
use mert::device::card_name;
use serde::{Deserialize, Serialize};
use study::results::SeedScore;
use weights::{LambdaSweep, LayerGroup, identity};

use crate::embedding::Embedder;
use crate::exit::Interrupted;
use crate::probing::{Task, embed_each, embed_recording, encoder_facts};

/// Changes whenever the same inputs give other numbers.
const VERSION: u32 = 1;

/// Of the time of a point, about what embedding takes; for progress only.
const SHARE_OF_EMBEDDING: f64 = 0.9;

/// One question to the probes.
pub(crate) struct Question {
    /// A culture, or what its tags begin with.
    pub(crate) name: String,
    pub(crate) task: Task,
}

/// What a sweep is a function of.
pub(crate) struct Ground<'a> {
    pub(super) merges: LambdaSweep,
    pub(super) factors: Vec<(LayerGroup, f64)>,
    pub(super) corpus: &'a Corpus,
    pub(super) questions: Vec<Question>,
    pub(super) config: ProbeConfig,
    /// As asked; by default as the base's preprocessor says.
    pub(super) normalise: Option<bool>,
    pub(super) device: Device,
    pub(super) stop: &'a AtomicBool,
}

/// What was measured of one merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measured {
    /// Content hash of the merged encoder.
    pub(super) content_hash: String,
    /// By question.
    pub(super) questions: BTreeMap<String, Answered>,
}

/// What was measured of one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    /// Tags that no probe can learn here.
    pub(super) left_out: Vec<String>,
    /// Every seed on the validation recordings.
    pub(super) validation: Vec<SeedScore>,
    /// Every seed on the test recordings, where they were asked.
    pub(super) test: Option<Vec<SeedScore>>,
}

impl Measured {
    pub(super) fn has_test(&self) -> bool {
        self.questions.values().all(|answered| answered.test.is_some())
    }

    /// Without what the test recordings say.
    pub(super) fn of_validation(&self) -> Self {
        let mut measured = self.clone();
        measured.questions.values_mut().for_each(|answered| answered.test = None);
        measured
    }
}

impl Ground<'_> {
    /// What all points of this sweep have in common, as a hash: measurements of one key and one λ are the same. `content_hashes` are those
    /// of base and models.
    pub(super) fn key(&self, content_hashes: &[String]) -> anyhow::Result<String> {
        let mut hasher = files::Hasher::default();
        hasher.part(VERSION.to_le_bytes()).part(env!("CARGO_PKG_VERSION"));
        hasher.part(self.merges.config().to_string());
        for hash in content_hashes {
            hasher.part(hash);
        }
        hasher.part(serde_json::to_string(&self.factors)?).part(self.corpus.content_hash());
        for Question { name, task } in &self.questions {
            hasher.part(name).part(task.fingerprint(self.corpus));
        }
        let preprocessor = self.merges.base().preprocessor().map(ToString::to_string);
        hasher.part(serde_json::to_string(&(&self.config, self.normalise, preprocessor))?);
        if let Some(card) = card_name(&self.device) {
            hasher.part(card);
        }
        Ok(hasher.finish().to_string())
    }

    /// Merges in memory, embeds what is asked, and probes. Test recordings are embedded and read only if `with_test`. `done` is told the
    /// share of the work that is.
    pub(super) fn measure(
        &self,
        lambdas: &[f64],
        with_test: bool,
        done: &(dyn Fn(f64) + Sync),
    ) -> anyhow::Result<Measured> {
        let go_on = || {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Interrupted(String::new()).into());
            }
            anyhow::Ok(())
        };
        go_on()?;
        let tensors = self.merges.tensors(lambdas, &self.factors)?;
        let content = tensors.content_hash();
        let embedder = Embedder::of_tensors(
            self.merges.config(),
            &tensors,
            self.merges.base(),
            self.normalise,
            &self.device,
        )?;
        drop(tensors);
        let splits: &[Split] = if with_test { &Split::ALL } else { &[Split::Train, Split::Valid] };
        let ranges = self.recordings(splits);
        let n_heard = AtomicUsize::new(0);
        let features = embed_each(&embedder, self.corpus, &ranges, |range| {
            let rows = embed_recording(&embedder, self.corpus, range)?;
            let n = n_heard.fetch_add(1, Ordering::Relaxed) + 1;
            done(SHARE_OF_EMBEDDING * n as f64 / ranges.len() as f64);
            go_on().map(|()| rows)
        })?;
        let hash = identity(self.merges.config(), content).to_string();
        let seconds = self.corpus.manifest().settings.segment_seconds;
        let facts = encoder_facts("merged in memory", &hash, &features, seconds);
        let mut questions = BTreeMap::new();
        for Question { name, task } in &self.questions {
            go_on()?;
            let measured = task.measure(self.corpus, &features, &facts, &self.config, with_test);
            let (validated, test) = measured.with_context(|| format!("probe of `{name}`"))?;
            let left_out = validated.left_out.into_iter().map(|left| left.tag).collect();
            let (validation, test) = (seeds(&validated.seeds), test.map(|test| seeds(&test)));
            questions.insert(name.clone(), Answered { left_out, validation, test });
        }
        done(1.0);
        Ok(Measured { content_hash: content.to_string(), questions })
    }

    /// Recordings of these splits of any question, each once.
    fn recordings(&self, splits: &[Split]) -> Vec<Range<usize>> {
        let all = self.questions.iter().flat_map(|question| question.task.clips_of(splits));
        let by_start: BTreeMap<usize, Range<usize>> = all.map(|range| (range.start, range)).collect();
        by_start.into_values().collect()
    }
}

fn seeds(scores: &[SideScore]) -> Vec<SeedScore> {
    let score =
        |side: &SideScore| SeedScore { seed: side.seed, roc_auc: side.first, average_precision: side.second };
    scores.iter().map(score).collect()
}

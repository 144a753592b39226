//! What a study does, as data.

use codec::FitSettings;
use evaluate::ProbeConfig;
use serde::{Deserialize, Serialize};

use crate::exit::usage;
use crate::inputs::must_exist;

/// Studies the program knows by name.
const PRESETS: [(&str, &str); 1] = [("pocket", include_str!("../../presets/pocket.toml"))];

/// A study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StudyPlan {
    /// Training plan the adapted models follow: a preset, or a TOML file.
    pub(crate) training: String,
    /// Seed of corpus, tokenizer and training.
    pub(crate) seed: u64,
    pub(crate) corpus: CorpusPlan,
    pub(crate) codec: CodecPlan,
    pub(crate) base: BasePlan,
    pub(crate) merge: SweepPlan,
    pub(crate) probe: ProbePlan,
}

/// The built-in corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorpusPlan {
    /// Minutes of each tradition.
    pub(crate) minutes: f64,
    /// Seconds of a piece.
    pub(crate) piece_seconds: f64,
}

/// The tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodecPlan {
    pub(crate) codebooks: usize,
    pub(crate) entries: usize,
    /// Frames it is fitted to.
    pub(crate) max_frames: usize,
}

/// The model that has heard Western music only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasePlan {
    pub(crate) updates: u64,
    /// Highest learning rate.
    pub(crate) peak: f64,
}

/// Task arithmetic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepPlan {
    /// Shared weights of the task vectors, ascending.
    pub(crate) lambdas: Vec<f64>,
    /// The one the tables show.
    pub(crate) shown: f64,
}

/// The probes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbePlan {
    pub(crate) hidden: usize,
    pub(crate) epochs: usize,
    pub(crate) seeds: Vec<u64>,
    /// Chunks a step.
    pub(crate) batch: usize,
    /// Tried in turn; the validation files choose.
    pub(crate) learning_rates: Vec<f64>,
}

impl StudyPlan {
    /// A preset, or a TOML file.
    pub(crate) fn find(name_or_path: &str) -> anyhow::Result<Self> {
        let text = if let Some((_, text)) = PRESETS.iter().find(|(name, _)| *name == name_or_path) {
            (*text).to_owned()
        } else {
            let path = std::path::Path::new(name_or_path);
            let known = PRESETS.map(|(name, _)| format!("`{name}`")).join(", ");
            let meant = nearest::did_you_mean(name_or_path, PRESETS.map(|(name, _)| name));
            must_exist(&format!("study plan (neither one of {known} nor a file)"), path)
                .map_err(|error| usage(format!("{error}{meant}")))?;
            std::fs::read_to_string(path)?
        };
        let plan: Self = toml::from_str(&text)
            .map_err(|error| usage(format!("`{name_or_path}`: {}", nearest::explain(error.message()))))?;
        plan.check().map_err(|reason| usage(format!("`{name_or_path}`: {reason}")))?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        let rises = self.merge.lambdas.windows(2).all(|pair| pair[0] < pair[1]);
        if self.merge.lambdas.is_empty()
            || !rises
            || !self.merge.lambdas.iter().all(|lambda| lambda.is_finite())
        {
            return Err("`merge.lambdas` must be rising numbers".into());
        }
        if !self.merge.lambdas.contains(&self.merge.shown) {
            return Err(format!("`merge.shown` is {}, which is none of `merge.lambdas`", self.merge.shown));
        }
        self.codec_settings().check().map_err(|error| format!("`codec`: {error}"))?;
        self.probe_config().check().map_err(|error| format!("`probe`: {error}"))
    }

    /// Settings of the tokenizer.
    pub(crate) fn codec_settings(&self) -> FitSettings {
        FitSettings {
            codebooks: self.codec.codebooks,
            entries: self.codec.entries,
            max_frames: self.codec.max_frames,
            seed: self.seed,
            ..FitSettings::pocket()
        }
    }

    /// Settings of the probes.
    pub(crate) fn probe_config(&self) -> ProbeConfig {
        ProbeConfig {
            layers: evaluate::Layers::All,
            hidden: self.probe.hidden,
            epochs: self.probe.epochs,
            seeds: self.probe.seeds.clone(),
            batch: self.probe.batch,
            learning_rates: self.probe.learning_rates.clone(),
            // Few and short recordings: features on one scale let the few steps there are count.
            standardise: true,
            bootstrap: None,
            ..ProbeConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_whole_and_slips_are_named() {
        for (name, text) in PRESETS {
            StudyPlan::find(name).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("study.toml");
            std::fs::write(&path, text.replace("epochs =", "epoch =")).unwrap();
            let message = StudyPlan::find(path.to_str().unwrap()).unwrap_err().to_string();
            assert!(message.contains("`epoch`"), "{message}");
        }
    }
}

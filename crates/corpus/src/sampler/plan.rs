use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Alignment, Clip, CorpusError, Split};

/// What a stage trains on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerPlan {
    /// Seed of the run.
    pub seed: u64,
    /// Number of the stage: stages draw independently, but from the same ordered material, so that a stage of fewer hours reads a part
    /// of what one of more hours reads.
    pub stage: u64,
    /// Items of an update, over all ranks and accumulation steps.
    pub batch: usize,
    /// Length of a crop, samples; 120000 is 5 s.
    pub crop_samples: usize,
    /// Split that is read.
    #[serde(default = "train")]
    pub split: Split,
    /// Where crops may start.
    #[serde(default)]
    pub alignment: Alignment,
    /// Cultures to train on; none named means all in the split that are not replayed.
    #[serde(default)]
    pub cultures: Vec<CultureHours>,
    /// Hours altogether, replay included. Not together with hours of single cultures.
    #[serde(default)]
    pub hours: Option<f64>,
    /// How often each culture is read.
    #[serde(default)]
    pub mixture: Mixture,
    /// What is replayed against forgetting.
    #[serde(default)]
    pub replay: Option<Replay>,
}

/// A culture to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CultureHours {
    /// Its name in the corpus.
    pub culture: String,
    /// Hours of it, or all there is.
    #[serde(default)]
    pub hours: Option<f64>,
    /// How often it is read, relative to the others, under [`Mixture::Weights`].
    #[serde(default)]
    pub weight: Option<f64>,
}

/// How often each culture is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixture {
    /// As often as it has hours in the material: one pass reads everything once.
    #[default]
    Proportional,
    /// All equally often.
    Equal,
    /// By the weights stated.
    Weights,
}

/// Music of before, mixed in against forgetting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Cultures that are replayed, together one pool.
    pub cultures: Vec<String>,
    /// Share of the items, above 0 and below 1.
    pub share: f64,
    /// Hours of it; by default `share` of the plan's hours, or all there is.
    #[serde(default)]
    pub hours: Option<f64>,
}

fn train() -> Split {
    Split::Train
}

/// A checked wish: who is read, for how long, how often.
pub(super) struct Asked {
    /// Cultures to train on, by name.
    pub(super) cultures: Vec<CultureHours>,
    /// Hours for all of them together, where single hours are not stated.
    pub(super) total_hours: Option<f64>,
    pub(super) replay: Option<Replay>,
}

impl SamplerPlan {
    /// A plan over all cultures of the training split: everything there is, in proportion.
    pub fn new(seed: u64, stage: u64, batch: usize, crop_samples: usize) -> Self {
        Self {
            seed,
            stage,
            batch,
            crop_samples,
            split: Split::Train,
            alignment: Alignment::default(),
            cultures: Vec::new(),
            hours: None,
            mixture: Mixture::default(),
            replay: None,
        }
    }

    pub(super) fn check(&self, clips: &[Clip]) -> Result<Asked, CorpusError> {
        let fail = |reason: String| Err(CorpusError::Plan(reason));
        if self.batch == 0 || self.crop_samples == 0 {
            return fail(format!(
                "a batch of {} crops of {} samples reads nothing",
                self.batch, self.crop_samples
            ));
        }
        let present: BTreeSet<&str> =
            clips.iter().filter(|clip| clip.split == self.split).map(|clip| clip.culture.as_str()).collect();
        let replayed: BTreeSet<&str> =
            self.replay.iter().flat_map(|replay| &replay.cultures).map(String::as_str).collect();
        let mut named = BTreeSet::new();
        for culture in
            self.cultures.iter().map(|culture| culture.culture.as_str()).chain(replayed.iter().copied())
        {
            if !present.contains(culture) {
                let there: Vec<&str> = present.iter().copied().collect();
                return fail(format!(
                    "the {} split has no `{culture}`, only: {}",
                    self.split,
                    there.join(", ")
                ));
            }
            if !named.insert(culture) {
                return fail(format!("`{culture}` is named twice"));
            }
        }
        let hours = self.cultures.iter().map(|culture| culture.hours).chain([self.hours]);
        for hours in hours.chain(self.replay.iter().map(|replay| replay.hours)).flatten() {
            if !(hours > 0.0 && hours <= 1e7) {
                return fail(format!("{hours} is no number of hours"));
            }
        }
        if self.hours.is_some() && self.cultures.iter().any(|culture| culture.hours.is_some()) {
            return fail("hours are stated both altogether and for single cultures; state one".into());
        }
        if let Some(replay) = &self.replay {
            if replay.cultures.is_empty() {
                return fail("no culture is named for the replay".into());
            }
            if !(replay.share > 0.0 && replay.share < 1.0) {
                return fail(format!("the replay's share {} is not between 0 and 1", replay.share));
            }
        }
        let cultures = if self.cultures.is_empty() {
            let all = present.iter().filter(|culture| !replayed.contains(*culture));
            all.map(|&culture| CultureHours { culture: culture.into(), hours: None, weight: None }).collect()
        } else {
            self.cultures.clone()
        };
        if cultures.is_empty() {
            return fail(format!("the {} split has no culture to train on", self.split));
        }
        self.check_weights(&cultures)?;
        let replay_share = self.replay.as_ref().map_or(0.0, |replay| replay.share);
        let replay = self.replay.clone().map(|replay| Replay {
            hours: replay.hours.or(self.hours.map(|hours| hours * replay.share)),
            ..replay
        });
        Ok(Asked { cultures, total_hours: self.hours.map(|hours| hours * (1.0 - replay_share)), replay })
    }

    fn check_weights(&self, cultures: &[CultureHours]) -> Result<(), CorpusError> {
        for CultureHours { culture, weight, .. } in cultures {
            let reason = match (self.mixture, weight) {
                (Mixture::Weights, None) => format!("`{culture}` has no weight"),
                (Mixture::Weights, Some(weight)) if !(*weight > 0.0 && *weight <= 1e6) => {
                    format!("`{culture}` has the weight {weight}, not one above 0")
                }
                (Mixture::Proportional | Mixture::Equal, Some(_)) => {
                    format!("`{culture}` has a weight, but the mixture is not `weights`")
                }
                _ => continue,
            };
            return Err(CorpusError::Plan(reason));
        }
        Ok(())
    }
}

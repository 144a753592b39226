//! What a stage hears: cultures, hours, how often each is read, and what is replayed against forgetting.
//!
//! Hours here are hours of material, the part of the corpus a stage may read; how long it trains on them is the stage's own number.
//! With a replay of share `s` and `h` hours of new music, the material is `h / (1 - s)` hours in all. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::PretrainError;
use crate::checks::positive;

/// The material of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StageData {
    /// Hours in all, replay included; without it, and without hours of single cultures, all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// How often each culture is read.
    pub mixture: Sharing,
    /// Cultures left out when none are named in `cultures`.
    pub except: Vec<String>,
    /// Cultures to train on; none named means all that are neither replayed nor left out.
    pub cultures: Vec<CultureHours>,
    /// What is replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// How often each culture is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// As often as it has hours.
    #[default]
    Proportional,
    /// All equally often.
    Equal,
    /// By the weights stated.
    Weights,
}

/// A culture to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CultureHours {
    /// Its name in the corpus.
    pub culture: String,
    /// Hours of it, or all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// How often it is read relative to the others, where `mixture` is `weights`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

impl CultureHours {
    /// All there is of a culture.
    pub fn all_of(culture: &str) -> Self {
        Self { culture: culture.into(), hours: None, weight: None }
    }
}

/// Music of before, mixed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Cultures that are replayed, together one pool.
    pub cultures: Vec<String>,
    /// Share of the crops, above 0 and below 1.
    pub share: f64,
    /// Hours of it; by default `share` of the hours in all, or all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
}

impl StageData {
    /// Hours of material, where the plan alone says it.
    pub fn hours_in_all(&self) -> Option<f64> {
        let replayed = self.replay.as_ref().map_or(0.0, |replay| replay.share);
        let of_cultures: Option<f64> = self.cultures.iter().map(|culture| culture.hours).sum();
        self.hours.or(of_cultures.filter(|_| !self.cultures.is_empty()).map(|hours| hours / (1.0 - replayed)))
    }

    /// The cultures to train on among those `present` in the corpus, in the order of `present` where none are named.
    pub fn cultures_of(&self, present: &[&str]) -> Vec<CultureHours> {
        if !self.cultures.is_empty() {
            return self.cultures.clone();
        }
        let replayed = self.replay.iter().flat_map(|replay| &replay.cultures);
        let out: BTreeSet<&str> = replayed.chain(&self.except).map(String::as_str).collect();
        present
            .iter()
            .filter(|culture| !out.contains(*culture))
            .map(|culture| CultureHours::all_of(culture))
            .collect()
    }

    pub(crate) fn check(&self, key: &str) -> Result<(), PretrainError> {
        if let Some(hours) = self.hours {
            positive(&format!("{key}.hours"), hours)?;
        }
        let mut named = BTreeSet::new();
        for (index, culture) in self.cultures.iter().enumerate() {
            let key = format!("{key}.cultures.{index}");
            if let Some(hours) = culture.hours {
                positive(&format!("{key}.hours"), hours)?;
                if self.hours.is_some() {
                    return Err(PretrainError::plan(
                        format!("{key}.hours"),
                        "hours are stated both in all and for single cultures; state one",
                    ));
                }
            }
            match (self.mixture, culture.weight) {
                (Sharing::Weights, Some(weight)) => positive(&format!("{key}.weight"), weight)?,
                (Sharing::Weights, None) => {
                    return Err(PretrainError::plan(
                        key,
                        "the mixture is `weights`, so a `weight` is needed",
                    ));
                }
                (_, Some(_)) => {
                    return Err(PretrainError::plan(
                        format!("{key}.weight"),
                        "is read only where `mixture` is `weights`",
                    ));
                }
                (_, None) => {}
            }
            if !named.insert(culture.culture.as_str()) {
                return Err(PretrainError::plan(key, format!("`{}` is named twice", culture.culture)));
            }
        }
        if self.mixture == Sharing::Weights && self.cultures.is_empty() {
            return Err(PretrainError::plan(
                format!("{key}.mixture"),
                "`weights` needs `cultures` with weights",
            ));
        }
        if !self.cultures.is_empty() && !self.except.is_empty() {
            return Err(PretrainError::plan(
                format!("{key}.except"),
                "is read only where `cultures` is empty",
            ));
        }
        self.check_replay(&format!("{key}.replay"), &named)
    }

    fn check_replay(&self, key: &str, named: &BTreeSet<&str>) -> Result<(), PretrainError> {
        let Some(replay) = &self.replay else { return Ok(()) };
        if !(replay.share > 0.0 && replay.share < 1.0) {
            return Err(PretrainError::plan(
                format!("{key}.share"),
                format!("{} is not between 0 and 1; to replay nothing leave `replay` out", replay.share),
            ));
        }
        if replay.cultures.is_empty() {
            return Err(PretrainError::plan(format!("{key}.cultures"), "names no culture"));
        }
        if let Some(both) = replay.cultures.iter().find(|culture| named.contains(culture.as_str())) {
            return Err(PretrainError::plan(
                format!("{key}.cultures"),
                format!("`{both}` is both trained on and replayed"),
            ));
        }
        replay.hours.map_or(Ok(()), |hours| positive(&format!("{key}.hours"), hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> StageData {
        StageData {
            cultures: vec![
                CultureHours { hours: Some(60.0), ..CultureHours::all_of("turkish-makam") },
                CultureHours { hours: Some(20.0), ..CultureHours::all_of("greek") },
            ],
            replay: Some(Replay { cultures: vec!["western".into()], share: 0.2, hours: None }),
            ..StageData::default()
        }
    }

    #[test]
    fn hours_in_all_count_the_replay() {
        assert_eq!(data().hours_in_all(), Some(100.0));
        assert_eq!(StageData::default().hours_in_all(), None);
        assert_eq!(StageData { hours: Some(7.0), ..StageData::default() }.hours_in_all(), Some(7.0));
    }

    #[test]
    fn unnamed_cultures_are_all_but_the_replayed_and_the_excepted() {
        let open = StageData { cultures: vec![], except: vec!["greek".into()], ..data() };
        let found = open.cultures_of(&["carnatic", "greek", "hindustani", "western"]);
        assert_eq!(found, [CultureHours::all_of("carnatic"), CultureHours::all_of("hindustani")]);
    }

    #[test]
    fn contradictions_name_their_key() {
        let message = |change: fn(&mut StageData)| {
            let mut changed = data();
            change(&mut changed);
            changed.check("stage.0.data").unwrap_err().to_string()
        };
        data().check("stage.0.data").unwrap();
        for (found, expected) in [
            (message(|data| data.hours = Some(3.0)), "`stage.0.data.cultures.0.hours`"),
            (message(|data| data.mixture = Sharing::Weights), "`stage.0.data.cultures.0`"),
            (message(|data| data.cultures[1].weight = Some(2.0)), "`stage.0.data.cultures.1.weight`"),
            (message(|data| data.cultures[1].culture = "western".into()), "`stage.0.data.replay.cultures`"),
            (message(|data| data.cultures[1].culture = "turkish-makam".into()), "named twice"),
            (message(|data| data.replay.as_mut().unwrap().share = 1.0), "`stage.0.data.replay.share`"),
            (message(|data| data.except.push("x".into())), "`stage.0.data.except`"),
        ] {
            assert!(found.contains(expected), "{found} has no {expected}");
        }
    }
}

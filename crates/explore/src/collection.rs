//! What a page shows.

use evaluate::map::Neighbours;

use crate::{ExploreError, Sound};

/// What a point of the map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A segment of a recording.
    Clip,
    /// A whole recording.
    Recording,
}

impl Unit {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Recording => "recording",
        }
    }
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// Culture as its community names it.
    pub culture: String,
    /// Tags, as in the corpus.
    pub tags: Vec<String>,
    /// Performer, album or session.
    pub group: Option<String>,
    /// What it is for: `train`, `valid` or `test`.
    pub split: String,
    /// Licence as stated.
    pub licence: Option<String>,
    /// Where it begins within its recording, seconds.
    pub start: f64,
    /// How long it is, seconds.
    pub seconds: f64,
    /// Whether it can be heard.
    pub sound: Sound,
}

/// The collection as one model sees it; every list has one entry an item.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelView {
    /// What the model is called.
    pub name: String,
    /// Places on its map, `[n, 2]`.
    pub plane: Vec<f32>,
    /// Nearest items by cosine, nearest first.
    pub neighbours: Neighbours,
    /// What else is to be said of it: names and values.
    pub facts: Vec<(String, String)>,
}

/// What a probe says of every item.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// What the probe is called.
    pub name: String,
    /// What its outputs mean.
    pub tags: Vec<String>,
    /// For each item its likeliest tags (positions in `tags`) with probabilities, likeliest first.
    pub likeliest: Vec<Vec<(usize, f64)>>,
}

/// Everything on a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// Title of the page.
    pub title: String,
    /// What a point is.
    pub unit: Unit,
    /// Neighbours that were asked for.
    pub k: usize,
    /// The points.
    pub items: Vec<Item>,
    /// One model, or two to compare.
    pub models: Vec<ModelView>,
    /// What probes say.
    pub predictions: Vec<Predictions>,
    /// What the page is made of: names and values.
    pub facts: Vec<(String, String)>,
}

impl Collection {
    /// Refuses what could not be shown truthfully.
    pub fn check(&self) -> Result<(), ExploreError> {
        let n = self.items.len();
        if n == 0 {
            return Err(ExploreError::Empty);
        }
        if !(1..=2).contains(&self.models.len()) {
            return Err(ExploreError::Models { found: self.models.len() });
        }
        for item in &self.items {
            if !item.start.is_finite() || !item.seconds.is_finite() {
                return Err(ExploreError::NotFinite { what: "the time", name: item.name.clone() });
            }
        }
        for model in &self.models {
            let name = &model.name;
            same_size(&format!("places of `{name}`"), 2 * n, model.plane.len())?;
            same_size(&format!("neighbours of `{name}`"), n, model.neighbours.len())?;
            if model.plane.iter().any(|x| !x.is_finite()) {
                return Err(ExploreError::NotFinite { what: "a place", name: name.clone() });
            }
            let highest = model.neighbours.iter().flatten().map(|one| one.index as usize + 1).max();
            if let Some(found) = highest.filter(|&found| found > n) {
                return Err(size(&format!("indices of neighbours of `{name}`"), n, found));
            }
        }
        for probe in &self.predictions {
            same_size(&format!("predictions of `{}`", probe.name), n, probe.likeliest.len())?;
            let highest = probe.likeliest.iter().flatten().map(|(tag, _)| tag + 1).max().unwrap_or(0);
            if highest > probe.tags.len() {
                return Err(size(&format!("tags of `{}`", probe.name), probe.tags.len(), highest));
            }
        }
        Ok(())
    }
}

fn same_size(what: &str, expected: usize, found: usize) -> Result<(), ExploreError> {
    if expected == found { Ok(()) } else { Err(size(what, expected, found)) }
}

fn size(what: &str, expected: usize, found: usize) -> ExploreError {
    ExploreError::Size { what: what.to_owned(), expected, found }
}

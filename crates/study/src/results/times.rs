//! What a study took. Times differ from run to run, so they stand in a file of their own and `results.json` is the same bytes every time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{StepTiming, StudyResults};

/// The content of `times.json`, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times<'a> {
    /// Every step, in the order they ran.
    pub steps: &'a [StepTiming],
    /// Every model that was made, by name.
    pub models: BTreeMap<&'a str, ModelTimes<'a>>,
}

/// What the making of a model took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelTimes<'a> {
    /// In all.
    pub seconds: f64,
    /// Its stages in order, with their names.
    pub stages: Vec<(&'a str, f64)>,
}

impl StudyResults {
    /// What it took.
    pub fn times(&self) -> Times<'_> {
        let models = self.models.iter().map(|model| {
            let stages = model.stages.iter().map(|stage| (stage.name.as_str(), stage.seconds)).collect();
            (model.name.as_str(), ModelTimes { seconds: model.seconds, stages })
        });
        Times { steps: &self.timings, models: models.collect() }
    }
}

//! Continual pre-training data as CultureMERT builds it: hours of the training splits of several data sets.
//!
//! The recordings of a training split are put in an order that the seed and the set's name determine, and taken from the front, whole, until
//! their whole crops of 5 s fill the hours; which are absent changes nothing in the order of the others. They are not cut to the evaluation's
//! maximum durations: within these the training splits hold fewer hours than the paper trains on. `prepare` makes 30 s segments of them, and a
//! training plan's hours and replay choose among those.
//!
//! Evaluation recordings (validation and test, of these sets and of sets named to be compared with) are hashed first. What has the id or the
//! content of one, or holds a moment of the same file, is left out and named; what was taken is compared once more at the end.

mod choose;
mod evaluation;
mod index_lines;
mod report;

use std::sync::atomic::AtomicBool;

pub use report::{DataReport, Excluded, GatheredSet, Overlap, UsedFile};

use self::evaluation::Evaluation;
use super::DataSetRequest;
use super::load::survey;
use crate::{Clip, CorpusError};

/// Whose hours are gathered.
#[derive(Clone, Debug)]
pub struct GatherRequest {
    /// Data sets to take training recordings from.
    pub sets: Vec<GatherSet>,
    /// Data sets whose evaluation splits are compared with too: short name and place.
    pub against: Vec<(String, DataSetRequest)>,
    /// Determines which recordings are taken.
    pub seed: u64,
    /// Minutes of each set's training split that are held out beyond its hours, as validation split: to watch the loss on.
    pub held_out_minutes: f64,
}

/// A data set to take recordings from.
#[derive(Clone, Debug)]
pub struct GatherSet {
    /// Its short name.
    pub name: String,
    /// Where it lies.
    pub request: DataSetRequest,
    /// Hours of it; by default the paper's, and where it states none all there is.
    pub hours: Option<f64>,
}

/// What was gathered: a report that lists every file.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// Hours asked and found, files used, overlap.
    pub report: DataReport,
}

/// Chooses the recordings. `progress` gets the number of recordings looked at so far; `stop` may be set at any time.
pub fn gather(
    request: &GatherRequest,
    stop: &AtomicBool,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Gathered, CorpusError> {
    request.check()?;
    let mut surveyed = Vec::with_capacity(request.sets.len());
    for set in &request.sets {
        let one = survey(&set.name, &set.request)?;
        one.refuse_unless_allowed(&set.request, false)?;
        surveyed.push(one);
    }
    let mut watch = choose::Watch { stop, progress, looked_at: 0 };
    let mut evaluation = Evaluation::default();
    for one in &surveyed {
        evaluation.add(one, &mut watch)?;
    }
    for (name, place) in &request.against {
        let one = survey(name, place)?;
        one.refuse_unless_allowed(place, false)?;
        evaluation.add(&one, &mut watch)?;
    }
    let mut sets: Vec<GatheredSet> = Vec::with_capacity(surveyed.len());
    for (set, one) in request.sets.iter().zip(&surveyed) {
        sets.push(choose::choose(set, one, request, &evaluation, &mut watch)?);
    }
    let overlap = evaluation.overlap(&sets);
    let report = DataReport::new(request.seed, sets, overlap);
    Ok(Gathered { report })
}

impl GatherRequest {
    fn check(&self) -> Result<(), CorpusError> {
        let fail = |name, reason: String| Err(CorpusError::Setting { name, reason });
        if self.sets.is_empty() {
            return fail("data", "no data set is named".into());
        }
        for (at, set) in self.sets.iter().enumerate() {
            if self.sets[..at].iter().any(|other| other.name == set.name) {
                return fail("data", format!("`{}` is named twice", set.name));
            }
            if let Some(hours) = set.hours
                && !(hours > 0.0 && hours <= 1e6)
            {
                return fail("hours", format!("{hours} of `{}` is no number of hours", set.name));
            }
        }
        if (0.0..=1e6).contains(&self.held_out_minutes) {
            return Ok(());
        }
        fail("held_out_minutes", format!("{} is no number of minutes", self.held_out_minutes))
    }
}

impl Gathered {
    /// Lines for `prepare`, one a recording; paths below `folder`, where the index will lie, are written relative to it.
    pub fn index(&self, folder: &std::path::Path) -> Result<String, CorpusError> {
        index_lines::of(&self.report, folder)
    }

    /// The clips that `prepare` will make, as far as their lengths tell: for a sampler to say what a plan would read of them.
    pub fn clips(&self) -> Vec<Clip> {
        index_lines::clips(&self.report)
    }
}

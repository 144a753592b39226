//! Models probed on data sets: sets from wherever they lie, features kept in a cache, probes, differences, one value with all of it.

mod extract;
mod extractor;
mod few;
mod frames;
mod kept;
mod open;
mod run;
mod set;
mod settings;

pub(crate) use extractor::Extractor;
pub(crate) use frames::{FrameRequest, FramesArgument};
pub(crate) use kept::Rows;
pub(crate) use open::{Contents, DataArgument, OpenRequest, Splits};
pub(crate) use run::{Baseline, EvaluationPlan, Subject, evaluate, keep_features};
pub(crate) use set::EvaluationSet;
pub(crate) use settings::{FeatureSettings, Normalise};

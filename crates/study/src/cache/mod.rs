//! Cached steps: what was computed once from the same inputs is not computed again.
//!
//! `key = sha256(canonical JSON of {inputs, name, tool})`. A step's output is the directory `steps/<name>-<key12>`; it exists
//! under that name only when it is whole, and `step.json`, written last, says which files it holds.

mod ledger;
mod lock;
mod record;
mod step;

pub use ledger::{Done, Event, Ledger};
pub use record::{OutputFile, StepRecord};
pub use step::Step;

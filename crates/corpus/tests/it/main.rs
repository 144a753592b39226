//! Whole runs of `prepare`, and what can be read afterwards.

#![expect(clippy::unwrap_used, reason = "tests: a failure here is the test's failure")]

mod annotations;
mod codes;
mod crop;
mod damage;
mod datasets;
mod faults;
mod gather;
mod helpers;
mod kept_splits;
#[path = "../../../audio/tests/it/makers/mod.rs"]
mod makers;
mod pieces;
mod prepare;
mod quarantine;
mod recordings;

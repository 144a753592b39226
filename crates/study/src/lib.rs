//! The experiment's cached steps, its results and its report.
//!
//! Four rooms, none of which computes or prints:
//! [`graph`] orders the steps of a study and says which are whose;
//! [`Ledger`] keeps what a step wrote and gives it back when the same step comes again;
//! [`results`] is the one value that holds every number of a study;
//! [`report`] turns that value into `results.json`, Markdown, CSV, LaTeX and one self-contained HTML page.
//! [`evaluation`] is the same for probes of any models on any data sets, with tables beside the paper's.
//! [`sweep`] is the value of merges measured for many λ, with its tables and figure.
//! [`findings()`] compares the value with the paper's claims; [`MeasuredTransfer`] is what adapting to one tradition gained on another.

mod ablation;
mod cache;
mod error;
pub mod evaluation;
pub mod findings;
pub mod graph;
mod markup;
mod numbers_file;
pub mod paper;
pub mod report;
pub mod results;
mod statistics;
mod svg;
pub mod sweep;
mod transfer;

pub use ablation::{SeedMeasures, SeedPair, ablation};
pub use cache::{Done, Event, Ledger, OutputFile, Step, StepRecord};
pub use error::StudyError;
pub use findings::findings;
pub use report::write_all;
pub use results::StudyResults;
pub use transfer::MeasuredTransfer;

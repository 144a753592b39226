//! Evaluation data sets as they lie on disk: which recordings, in which split, with which tags.

mod data_set;

pub use data_set::{DataSet, DataSetItem};

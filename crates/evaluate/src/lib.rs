//! Frozen-encoder probes, metrics with intervals, token similarity.
//!
//! Everything works on plain slices: features, labels and tokens come in as numbers, results go out as serialisable structs.
//!
//! - Metrics equal to scikit-learn's: [`tagging_metrics`], [`single_label_metrics`], [`regression_metrics`], with [`file_scores`] from
//!   chunks to files and intervals over files from [`bootstrap_intervals`] and [`bootstrap_differences`].
//! - Statistics of the tokens of cultures: [`TokenCounts`], [`similarity()`].
//!
//! **Invariant:** nothing here knows the engine, decodes audio or prints.

mod aggregate;
mod bootstrap;
mod error;
mod ranking;
mod regression;
mod simd;
mod similarity;
mod single_label;
mod tagging;

pub use aggregate::{Average, file_scores, logistic};
pub use bootstrap::{
    Bootstrap, Interval, TaggingDifferences, TaggingIntervals, bootstrap_differences, bootstrap_intervals,
};
pub use error::EvaluateError;
pub use regression::{RegressionMetrics, regression_metrics};
pub use similarity::{Matrix, Measures, Similarity, TokenCounts, similarity};
pub use single_label::{SingleLabelMetrics, single_label_metrics};
pub use tagging::{
    LOGIT_THRESHOLD, PROBABILITY_THRESHOLD, Score, Tagging, TaggingMetrics, average_precision, macro_roc_auc,
    roc_auc, tagging_metrics,
};

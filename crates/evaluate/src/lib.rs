//! Frozen-encoder probes, metrics with intervals, token similarity.
//!
//! Everything works on plain slices: features, labels and tokens come in as numbers, results go out as serialisable structs.
//!
//! - Metrics equal to scikit-learn's: [`tagging_metrics`], [`single_label_metrics`], [`regression_metrics`], with [`file_scores`] from
//!   chunks to files and intervals over files from [`bootstrap_intervals`] and [`bootstrap_differences`].
//! - Statistics of the tokens of cultures: [`TokenCounts`], [`similarity()`]; with counts kept by recording ([`RecordingCounts`]) everything in
//!   [`similarity_report`]: intervals over recordings, split-half floors, weights by similarity, the relation with transfer.
//! - The frozen-encoder probe: [`FeatureSet`]s checked by [`ProbeData`], trained and measured by [`probe()`], kept as [`Probe`];
//!   by [`measure`] for tags, classes and values alike, with [`scoring_differences`] between models; by [`validate`] where models are chosen.
//! - Embeddings as a map: nearest neighbours, principal components, a plane that keeps neighbourhoods ([`map`]).
//!
//! **Invariant:** nothing here knows the engine, decodes audio or prints.

mod aggregate;
mod bootstrap;
mod error;
pub mod map;
mod probe;
mod rank_correlation;
mod ranking;
mod regression;
mod similarity;
mod single_label;
mod tagging;

pub use aggregate::{Average, file_scores, logistic};
pub use bootstrap::{
    Bootstrap, Interval, PairDifferences, PairIntervals, Scoring, TaggingDifferences, TaggingIntervals,
    bootstrap_differences, bootstrap_intervals, scoring_differences, scoring_intervals,
};
pub use error::EvaluateError;
pub use probe::{
    Adam, AdamSettings, Answers, Dropout, EarlyStopping, EncoderFacts, Epoch, FeatureSet, FileFacts, Kind,
    Layers, LearningData, LeftOut, LeftOutReason, MeanStd, Measured, MeasuredOutcome, Mix, Network,
    OverSeeds, Plateau, Probe, ProbeConfig, ProbeData, ProbeFacts, ProbeOutcome, ProbeResult, Rows, SeedPair,
    SeedResult, Shape, SideScore, SplitSizes, Standardisation, TagResult, Targets, TensorPlace, Trial,
    Validated, Verdict, Window, WindowRule, input_length_pieces, measure, probe, side_by_side_clips,
    sliding_windows, validate, validate_and_test,
};
pub use rank_correlation::spearman;
pub use regression::{RegressionMetrics, regression_metrics};
pub use similarity::{
    Bounds, CountedRecording, CountsOrigin, CultureFloor, DivergenceUnit, Guidance, GuidedSource,
    GuidedTarget, Matrix, Measures, OverSplits, PairBounds, PairExcess, RankRelation, RecordingCounts,
    RelatedCell, Similarity, SimilarityIntervals, SimilarityReport, SimilarityRequest, SplitHalves,
    TokenCounts, TransferCell, TransferRelation, guide, guide_for, guided_weights, rank_relation, similarity,
    similarity_intervals, similarity_report, split_halves, transfer_relation,
};
pub use single_label::{SingleLabelMetrics, single_label_metrics};
pub use tagging::{
    LOGIT_THRESHOLD, PROBABILITY_THRESHOLD, Score, Tagging, TaggingMetrics, average_precision, macro_roc_auc,
    roc_auc, tagging_metrics,
};

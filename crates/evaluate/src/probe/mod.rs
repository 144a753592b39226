//! The frozen-encoder probe: how well a small network reads tags from an encoder's layers (MARBLE; Kanatas et al. 2025, section 4.2).
//!
//! Time-averaged layers `[L, D]` of each 30-second chunk, mixed over layers, one hidden layer of 512, binary cross entropy, Adam; the best epoch by macro
//! ROC-AUC on the validation files; logits averaged over the chunks of a file; five seeds, mean and standard deviation.
//! Everything is a function of (features, config): only start, order and dropout change with the seed.

mod adam;
mod answers;
mod backward;
mod config;
mod dropout;
mod features;
mod fit;
mod kind;
mod layers;
mod loss;
mod measured;
mod network;
mod over_seeds;
mod result;
mod run;
mod saved;
mod schedule;
mod shape;
mod sides;
mod splits;
mod standardisation;
mod train;
mod trained;
mod windows;

pub use adam::{Adam, AdamSettings};
pub use answers::Answers;
pub use config::{Layers, ProbeConfig};
pub use dropout::Dropout;
pub use features::{EncoderFacts, FeatureSet, FileFacts};
pub use kind::Kind;
pub use layers::Rows;
pub use loss::Targets;
pub use measured::{Measured, MeasuredOutcome, SeedPair, measure};
pub use network::Network;
pub use over_seeds::OverSeeds;
pub use result::{
    LeftOut, LeftOutReason, MeanStd, ProbeOutcome, ProbeResult, SeedResult, SplitSizes, TagResult, Trial,
};
pub use run::probe;
pub use schedule::{EarlyStopping, Plateau, Verdict};
pub use shape::{Mix, Shape, TensorPlace};
pub use sides::{SideScore, Validated, validate, validate_and_test};
pub use splits::{LearningData, ProbeData};
pub use standardisation::Standardisation;
pub use train::Epoch;
pub use trained::{Probe, ProbeFacts};
pub use windows::{Window, WindowRule, input_length_pieces, side_by_side_clips, sliding_windows};

//! Tokenizers: audio to discrete codes at 75 frames a second.
//!
//! A [`Tokenizer`] turns 24 kHz mono samples into `[frames, K]` codes of `K` codebooks, a whole recording at once or piece by piece
//! ([`CodeStream`]); [`open`] reads one from its files. [`Encodec`] is the published one, for which MERT's codes were made;
//! [`ResidualKMeans`] is fitted on the recordings at hand: [`Features`] make frames, a [`FrameSample`] collects some of them clip by clip,
//! [`ResidualKMeans::fit`] finds the codebooks.
//!
//! Knows nothing of the model that learns from the codes, nor of training. No engine: plain slices and matrix products.

mod codes;
mod directory;
mod encodec;
mod error;
mod features;
mod fit;
mod frame_sample;
mod kmeans;
mod panels;
mod quantiser;
mod residual_kmeans;
mod standardisation;
mod tensor_file;
mod tokenizer;

pub use codes::Codes;
pub use directory::{open, open_at};
pub use encodec::{Depth, Encodec, MERT_BANDWIDTH};
pub use error::CodecError;
pub use features::{FeatureExtractor, Features};
pub use fit::{CodebookStatistics, FitSettings, FitStatistics};
pub use frame_sample::FrameSample;
pub use residual_kmeans::ResidualKMeans;
pub use tokenizer::{CodeStream, HOP, Tokenizer, frames_of};

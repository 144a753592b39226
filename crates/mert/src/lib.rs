//! The MERT model: front end, encoder, masking, mixture, heads and loss.
//!
//! [`Mert`] is the encoder of HuBERT ([`Encoder`]) with the heads of pre-training ([`Heads`]). Parameters carry the names of the Hugging
//! Face checkpoint (`feature_extractor.conv_layers.0.conv.weight` …), heads those of fairseq; [`parameters`] reads and writes them.
//! Shape letters: B clips, L samples, T frames (75 a second), C front-end channels, D width, K codebooks, V classes of a codebook, N frames
//! of a loss. Activations are channels-last, `[B, T, C]`.
//!
//! **Invariant:** nothing here opens a file, prints or knows an optimiser. **Invariant:** every draw is keyed by the caller.

mod config;
mod cost;
mod draws_of_step;
mod encoder;
mod error;
mod front_end;
mod geometry;
mod heads;
mod initial;
pub mod masking;
pub mod mixture;
mod model;
mod objective;
pub mod parameters;
mod pos_conv;
mod recompute;
mod transformer;

pub use config::{ConvNorm, EncoderConfig, HeadsConfig};
pub use draws_of_step::{Regularisation, StepDraws};
pub use encoder::{Encoder, Observer, silent};
pub use error::MertError;
pub use geometry::Geometry;
pub use heads::Heads;
pub use kernels::{Precision, computes_in, device};
pub use model::Mert;
pub use objective::{Batch, Input, LossParts, Objective};

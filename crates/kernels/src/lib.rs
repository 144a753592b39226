//! Fused tensor operations of the model, forward and backward.
//!
//! Every operation has two forms behind one function on [`burn::Tensor`]: a hand-written CPU form (forward and backward on contiguous
//! float32 slices, see [`operation::CpuOperation`]) and a composition of the engine's own operations for every other device.
//! Activations are channels-last, `[B, T, C]`. Shape letters: B clips, T frames, C or D channels, O output channels, K taps, G groups, H heads.
//!
//! Pure maths: no files, nothing of MERT.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a tensor is a handle, and the engine's operations take handles by value"
)]
#![cfg_attr(test, allow(clippy::float_cmp, reason = "tests say which numbers are exact"))]

mod adam;
mod attention;
#[cfg(feature = "card")]
mod card;
mod channel_norm;
mod code_loss;
mod conv1d;
pub mod device;
mod dropout;
mod elementary;
mod first_block;
mod gather;
mod gelu;
mod grouped_conv;
mod layer_norm;
mod linear;
mod mean_square;
mod memory;
pub mod operation;
mod parallel;
mod precision;
mod residual_norm;
mod scale_gradient;
mod weight_norm;
mod windows;

pub use adam::{AdamState, AdamStep};
pub use attention::{Attention, attention};
pub use channel_norm::channel_norm;
pub use code_loss::{CodeLoss, code_logits, code_loss};
pub use conv1d::{conv1d, conv1d_gelu};
pub use dropout::{DropoutKey, dropout};
pub use first_block::{FirstBlock, Moments, first_block};
pub use gather::gather_frames;
pub use gelu::gelu;
pub use grouped_conv::grouped_conv1d;
pub use layer_norm::layer_norm;
pub use linear::{linear, linear_gelu};
pub use mean_square::mean_square;
pub use precision::{Precision, computes_in};
pub use residual_norm::{ResidualNorm, residual_norm};
pub use scale_gradient::scale_gradient;
pub use weight_norm::weight_norm;
pub use windows::windowed_product;

//! Model files: read, check, write, convert, merge.
//!
//! Everything here works on plain named tensors. Big files are read one tensor at a time through [`TensorSource`]; what is
//! read from outside is hostile until checked, and nothing is dropped in silence: missing, unused and ignored tensors are
//! listed in a report.

mod error;
mod tensors;

pub use error::WeightsError;
pub use tensors::{
    Dtype, RawTensor, SafetensorsFile, SafetensorsWriter, ShardedFile, Tensor, TensorInfo, TensorSource,
    TensorStream, Tensors, open_source, read_safetensors, stream, write_safetensors,
};

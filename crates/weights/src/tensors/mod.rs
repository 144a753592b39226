//! Named tensors in memory and in safetensors files.

mod dtype;
mod named;
mod raw;
mod reader;
mod sharded;
mod sharded_writer;
mod source;
mod writer;

pub use dtype::Dtype;
pub(crate) use named::hash_tensor;
pub use named::{Tensor, Tensors};
pub use raw::{RawTensor, TensorInfo};
pub(crate) use reader::VECTOR_BASE;
pub use reader::{SafetensorsFile, read_safetensors};
pub(crate) use sharded::is_torch;
pub use sharded::{ShardedFile, open_source};
pub use sharded_writer::ShardedWriter;
pub use source::{TensorSource, TensorStream, stream};
pub use writer::{SafetensorsWriter, write_safetensors, write_source};

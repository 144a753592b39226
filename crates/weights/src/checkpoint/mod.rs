//! Checkpoints of torch and fairseq: read without running any of the code they name.

mod fairseq_config;
mod import;
mod legacy;
mod machine;
mod node;
mod torch;
mod tree;
mod zip;

pub use fairseq_config::hf_config;
pub use import::{Imported, convert_to_hf, import_checkpoint};
pub use torch::{StateDict, TorchCheckpoint};

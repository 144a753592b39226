//! Checkpoints of torch and fairseq: read without running any of the code they name, and written.

mod export;
mod fairseq_config;
mod import;
mod legacy;
mod pickle_writer;
mod torch;
mod training_settings;
mod tree;
mod zip;
mod zip_writer;

pub use export::{CqtConstants, ExportReport, convert_to_fairseq};
pub use fairseq_config::hf_config;
pub use import::{ConvertReport, Imported, convert_to_hf, import_checkpoint};
pub use torch::{StateDict, TorchCheckpoint};
pub use training_settings::{TrainingSettings, training_settings};

//! Models: names of tensors, the shapes a configuration asks for, model directories, lineage and card.

mod adapt;
mod canonical;
mod card;
mod directory;
mod fairseq_tensors;
mod licence;
mod lineage;
mod names;
mod shape;
mod staging;

pub use adapt::{Adapted, LoadReport, Placed, Unused, adapt, heads_of, place};
pub use canonical::Canonical;
pub use card::Card;
pub use directory::{ModelDirectory, ModelFiles, identity, preprocessor_config};
pub use fairseq_tensors::{FairseqTensor, fairseq_names, to_fairseq_tensors};
pub use licence::{Refusal, Terms};
pub use lineage::{DataOrigin, HeadsOrigin, Lineage, ParentModel, StageRecord, VectorOrigin};
pub use names::{FrontEndNorm, Place, fairseq_name, locate};
pub use shape::ModelShape;

pub(crate) use directory::{read_json, read_text, write_texts, write_vector_texts, written_config};
pub(crate) use staging::replace_directory;

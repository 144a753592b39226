//! From recordings on disk to a prepared corpus and the crops drawn from it.
//!
//! [`prepare`] reads an index (or a folder per culture), decodes every recording to 24 kHz mono, cuts it into segments and lays them
//! down as [`Corpus`]; what cannot be used goes to quarantine with its reason. [`Sampler`] says which crop an item of an update reads.
//!
//! **Invariant:** two runs over the same sources with the same settings write the same bytes, whatever the number of threads.
//! **Invariant:** no file outside the corpus directory is named by the corpus, and none is opened through it.

/// Samples between two code frames at 24 kHz: 75 frames a second, the hop of MERT, EnCodec and the CQT targets alike.
pub const FRAME_SAMPLES: u64 = 320;

/// Samples of a crop: 5 s at 24 kHz, what MERT and CultureMERT train on.
pub const CROP_SAMPLES: usize = 120_000;

mod annotations;
mod assemble;
mod clip;
mod codes;
mod collate;
mod container;
mod containment;
mod corpus;
pub mod datasets;
mod decode;
mod error;
mod index;
mod leaks;
mod links;
mod manifest;
mod part;
mod passes;
mod prepare;
mod progress;
mod quarantine;
mod replace;
mod report;
mod sample_format;
mod sampler;
mod saved_splits;
mod segments;
mod settings;
mod shards;
mod split;
mod stratify;
mod survey;
mod table;

pub use annotations::{AnnotatedFrame, AnnotationKind, Annotations, FRAMES_A_SECOND, middle_of_frame};
pub use clip::Clip;
pub use codes::{CodesHeader, CodesReader, CodesWriter, ShardCodesWriter};
pub use collate::{Alignment, CollateRule, Collated, CollatedClip, collate};
pub use corpus::Corpus;
pub use error::CorpusError;
pub use index::{Cut, Index, Recording, read_index};
pub use leaks::GroupLeak;
pub use manifest::{Manifest, Shard};
pub use prepare::{PrepareRequest, prepare, prepare_index};
pub use progress::Progress;
pub use quarantine::{Quarantined, Reason};
pub use report::{PrepareReport, Prepared, SplitSum};
pub use sample_format::SampleFormat;
pub use sampler::{
    Crop, CultureHours, HeldOut, Material, Mixture, Replay, Sampler, SamplerPlan, held_out_crops,
};
pub use saved_splits::{SplitsKept, keep_splits};
pub use settings::{JobShare, PrepareSettings, SplitShares};
pub use split::Split;
pub use stratify::redraw_splits;

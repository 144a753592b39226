//! Model files: read, check, write, convert, merge.
//!
//! Everything here works on plain named tensors. Big files are read one tensor at a time through [`TensorSource`]; what is
//! read from outside is hostile until checked, and nothing is dropped in silence: missing, unused and ignored tensors are
//! listed in a report.

mod checkpoint;
mod compare;
mod error;
mod inspect;
mod merge;
mod model;
mod tensors;

pub use checkpoint::{
    ConvertReport, CqtConstants, ExportReport, Imported, StateDict, TorchCheckpoint, TrainingSettings,
    convert_to_fairseq, convert_to_hf, hf_config, import_checkpoint, training_settings,
};
pub use compare::{Comparison, Difference, compare, compare_sources};
pub use error::WeightsError;
pub use inspect::{Kind, ListedTensor, Listing, inspect};
pub use merge::{
    CoordinateSearch, DareRescale, LambdaSweep, LayerGroup, MergeMethod, MergeModel, MergeOutput,
    MergeParameters, MergePlan, MergeReport, ModelParameters, NamedSetting, Proposal, SearchRound, Searched,
    Setting, TaskVectorStatistics, TensorRule, VectorReport, best_lambdas, carry_out, dare_mask,
    dare_with_mask, merge_directories, merge_files, merge_in_memory, merge_planned, merge_tensor,
    merge_tensors, slerp, task_vector_statistics, trim, write_task_vector, write_task_vector_file,
};
pub use model::{
    Adapted, Canonical, Card, DataOrigin, FairseqTensor, FrontEndNorm, HeadsOrigin, Lineage, LoadReport,
    ModelDirectory, ModelFiles, ModelShape, ParentModel, Place, Placed, Refusal, StageRecord, Terms, Unused,
    VectorOrigin, adapt, fairseq_name, fairseq_names, heads_of, identity, locate, place, preprocessor_config,
    to_fairseq_tensors,
};
pub use tensors::{
    Dtype, RawTensor, SafetensorsFile, SafetensorsWriter, ShardedFile, ShardedWriter, Tensor, TensorInfo,
    TensorSource, TensorStream, Tensors, open_source, read_safetensors, stream, write_safetensors,
    write_source,
};

//! Merging models in weight space: task arithmetic, averages, TIES, DARE and SLERP over plain tensors, one at a time.

mod directories;
mod layer_group;
mod plan;
mod rules;
mod run;
mod search;
mod setting;
mod sparsify;
mod statistics;
mod sweep;
mod task_vector;

pub use directories::{MergeOutput, MergeReport, carry_out, merge_directories, merge_files, merge_planned};
pub use layer_group::LayerGroup;
pub use plan::{MergeMethod, MergeModel, MergeParameters, MergePlan, ModelParameters};
pub use rules::{TensorRule, slerp};
pub use run::{merge_in_memory, merge_tensor, merge_tensors};
pub use search::{CoordinateSearch, Proposal, SearchRound, Searched, best_lambdas};
pub use setting::{NamedSetting, Setting};
pub use sparsify::{DareRescale, dare_mask, dare_with_mask, trim};
pub use statistics::{TaskVectorStatistics, task_vector_statistics};
pub use sweep::LambdaSweep;
pub(crate) use task_vector::VECTOR;
pub use task_vector::{VectorReport, write_task_vector, write_task_vector_file};

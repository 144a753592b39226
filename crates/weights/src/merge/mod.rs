//! Merging models in weight space: task arithmetic, averages, TIES, DARE and SLERP over plain tensors, one at a time.

mod directories;
mod plan;
mod rules;
mod run;
mod sparsify;
mod statistics;

pub use directories::{MergeReport, merge_directories, merge_files, merge_planned};
pub use plan::{MergeMethod, MergeModel, MergeParameters, MergePlan, ModelParameters, NamedSetting, Setting};
pub use rules::{TensorRule, slerp};
pub use run::{merge_tensor, merge_tensors};
pub use sparsify::{DareRescale, dare_mask, dare_with_mask, trim};
pub use statistics::{TaskVectorStatistics, task_vector_statistics};

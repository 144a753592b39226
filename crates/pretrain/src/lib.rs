//! Two-stage continual pre-training.
//!
//! What a user writes is a [`TrainFile`]; checked, with every default filled in and the arithmetic done, it is a [`TrainPlan`], and only the
//! plan reaches the loop. A [`Schedule`] says the rate of an update, [`Adam`] takes the step, [`Log`] and [`Checkpoints`] keep what happened.
//!
//! **Invariant:** nothing here but the update loop knows the engine; plan, schedule, optimiser, log and checkpoints work on plain values.
//! **Invariant:** a log and a checkpoint are functions of (plan, weights, corpus, seed), but for the seconds they report.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "tests say which numbers are exact"))]

mod adam;
mod calibrate;
mod checkpoint;
mod checks;
mod crc32c;
mod error;
mod example;
mod file;
mod gradient;
mod gradient_sum;
mod health;
mod init;
mod loader;
mod log;
mod measure;
mod memory;
mod model_config;
mod model_io;
mod objective;
mod overrides;
mod plan;
mod precision;
mod preset;
mod ranks;
mod record;
mod run;
mod run_folder;
#[cfg(test)]
mod run_tests;
mod scaler;
mod schedule;
mod schedule_file;
mod sections;
mod sitting;
mod spectrum;
mod stage;
mod stage_data;
mod tally;
mod tensor_file;
mod tensorboard;
#[cfg(test)]
mod trace_tests;
mod trainable;
mod trained;
mod values;
mod variants;
mod wording;

pub use adam::{Adam, DecayOn, EpsPlacement, Parameter};
pub use calibrate::{Calibration, Estimate, HeldOutCost, StageCost, calibrate};
pub use checkpoint::{Checkpoint, Checkpoints, Newest, Retention, Skipped, TrainState};
pub use error::PretrainError;
pub use example::example;
pub use file::{ModelFile, TrainFile};
pub use gradient::{Clip, ClipRule, GradientNorm, gradient_norm};
pub use gradient_sum::GradientSum;
pub use health::{Health, HealthPlan, SkippedRow, SpikePolicy};
pub use init::{HeadsFile, HeadsFrom, Init};
pub use log::Log;
pub use memory::{Memory, memory};
pub use model_config::{MODELS, ModelInit};
pub use model_io::{load_model, model_of};
pub use objective::{AlphaReading, ObjectivePlan};
pub use plan::{ModelPlan, StageTotals, TrainPlan};
pub use precision::{Compute, PrecisionPlan};
pub use preset::{PRESETS, preset};
#[cfg(feature = "mpi")]
pub use ranks::Mpi;
pub use ranks::{Alone, Lost, Ranks, ThreadRank, Threads, together};
pub use record::{
    Accuracies, CropRecord, Difference, DriftRecord, HeldOutRecord, LogLine, Losses, RolledBackRecord,
    Timing, UpdateRecord,
};
pub use run::{Event, Finished, Outcome, ProbeDue, RunRequest, run};
pub use run_folder::{RunFolder, RunIdentity};
pub use scaler::{LossScaler, ScalerSettings, Verdict};
pub use schedule::{Constant, Cosine, Polynomial, Schedule};
pub use schedule_file::{Curve, ScheduleFile};
pub use sections::{
    Alignment, CheckpointPlan, CropPlan, DropoutPlan, HeldOutPlan, MaskingPlan, MixturePlan, MixtureReading,
    ProbePlan, RunPlan,
};
pub use stage::{OptimizerState, StageFile, StagePlan};
pub use stage_data::{CultureHours, Replay, Sharing, StageData};
pub use tensor_file::{NamedTensor, TensorRef, read_tensors, write_tensors};
pub use tensorboard::TensorBoard;
pub use trainable::{TrainableReport, trainable};
pub use wording::sampler_plan;

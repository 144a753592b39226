//! Everything that can go wrong, with the value it went wrong with.

use std::path::{Path, PathBuf};

use nearest::did_you_mean;

use crate::record::Difference;

/// Why a plan, a run folder, a log or a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// The configuration is no TOML, or has a key, a type or a value that is not known.
    #[error("`{source_name}`: {message}")]
    Config {
        /// File or preset.
        source_name: String,
        /// What is wrong, with the known keys where a key is unknown.
        message: String,
    },
    /// A `--set key=value` that does not fit the configuration.
    #[error("`--set {assignment}`: {message}")]
    Override {
        /// The argument as given.
        assignment: String,
        /// What is wrong.
        message: String,
    },
    /// A value that is understood but makes no run.
    #[error("`{key}`: {message}")]
    Plan {
        /// Dotted key, as `--set` takes it.
        key: String,
        /// What is wrong and what is possible.
        message: String,
    },
    /// The plan's constant-Q transform cannot be made.
    #[error("`objective.cqt_bins`: {0}")]
    Spectrum(#[from] audio::AudioError),
    /// No preset of this name.
    #[error("there is no preset `{name}`, only: {known}; or give the path of a TOML file{}", did_you_mean(name, known.split(", ")))]
    Preset {
        /// The name asked for.
        name: String,
        /// The presets there are.
        known: String,
    },
    /// A name pattern that fits no parameter.
    #[error(
        "stage `{stage}`: the pattern `{pattern}` fits none of the {n_names} parameters, whose first is `{first}`{meant}"
    )]
    Pattern {
        /// Name of the stage.
        stage: String,
        /// The pattern.
        pattern: String,
        /// Parameters there are.
        n_names: usize,
        /// One of them, to show how names look.
        first: String,
        /// The pattern that was meant, as the end of the sentence; empty where none is near.
        meant: String,
    },
    /// Nothing is left to train.
    #[error("stage `{stage}`: every one of the {n_names} parameters is frozen, so nothing would be trained")]
    NothingTrains {
        /// Name of the stage.
        stage: String,
        /// Parameters there are.
        n_names: usize,
    },
    /// Too many updates in a row without a step, and what they heard.
    #[error(
        "update {update}: {count} updates in a row were skipped because loss or gradient was not finite or the loss jumped, on {crops}; look at these recordings, lower the learning rate, or raise `health.max_skipped`"
    )]
    Unhealthy {
        /// The last of them, counted from 1.
        update: u64,
        /// How many.
        count: u64,
        /// Recordings and where in them.
        crops: String,
    },
    /// The loss scale of float16 cannot shrink further.
    #[error(
        "update {update}: gradients overflow even at a loss scale of {scale}, on {crops}; look at these recordings, lower the learning rate, or compute in `float32`"
    )]
    LossScaleExhausted {
        /// The update, counted from 1.
        update: u64,
        /// The scale.
        scale: f64,
        /// Recordings and where in them.
        crops: String,
    },
    /// The corpus has codes of other codebooks than the plan predicts.
    #[error(
        "the codes `{tokenizer}` have {found} and the plan predicts {planned}; set `objective.codebooks` and `objective.entries`, or tokenize anew"
    )]
    Codes {
        /// Hash of the tokenizer.
        tokenizer: String,
        /// Codebooks and entries of the codes.
        found: String,
        /// Codebooks and entries of the plan.
        planned: String,
    },
    /// The model that training begins with has no heads of pre-training, or others than the plan trains.
    #[error(
        "{reason}; take heads from a checkpoint that has them with `--heads FILE`, or begin with new ones with `--fresh-heads`"
    )]
    Heads {
        /// Whose heads they are and what is wrong with them.
        reason: String,
    },
    /// The plan names no model and none was given.
    #[error(
        "the plan has no `model.init`, so there is nothing to start from scratch; give a model with `--init`"
    )]
    NoModel,
    /// The model refused.
    #[error(transparent)]
    Model(#[from] mert::MertError),
    /// The corpus refused.
    #[error(transparent)]
    Corpus(#[from] corpus::CorpusError),
    /// A model's files refused.
    #[error(transparent)]
    Weights(#[from] weights::WeightsError),
    /// Another rank could not go on.
    #[error("rank {rank} cannot go on: {message}")]
    Rank {
        /// Which one.
        rank: usize,
        /// Why, in its words.
        message: String,
    },
    /// Ranks do not see the same.
    #[error(
        "the ranks do not see the same: on rank 0 {what} {first}, on rank {rank} {there}; give all of them the same program, files and kind of processor"
    )]
    RanksDiffer {
        /// The first that differs from rank 0.
        rank: usize,
        /// What differs.
        what: String,
        /// What it is on rank 0.
        first: String,
        /// What it is on the other.
        there: String,
    },
    /// The others are not heard of any more.
    #[error("{0}; what the last checkpoint holds is kept, go on with `--resume`")]
    Lost(#[from] crate::Lost),
    /// The run was begun from something else.
    #[error(
        "`{run}` cannot be resumed: {first}{more}; go on with what it was begun with, choose another folder, or add `--accept-drift` to go on all the same",
        more = more(changes.len()),
        first = changes.first().map(ToString::to_string).unwrap_or_default()
    )]
    Drift {
        /// Run folder.
        run: PathBuf,
        /// What differs, at least one thing.
        changes: Vec<Difference>,
    },
    /// The folder holds a run.
    #[error("`{0}` holds a run already; add `--resume` to go on with it, or choose another folder")]
    RunExists(PathBuf),
    /// There is nothing to resume.
    #[error("`{0}` holds no run to resume; leave out `--resume` to begin one")]
    NoRun(PathBuf),
    /// A file of the run folder whose content makes no sense.
    #[error("`{file}`: {message}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The disk refused.
    #[error(transparent)]
    Files(#[from] files::FilesError),
}

/// How many things differ besides the first.
fn more(n_changes: usize) -> String {
    match n_changes {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    }
}

impl PretrainError {
    pub(crate) fn plan(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Plan { key: key.into(), message: message.into() }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let wrap = files::FilesError::io(action, path);
        move |source| Self::Files(wrap(source))
    }

    pub(crate) fn damaged(file: &Path, message: impl std::fmt::Display) -> Self {
        Self::Damaged { file: file.into(), message: message.to_string() }
    }

    /// Whether the command was wrong (exit code 2), as opposed to the work having failed (exit code 1).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Config { .. }
                | Self::Override { .. }
                | Self::Plan { .. }
                | Self::Preset { .. }
                | Self::Pattern { .. }
                | Self::NothingTrains { .. }
                | Self::Codes { .. }
                | Self::Heads { .. }
                | Self::NoModel
                | Self::Drift { .. }
                | Self::RunExists(_)
                | Self::NoRun(_)
        )
    }
}

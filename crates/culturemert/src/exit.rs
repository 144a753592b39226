//! From an error to its sentence and its exit code.

use std::fmt;
use std::process::ExitCode;

use crate::terminal::Terminal;

/// The command was wrong: exit code 2.
const USAGE: u8 = 2;
/// The work failed: exit code 1.
const FAILED: u8 = 1;
/// Stopped by a signal after saving: exit code 130.
const INTERRUPTED: u8 = 130;

/// A wrong command: a missing file, a value that cannot be.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Stopped by a signal, with everything saved that was done.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Stopped by a signal or a caller; `sentence` says what is kept and how to go on.
pub fn interrupted(sentence: impl Into<String>) -> anyhow::Error {
    Interrupted(sentence.into()).into()
}

/// Stopped where nothing is kept that was begun.
pub(crate) fn stopped() -> anyhow::Error {
    Interrupted("nothing was written; the same command begins anew".into()).into()
}

/// Which kind of failure an error is, for its exit code or its exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request was wrong: a missing file, a value that cannot be.
    Usage,
    /// The work failed.
    Work,
    /// The work was asked to stop, and what it had done is safe.
    Interrupted,
}

impl Failure {
    /// The kind of `error`, which its text `{error:#}` says in one sentence.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<Interrupted>() || is_stopped(error) {
            Self::Interrupted
        } else if is_usage(error) {
            Self::Usage
        } else {
            Self::Work
        }
    }
}

fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<evaluate::EvaluateError>(), Some(evaluate::EvaluateError::Stopped))
}

/// An error that another rank tells the user.
#[derive(Debug)]
#[cfg_attr(not(feature = "mpi"), allow(dead_code, reason = "one process tells its errors itself"))]
pub(crate) struct Told(pub(crate) anyhow::Error);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Told {}

/// A wrong command, as an error.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Says what went wrong, in one sentence on stderr, and which exit code that is.
pub(crate) fn report(error: &anyhow::Error, terminal: &Terminal) -> ExitCode {
    if let Some(Told(error)) = error.downcast_ref() {
        return code(Failure::of(error));
    }
    let failure = Failure::of(error);
    let kind = if failure == Failure::Interrupted { "interrupted" } else { "error" };
    terminal.complain(kind, &format!("{error:#}"));
    code(failure)
}

fn code(failure: Failure) -> ExitCode {
    ExitCode::from(match failure {
        Failure::Usage => USAGE,
        Failure::Work => FAILED,
        Failure::Interrupted => INTERRUPTED,
    })
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.downcast_ref::<pretrain::PretrainError>().is_some_and(pretrain::PretrainError::is_usage)
            || matches!(
                cause.downcast_ref::<corpus::CorpusError>(),
                Some(
                    corpus::CorpusError::Setting { .. }
                        | corpus::CorpusError::Index { .. }
                        | corpus::CorpusError::IndexLine { .. }
                        | corpus::CorpusError::UnknownDataSet { .. }
                )
            )
    })
}

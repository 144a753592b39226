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
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Says what went wrong, in one sentence on stderr, and which exit code that is.
pub(crate) fn report(error: &anyhow::Error, terminal: &Terminal) -> ExitCode {
    if let Some(Told(error)) = error.downcast_ref() {
        return code(error);
    }
    match error.downcast_ref::<Interrupted>() {
        Some(interrupted) => terminal.complain("interrupted", &interrupted.0),
        None => terminal.complain("error", &format!("{error:#}")),
    }
    code(error)
}

fn code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(match () {
        () if error.is::<Interrupted>() => INTERRUPTED,
        () if is_usage(error) => USAGE,
        () => FAILED,
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

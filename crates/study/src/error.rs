use std::path::PathBuf;

/// What can go wrong while steps are kept and results are read and written.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The disk refused.
    #[error(transparent)]
    Files(#[from] files::FilesError),
    /// A step's name could not be a directory's name.
    #[error(
        "step name `{name}` is not usable, use 1 to 80 of the characters a-z, A-Z, 0-9, `-`, `_` and `.`, not starting with `.`"
    )]
    StepName {
        /// The name.
        name: String,
    },
    /// Steps that make no graph, or steps asked for that there are not.
    #[error("{reason}")]
    Graph {
        /// What is wrong, in a sentence.
        reason: String,
    },
    /// The file system cannot lock files.
    #[error("could not lock `{}`: {source}; keep the study on a local disk", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A step left something that is neither a file nor a directory, or a name that is not UTF-8.
    #[error("step `{step}` left `{}`, which is {what}; write plain files with plain names only", path.display())]
    NotPlain {
        /// The step.
        step: String,
        /// What it left.
        path: PathBuf,
        /// What that is.
        what: &'static str,
    },
    /// A results file is of another schema.
    #[error("`{}` has results schema {found}, this version reads schema {needed}; write it anew with this version", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The schema it states.
        found: u64,
        /// The schema we read.
        needed: u32,
    },
    /// A results file is no results file.
    #[error("`{}` is not a readable results file: {reason}", path.display())]
    NotResults {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A results value contradicts itself.
    #[error("results are not usable: `{field}` {reason}")]
    Inconsistent {
        /// Where.
        field: String,
        /// What is wrong there.
        reason: String,
    },
}

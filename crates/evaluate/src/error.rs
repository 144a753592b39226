//! What can go wrong when measuring.

use std::path::PathBuf;

/// An input that cannot be evaluated, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Two things that must fit each other do not.
    #[error("{what}: expected {expected}, found {found}")]
    Size {
        /// Which quantity.
        what: String,
        /// The value that would fit.
        expected: usize,
        /// The value given.
        found: usize,
    },
    /// There is nothing to measure.
    #[error("{what} is empty")]
    Empty {
        /// What has no element.
        what: String,
    },
    /// A statistic needs more examples than there are.
    #[error("{what} needs at least {needed} examples, found {found}")]
    TooFew {
        /// Which statistic.
        what: String,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A NaN or an infinity.
    #[error("{what}: element {index} is `{value}`, not a finite number")]
    NotFinite {
        /// Which list.
        what: String,
        /// Where in it.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// A label outside its range.
    #[error("{what}: label {index} is `{value}`, allowed are 0 to {largest}")]
    Label {
        /// Which list.
        what: String,
        /// Where in it.
        index: usize,
        /// What stands there.
        value: u64,
        /// The largest allowed value.
        largest: u64,
    },
    /// A metric over tags has no tag it is defined for.
    #[error("none of the {n_tags} tags has both positive and negative examples in {what}")]
    NoTagWithBothClasses {
        /// Which examples.
        what: String,
        /// How many tags were looked at.
        n_tags: usize,
    },
    /// A file of a single-label task with no class or with several.
    #[error("`{file}` of {split} has {found} classes; a single-label task needs exactly one")]
    NotOneClass {
        /// Its split.
        split: String,
        /// The file.
        file: String,
        /// Classes it has.
        found: usize,
    },
    /// The same recording, or recordings of one group, on both sides of a split.
    #[error(
        "{first} and {second} share {n} {by}, for instance `{example}`; a recording and its group must be in one split only"
    )]
    Overlap {
        /// One split.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// How many values they share.
        n: usize,
        /// One of them.
        example: String,
        /// What they share: ids, contents or groups.
        by: &'static str,
    },
    /// The same name twice where names must differ.
    #[error("{what} `{name}` is given twice")]
    Twice {
        /// What is named.
        what: String,
        /// The name.
        name: String,
    },
    /// A culture without a single token has no distribution.
    #[error("culture `{culture}` has no tokens, so no distribution")]
    EmptyCulture {
        /// Its name.
        culture: String,
    },
    /// A token the codebook does not hold.
    #[error("token {index} of codebook {codebook} is {value}, but a codebook has {n_entries} entries")]
    Token {
        /// Which codebook.
        codebook: usize,
        /// Which frame of the block given.
        index: usize,
        /// The token.
        value: u16,
        /// Entries of a codebook.
        n_entries: usize,
    },
    /// A setting outside its range.
    #[error("setting `{name}` is {value}: {requirement}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it has to be.
        requirement: String,
    },
    /// Training left the numbers that can be computed with.
    #[error(
        "the loss of seed {seed} became `{loss}` in epoch {epoch}, step {step}; lower the learning rate `{learning_rate}`"
    )]
    Diverged {
        /// The seed.
        seed: u64,
        /// Epoch, from 0.
        epoch: usize,
        /// Step in the epoch, from 0.
        step: usize,
        /// What the loss became.
        loss: f64,
        /// At which learning rate.
        learning_rate: f64,
    },
    /// It was asked to stop.
    #[error("stopped before the probe was trained")]
    Stopped,
    /// A file that is not a probe we can use.
    #[error("`{}` is not a usable probe: {reason}", path.display())]
    ProbeFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that does not hold token counts.
    #[error("`{}` does not hold usable token counts: {reason}", path.display())]
    CountsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Files(#[from] files::FilesError),
}

impl EvaluateError {
    /// Whether recordings or their tags are at fault, so that other data may still be measured.
    pub fn is_of_data(&self) -> bool {
        matches!(
            self,
            Self::Empty { .. }
                | Self::TooFew { .. }
                | Self::NoTagWithBothClasses { .. }
                | Self::NotOneClass { .. }
                | Self::Overlap { .. }
        )
    }
}

/// Fails unless `found` is `expected`.
pub(crate) fn same_size(what: &str, expected: usize, found: usize) -> Result<(), EvaluateError> {
    if expected == found {
        return Ok(());
    }
    Err(EvaluateError::Size { what: what.to_owned(), expected, found })
}

/// Fails at the first NaN or infinity of `values`.
pub(crate) fn all_finite<S: Copy + Into<f64>>(what: &str, values: &[S]) -> Result<(), EvaluateError> {
    match values.iter().position(|&value| !value.into().is_finite()) {
        None => Ok(()),
        Some(index) => {
            Err(EvaluateError::NotFinite { what: what.to_owned(), index, value: values[index].into() })
        }
    }
}

use std::path::PathBuf;

use files::FilesError;

use crate::{JobShare, Split};

/// What can go wrong between recordings and crops.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The disk refused, or an array on it is damaged.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The index as a whole cannot be used.
    #[error("index `{}`: {reason}", index.display())]
    Index {
        /// The index file or folder.
        index: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One line of the index cannot be used.
    #[error("index `{}`, line {line}: {reason}", index.display())]
    IndexLine {
        /// The index file.
        index: PathBuf,
        /// Line number, the first line being 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no data set of this name.
    #[error("there is no data set `{name}`, only: {known}{}", nearest::did_you_mean(name, known.split(", ")))]
    UnknownDataSet {
        /// What was asked for.
        name: String,
        /// All there are.
        known: String,
    },
    /// A data set on disk is not what it should be.
    #[error("data set `{name}`: {reason}")]
    DataSet {
        /// Its short name.
        name: String,
        /// What is wrong with it, with counts, and what to do.
        reason: String,
    },
    /// A setting has a value that makes no sense.
    #[error("setting `{name}`: {reason}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// Test data would train: the same content stands in two splits.
    #[error(
        "`{first}` ({first_split}) and `{second}` ({second_split}) are the same recording in two splits{}; leave one out", and_more(*others)
    )]
    Leak {
        /// One source.
        first: String,
        /// Its split.
        first_split: Split,
        /// The other source.
        second: String,
        /// Its split.
        second_split: Split,
        /// How many more pairs there are.
        others: usize,
    },
    /// More recordings are broken than the settings allow.
    #[error("{quarantined} of {asked} recordings are quarantined ({reasons}), above the allowed share {allowed}: see `{}`", list.display())]
    TooManyQuarantined {
        /// How many are quarantined.
        quarantined: usize,
        /// How many the index names.
        asked: usize,
        /// Counts by reason, as text.
        reasons: String,
        /// The share that was allowed.
        allowed: f64,
        /// Where file and reason are listed.
        list: PathBuf,
    },
    /// The caller asked to stop; a rerun continues.
    #[error("interrupted after {done} of {total} recordings; run the same command again to continue")]
    Interrupted {
        /// Recordings that need no more decoding.
        done: usize,
        /// Recordings asked for.
        total: usize,
    },
    /// Jobs that share the work have not finished.
    #[error(
        "share {} is not done: {items} {what} are missing, the first is `{first}`; run it again with `--shard`",
        and_list(shares)
    )]
    SharesMissing {
        /// The jobs that have something missing.
        shares: Vec<JobShare>,
        /// What the items are, in the plural.
        what: &'static str,
        /// How many are missing.
        items: usize,
        /// The first of them.
        first: String,
    },
    /// The output directory holds a finished corpus of other sources or settings.
    #[error("`{}` holds a corpus prepared from other {what}; choose another directory or ask for it to be replaced", out.display())]
    OtherCorpus {
        /// The output directory.
        out: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The output directory holds things we did not write.
    #[error("`{}` holds `{found}`, which is no part of a corpus; choose an empty directory or move it away", out.display())]
    Occupied {
        /// The output directory.
        out: PathBuf,
        /// The first thing found in it.
        found: String,
    },
    /// There is no finished corpus.
    #[error("`{}` holds no finished corpus: {reason}", dir.display())]
    Unfinished {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A file of the corpus is not what it should be.
    #[error("`{}`: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A crop reaches outside its clip.
    #[error("clip `{clip}` has {samples} samples, so {n} from {start} cannot be read")]
    OutOfClip {
        /// The clip's id.
        clip: String,
        /// Its length.
        samples: u64,
        /// First sample asked for.
        start: u64,
        /// Number of samples asked for.
        n: u64,
    },
    /// Codes cannot be written or read.
    #[error("codes `{tokenizer}`: {reason}")]
    Codes {
        /// Hash of the tokenizer.
        tokenizer: String,
        /// What is wrong.
        reason: String,
    },
    /// A sampler's plan does not fit the corpus.
    #[error("sampler: {0}")]
    Plan(String),
}

impl CorpusError {
    pub(crate) fn damaged(file: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Damaged { file: file.into(), reason: reason.into() }
    }
}

fn and_list(shares: &[JobShare]) -> String {
    let shares: Vec<String> = shares.iter().map(JobShare::to_string).collect();
    shares.join(", ")
}

fn and_more(pairs: usize) -> String {
    match pairs {
        0 => String::new(),
        1 => ", and so is one more pair".into(),
        _ => format!(", and so are {pairs} more pairs"),
    }
}

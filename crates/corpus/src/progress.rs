use crate::Reason;

/// What `prepare` tells while it works. Files come in any order, and so may the counts: threads do not wait for each other.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Files were hashed.
    Hashed {
        /// How many so far.
        done: usize,
        /// Of how many.
        total: usize,
    },
    /// A recording was decoded, or found decoded by an earlier run.
    Decoded {
        /// How many recordings are done with, those in quarantine included.
        done: usize,
        /// Of how many.
        total: usize,
        /// Seconds of audio in it.
        seconds: f64,
    },
    /// A recording cannot be used.
    Quarantined {
        /// How many recordings are done with, this one included.
        done: usize,
        /// Of how many.
        total: usize,
        /// Its name.
        file: &'a str,
        /// Why, in a word.
        reason: Reason,
        /// Why, in a sentence.
        detail: &'a str,
    },
    /// An array file of the corpus was written.
    Stored {
        /// How many so far.
        done: usize,
        /// Of how many.
        total: usize,
    },
}

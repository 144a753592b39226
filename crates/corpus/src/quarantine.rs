use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a recording cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its path or a link leads out of the folders that recordings may lie in.
    Outside,
    /// There is no file of this name.
    Absent,
    /// The file is there but the system does not let us read it.
    Unreadable,
    /// The file has no bytes, or no samples.
    Empty,
    /// The name says another format than the bytes.
    WrongExtension,
    /// Its bytes are no recording.
    NotAudio,
    /// It is a recording of a kind that no decoder here reads.
    Unsupported,
    /// Its header states no channels.
    NoChannels,
    /// Its header states numbers that no recording has.
    AbsurdHeader,
    /// No decoder makes sense of it.
    Undecodable,
    /// It ends before its header says.
    Truncated,
    /// It holds samples that are no numbers.
    NotFinite,
    /// Nothing sounds in it.
    Silent,
    /// It is shorter than the shortest clip we keep.
    TooShort,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outside => "outside",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::WrongExtension => "wrong-extension",
            Self::NotAudio => "not-audio",
            Self::Unsupported => "unsupported",
            Self::NoChannels => "no-channels",
            Self::AbsurdHeader => "absurd-header",
            Self::Undecodable => "undecodable",
            Self::Truncated => "truncated",
            Self::NotFinite => "not-finite",
            Self::Silent => "silent",
            Self::TooShort => "too-short",
        })
    }
}

/// One line of `quarantine.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Name of the recording inside the corpus.
    pub file: String,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub detail: String,
}

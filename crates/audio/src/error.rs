use std::path::{Path, PathBuf};

/// Why a recording cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No byte, or no sample.
    Empty,
    /// The data ends, or breaks, before the length that the container states.
    Truncated,
    /// Not a recording in a known container.
    NotAudio,
    /// A sample is NaN or infinite.
    NotFinite,
    /// The header states no channel.
    NoChannels,
    /// The header states a sample rate or a length that cannot be.
    AbsurdHeader,
    /// A container or codec that we do not decode.
    Unsupported,
    /// The decoder broke on it.
    Undecodable,
    /// The disk refused.
    Io,
}

/// What can go wrong between a file and its samples.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The file holds no byte or no sample.
    #[error("`{}` is empty: {detail}", path.display())]
    Empty {
        /// The recording.
        path: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// The data ends, or breaks, before its stated end.
    #[error("`{}` is truncated or damaged: {detail}; fetch it again", path.display())]
    Truncated {
        /// The recording.
        path: PathBuf,
        /// Where it ends and where it should.
        detail: String,
    },
    /// Not a recording.
    #[error("`{}` is not audio: {detail}", path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A sample that is not a number.
    #[error("`{}` holds a sample that is not finite, at {seconds:.3} s", path.display())]
    NotFinite {
        /// The recording.
        path: PathBuf,
        /// Where the first such sample lies.
        seconds: f64,
    },
    /// No channel.
    #[error("`{}` states zero channels", path.display())]
    NoChannels {
        /// The recording.
        path: PathBuf,
    },
    /// A number of the header cannot be.
    #[error("`{}` has an absurd header: {detail}", path.display())]
    AbsurdHeader {
        /// The recording.
        path: PathBuf,
        /// The number.
        detail: String,
    },
    /// A container or codec that is not decoded.
    #[error("`{}` cannot be decoded: {detail}; convert it to flac or wav", path.display())]
    Unsupported {
        /// The recording.
        path: PathBuf,
        /// What is not supported.
        detail: String,
    },
    /// The decoder panicked; only this recording is lost.
    #[error("`{}` cannot be decoded: {detail}; fetch it again, or convert it to flac or wav", path.display())]
    Undecodable {
        /// The recording.
        path: PathBuf,
        /// What the decoder said.
        detail: String,
    },
    /// The disk refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting has a value that makes no sense.
    #[error("setting `{name}` is `{value}`; {needed}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        needed: &'static str,
    },
}

impl AudioError {
    /// The kind of fault, for those who count and sort.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Empty { .. } => Fault::Empty,
            Self::Truncated { .. } => Fault::Truncated,
            Self::NotAudio { .. } => Fault::NotAudio,
            Self::NotFinite { .. } => Fault::NotFinite,
            Self::NoChannels { .. } => Fault::NoChannels,
            Self::AbsurdHeader { .. } | Self::Setting { .. } => Fault::AbsurdHeader,
            Self::Unsupported { .. } => Fault::Unsupported,
            Self::Undecodable { .. } => Fault::Undecodable,
            Self::Io { .. } => Fault::Io,
        }
    }
}

/// A fault that does not know its file yet; the readers below the public surface speak of bytes, not of paths.
#[derive(Debug)]
pub(crate) enum Flaw {
    Empty(String),
    Truncated(String),
    NotAudio(String),
    NotFinite { seconds: f64 },
    NoChannels,
    Absurd(String),
    Unsupported(String),
    Undecodable(String),
    Io(std::io::Error),
}

impl Flaw {
    /// Names the file.
    pub(crate) fn of(self, path: &Path) -> AudioError {
        let path = path.to_path_buf();
        match self {
            Self::Empty(detail) => AudioError::Empty { path, detail },
            Self::Truncated(detail) => AudioError::Truncated { path, detail },
            Self::NotAudio(detail) => AudioError::NotAudio { path, detail },
            Self::NotFinite { seconds } => AudioError::NotFinite { path, seconds },
            Self::NoChannels => AudioError::NoChannels { path },
            Self::Absurd(detail) => AudioError::AbsurdHeader { path, detail },
            Self::Unsupported(detail) => AudioError::Unsupported { path, detail },
            Self::Undecodable(detail) => AudioError::Undecodable { path, detail },
            Self::Io(source) => AudioError::Io { path, source },
        }
    }
}

impl From<std::io::Error> for Flaw {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            Self::Truncated("the file ends inside its header".into())
        } else {
            Self::Io(error)
        }
    }
}

//! What is asked of a data set on disk.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a data set lies and how strictly it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSetRequest {
    /// Folder of the recordings.
    pub audio: PathBuf,
    /// Folder of the split and tag files, or one that holds a folder for each data set; by default the audio folder itself, then
    /// `metadata/` inside it.
    pub metadata: Option<PathBuf>,
    /// Go on where recordings or tags are missing, or the tags are of another version than the published ones; the result is marked.
    pub allow_missing: bool,
    /// Which of the published splits of MagnaTagATune; the other sets have one.
    pub split: MtatSplit,
}

impl DataSetRequest {
    /// The whole data set in `audio`, nothing missing.
    pub fn new(audio: impl Into<PathBuf>) -> Self {
        Self { audio: audio.into(), metadata: None, allow_missing: false, split: MtatSplit::default() }
    }
}

/// Published splits of MagnaTagATune into clips for training, validation and test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtatSplit {
    /// That of pxaris/ccml and minzwon/sota-music-tagging-models.
    #[default]
    Ccml,
    /// That of jongpillee/music_dataset_split: the same clips in validation and test, its own list for training.
    Jongpillee,
}

impl MtatSplit {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ccml, Self::Jongpillee];
}

impl fmt::Display for MtatSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ccml => "ccml",
            Self::Jongpillee => "jongpillee",
        })
    }
}

impl FromStr for MtatSplit {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|split| split.to_string() == name)
            .ok_or_else(|| format!("unknown split `{name}`, expected `ccml` or `jongpillee`"))
    }
}

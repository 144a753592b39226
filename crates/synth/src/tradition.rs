//! The five traditions of the built-in corpus, under the names their folders carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SynthError;
use crate::vocabulary::vocabulary;

/// The licence note of every piece: nothing was recorded, nobody's performance is in it.
pub const LICENCE: &str = "synthetic";

/// A synthetic musical tradition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tradition {
    /// Turkish makam music: makam, usul, heterophony.
    TurkishMakam,
    /// Hindustani music: raga, tala, drone, glides.
    Hindustani,
    /// Carnatic music: raga, tala, drone, gamaka.
    Carnatic,
    /// Greek popular and island music: dromoi and dance rhythms.
    Greek,
    /// Western tonal music: major and minor with chords.
    Western,
}

impl Tradition {
    /// Every tradition, in the order results are listed.
    pub const ALL: [Self; 5] =
        [Self::TurkishMakam, Self::Hindustani, Self::Carnatic, Self::Greek, Self::Western];

    /// Folder name, also the value of the `tradition:` tag.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TurkishMakam => "turkish-makam",
            Self::Hindustani => "hindustani",
            Self::Carnatic => "carnatic",
            Self::Greek => "greek",
            Self::Western => "western",
        }
    }

    /// Every tag a piece of this tradition can carry, sorted. A small plan uses fewer (see [`plan`](crate::plan())).
    pub fn tags(self) -> Vec<String> {
        vocabulary(self).tags()
    }

    /// Position in [`Self::ALL`]: the coordinate that keys this tradition's draws.
    pub(crate) const fn index(self) -> u64 {
        self as u64
    }
}

impl fmt::Display for Tradition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tradition {
    type Err = SynthError;

    fn from_str(text: &str) -> Result<Self, SynthError> {
        Self::ALL
            .into_iter()
            .find(|tradition| tradition.name() == text)
            .ok_or_else(|| SynthError::UnknownTradition(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for (index, tradition) in Tradition::ALL.into_iter().enumerate() {
            assert_eq!(tradition.name().parse::<Tradition>().unwrap(), tradition);
            assert_eq!(tradition.index(), index as u64);
        }
        assert!("klingon".parse::<Tradition>().unwrap_err().to_string().contains("`klingon`"));
    }
}

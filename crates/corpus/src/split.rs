use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a recording is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains models and probes.
    Train,
    /// Chooses among them.
    Valid,
    /// Is looked at once, at the end.
    Test,
}

impl Split {
    /// All splits in their usual order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        })
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "train" => Ok(Self::Train),
            "valid" | "validation" | "val" => Ok(Self::Valid),
            "test" => Ok(Self::Test),
            _ => Err(format!("unknown split `{name}`, expected `train`, `valid` or `test`")),
        }
    }
}

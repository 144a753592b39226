//! What a probe is asked: any number of tags, one class of several, or values.

use serde::{Deserialize, Serialize};

/// The kind of a task; loss, choice of the epoch and test metrics follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Any number of tags a file: binary cross entropy; macro ROC-AUC and macro average precision.
    #[default]
    Tags,
    /// One class a file: cross entropy; accuracy and macro F1 over the classes seen.
    Classes,
    /// Values a file: squared error on targets of mean 0 and deviation 1; R² and Pearson's r, means over targets.
    Values,
}

impl Kind {
    /// Names of the two metrics, the first of which chooses epochs, learning rates and layers on the validation files.
    pub fn metrics(self) -> [&'static str; 2] {
        match self {
            Self::Tags => ["ROC-AUC", "AP"],
            Self::Classes => ["accuracy", "macro F1"],
            Self::Values => ["R²", "r"],
        }
    }
}

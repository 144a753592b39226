//! A claim of the paper against our numbers.

use serde::{Deserialize, Serialize};

/// What our numbers say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They show it, beyond the spread over seeds.
    Shown,
    /// They show that it does not hold here, beyond the spread over seeds.
    NotShown,
    /// The spread over seeds, or the number of files, does not allow an answer.
    TooSmallToTell,
    /// This study did not compute what the claim is about.
    NotMeasured,
}

impl Verdict {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::NotShown => "not shown",
            Self::TooSmallToTell => "too small to tell",
            Self::NotMeasured => "not measured",
        }
    }
}

/// One claim and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Short name, stable between versions.
    pub id: String,
    /// The paper's claim in our words.
    pub claim: String,
    /// What the paper reports.
    pub paper: String,
    /// What we found.
    pub ours: String,
    /// What that says.
    pub verdict: Verdict,
    /// How the verdict was reached and what limits it.
    pub explanation: String,
}

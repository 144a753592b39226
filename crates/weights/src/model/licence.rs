//! What a licence allows to be said about what was made under it.
//!
//! Whether a model is an adaptation of its training data is not settled; this takes the cautious reading, in which every term of the data
//! and of earlier models holds for what is made of them. A licence whose text tells nothing allows no claim. Pure.

use std::fmt;

/// What a licence asks of those who pass on what was made under it, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Nothing: public domain, CC0, recordings made by a program.
    Free,
    /// The conditions of a named licence.
    Conditions {
        /// No commercial use.
        non_commercial: bool,
        /// What is made of it is passed on under the same licence.
        share_alike: bool,
        /// Nothing made of it is passed on.
        no_derivatives: bool,
    },
    /// Given out for research or to those who ask: nothing may be passed on under a licence of one's own choice.
    ResearchOnly,
    /// The text does not tell.
    Unknown,
}

impl Terms {
    /// Reads the name of a licence as people write it: `CC BY-NC-SA 4.0`, `cc-by-nc-4.0`, `CC0`, `MIT`, `research only`.
    pub fn of(licence: &str) -> Self {
        let lower = licence.to_lowercase();
        let has = |part: &str| lower.contains(part);
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let word = |wanted: &str| words.contains(&wanted);
        let non_commercial = word("nc")
            || (word("commercial") && ["non", "no", "not"].into_iter().any(word))
            || has("noncommercial");
        if has("research") || has("on request") || has("not public") || has("all rights reserved") {
            return Self::ResearchOnly;
        }
        if word("cc0")
            || has("public domain")
            || word("publicdomain")
            || word("pddl")
            || words == ["synthetic"]
        {
            return Self::Free;
        }
        let creative_commons = (word("cc") || has("creative commons")) && (word("by") || has("attribution"));
        // The German word is no licence.
        let permissive = ["apache", "bsd", "isc"].into_iter().any(word) || (word("mit") && words.len() <= 2);
        if creative_commons || permissive || non_commercial {
            return Self::Conditions {
                non_commercial,
                share_alike: word("sa") || has("sharealike") || has("share alike"),
                no_derivatives: word("nd") || has("noderiv") || has("no deriv"),
            };
        }
        Self::Unknown
    }

    /// Whether commercial use is ruled out, by the licence's name or because nothing but research is allowed.
    pub fn is_non_commercial(self) -> bool {
        matches!(self, Self::ResearchOnly | Self::Conditions { non_commercial: true, .. })
    }

    /// Why an excerpt may not be passed on with its licence and authors named; `None` where it may. A part of a work is something made of it.
    pub fn forbid_excerpt(self) -> Option<Refusal> {
        match self {
            Self::Free | Self::Conditions { no_derivatives: false, .. } => None,
            Self::Conditions { no_derivatives: true, .. } => Some(Refusal::NoDerivatives),
            Self::ResearchOnly => Some(Refusal::ResearchOnly),
            Self::Unknown => Some(Refusal::Unknown),
        }
    }

    /// Why what was made under these terms cannot be passed on under `claimed`; `None` where it can.
    pub fn forbid(self, claimed: Self) -> Option<Refusal> {
        let (non_commercial, share_alike, no_derivatives) = match self {
            Self::Free => return None,
            Self::Unknown => return Some(Refusal::Unknown),
            Self::ResearchOnly => return Some(Refusal::ResearchOnly),
            Self::Conditions { non_commercial, share_alike, no_derivatives } => {
                (non_commercial, share_alike, no_derivatives)
            }
        };
        if no_derivatives {
            return Some(Refusal::NoDerivatives);
        }
        let Self::Conditions { non_commercial: claims_nc, share_alike: claims_sa, .. } = claimed else {
            return Some(if non_commercial { Refusal::NonCommercial } else { Refusal::Conditions });
        };
        if non_commercial && !claims_nc {
            return Some(Refusal::NonCommercial);
        }
        // The same licence: a claim that adds a condition is another one.
        (share_alike && (!claims_sa || claims_nc != non_commercial)).then_some(Refusal::ShareAlike)
    }
}

/// Why a licence does not allow a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It forbids commercial use and the claim does not.
    NonCommercial,
    /// It asks for the same licence.
    ShareAlike,
    /// It has conditions, such as naming the authors, that the claim drops.
    Conditions,
    /// It allows nothing made of it to be passed on.
    NoDerivatives,
    /// It allows research only, or is given out on request.
    ResearchOnly,
    /// What it allows is not known.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonCommercial => "forbids commercial use",
            Self::ShareAlike => "asks for the same licence",
            Self::Conditions => "has conditions that the claim drops",
            Self::NoDerivatives => "allows nothing made of it to be passed on",
            Self::ResearchOnly => "is given out for research or on request only",
            Self::Unknown => "does not tell what it allows",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_licences_as_people_write_them() {
        let terms =
            |nc, sa, nd| Terms::Conditions { non_commercial: nc, share_alike: sa, no_derivatives: nd };
        for (text, expected) in [
            ("CC0-1.0", Terms::Free),
            ("Public Domain Mark 1.0", Terms::Free),
            ("synthetic", Terms::Free),
            ("CC BY 4.0", terms(false, false, false)),
            ("cc-by-sa-3.0", terms(false, true, false)),
            ("CC-BY-NC-4.0", terms(true, false, false)),
            ("CC BY-NC-SA, as Magnatune gives out its recordings", terms(true, true, false)),
            ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0", terms(true, false, true)),
            ("Apache-2.0", terms(false, false, false)),
            ("MIT", terms(false, false, false)),
            ("non-commercial", terms(true, false, false)),
            ("not for commercial use", terms(true, false, false)),
            ("mit freundlicher Genehmigung", Terms::Unknown),
            ("for research, given out on request to holders of an account", Terms::ResearchOnly),
            ("not public: the audio is that of the films", Terms::ResearchOnly),
            ("each track under the licence its artist chose", Terms::Unknown),
            ("synthetic speech of somebody", Terms::Unknown),
            ("submit", Terms::Unknown),
            ("", Terms::Unknown),
        ] {
            assert_eq!(Terms::of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_claimed_of_what() {
        let forbid = |source: &str, claimed: &str| Terms::of(source).forbid(Terms::of(claimed));
        for claimed in ["CC0-1.0", "MIT", "CC-BY-NC-4.0", "something"] {
            assert_eq!(forbid("CC0-1.0", claimed), None);
        }
        assert_eq!(forbid("CC-BY-4.0", "CC0-1.0"), Some(Refusal::Conditions));
        assert_eq!(forbid("CC-BY-4.0", "CC-BY-NC-4.0"), None);
        assert_eq!(forbid("CC-BY-NC-4.0", "MIT"), Some(Refusal::NonCommercial));
        assert_eq!(forbid("CC-BY-NC-4.0", "CC0-1.0"), Some(Refusal::NonCommercial));
        assert_eq!(forbid("CC-BY-NC-4.0", "something"), Some(Refusal::NonCommercial));
        assert_eq!(forbid("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"), None);
        assert_eq!(forbid("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"), Some(Refusal::ShareAlike));
        assert_eq!(forbid("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"), None);
        assert_eq!(forbid("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"), Some(Refusal::ShareAlike));
        assert_eq!(forbid("CC-BY-ND-4.0", "CC-BY-ND-4.0"), Some(Refusal::NoDerivatives));
        assert_eq!(forbid("for research only", "CC-BY-NC-4.0"), Some(Refusal::ResearchOnly));
        assert_eq!(forbid("as the artist chose", "CC-BY-NC-4.0"), Some(Refusal::Unknown));
    }
}

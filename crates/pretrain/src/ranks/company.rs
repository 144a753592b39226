//! The ranks in the words of the update loop: values exchanged, and errors told to all.
//!
//! Each exchange carries what a rank has to say or why it has nothing. A rank that fails anywhere says so in the exchange the others are
//! in next and goes; they end with its sentence. Errors all ranks come to alike are said by all at once, so nobody waits.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Ranks;
use crate::PretrainError;

/// What a rank brings to an exchange.
#[derive(Serialize, Deserialize)]
enum Brought<T> {
    /// A value.
    Value(T),
    /// Why it ends.
    Failed(String),
}

/// The ranks of a run.
#[derive(Clone, Copy)]
pub(crate) struct Company<'a>(pub(crate) &'a dyn Ranks);

impl Company<'_> {
    pub(crate) fn rank(self) -> usize {
        self.0.rank()
    }

    pub(crate) fn size(self) -> usize {
        self.0.size()
    }

    /// Whether this rank writes for all.
    pub(crate) fn writes(self) -> bool {
        self.rank() == 0
    }

    /// Everybody's values, in the order of ranks.
    pub(crate) fn exchange<T: Serialize + DeserializeOwned>(self, mine: T) -> Result<Vec<T>, PretrainError> {
        if self.size() == 1 {
            return Ok(vec![mine]);
        }
        let bytes = serde_json::to_vec(&Brought::Value(mine)).expect("what is exchanged has a JSON form");
        let brought = self.0.gather(&bytes)?.into_iter().enumerate();
        brought
            .map(|(rank, bytes)| match serde_json::from_slice(&bytes) {
                Ok(Brought::Value(value)) => Ok(value),
                Ok(Brought::Failed(message)) => Err(PretrainError::Rank { rank, message }),
                Err(error) => {
                    Err(PretrainError::Rank { rank, message: format!("is another program: {error}") })
                }
            })
            .collect()
    }

    /// Whether it is so on any rank.
    pub(crate) fn any(self, mine: bool) -> Result<bool, PretrainError> {
        Ok(self.exchange(mine)?.contains(&true))
    }

    /// Fails unless `mine` is what the first rank has; `what` is how the sentence about it begins.
    pub(crate) fn same<T: Serialize>(self, what: &str, mine: &T) -> Result<(), PretrainError> {
        let bytes = serde_json::to_value(mine).expect("what is exchanged has a JSON form");
        let said = self.exchange(bytes)?;
        match said.iter().enumerate().find(|(_, there)| **there != said[0]) {
            None => Ok(()),
            Some((rank, there)) => Err(PretrainError::RanksDiffer {
                rank,
                what: what.into(),
                first: said[0].to_string(),
                there: there.to_string(),
            }),
        }
    }

    /// Waits until all are here; fails where one failed on its way.
    pub(crate) fn meet(self) -> Result<(), PretrainError> {
        self.exchange(()).map(|_| ())
    }

    /// Adds up everybody's values in the order of ranks.
    pub(crate) fn sum(self, values: &mut [f32]) -> Result<(), PretrainError> {
        Ok(self.0.sum(values)?)
    }

    /// Passes on what came of this rank's work; an error is told to the others, unless they told it.
    pub(crate) fn conclude<T>(self, result: Result<T, PretrainError>) -> Result<T, PretrainError> {
        match &result {
            Ok(_) | Err(PretrainError::Rank { .. } | PretrainError::Lost(_)) => {}
            Err(error) => self.fail(&error.to_string()),
        }
        result
    }

    /// Tells the others why this rank ends.
    pub(super) fn fail(self, message: &str) {
        if self.size() > 1 {
            let brought = Brought::<()>::Failed(message.into());
            let bytes = serde_json::to_vec(&brought).expect("a sentence has a JSON form");
            // Whether they hear it or are gone: this rank ends with its own error.
            let _ = self.0.gather(&bytes);
        }
    }
}

//! What can be asked for and not be made.

use crate::Tradition;

/// A plan that cannot be made, with the value that stands in the way.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SynthError {
    /// The name of no tradition.
    #[error(
        "`{0}` is none of the built-in traditions turkish-makam, hindustani, carnatic, greek and western"
    )]
    UnknownTradition(String),
    /// An amount of music that is negative, not a number or beyond a thousand hours.
    #[error("cannot make {minutes} minutes of `{tradition}`: between 0 and 60000 can be asked for")]
    Minutes {
        /// The tradition asked for.
        tradition: Tradition,
        /// The minutes asked for.
        minutes: f64,
    },
    /// A length of a piece in which no phrase fits, or that is not a number.
    #[error("cannot make pieces of {0} seconds: between 4 and 600 can be asked for")]
    PieceSeconds(f64),
}

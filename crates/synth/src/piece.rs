//! A planned piece: who plays what, its labels and its split, before a sample exists.

use std::fmt;

use serde::Serialize;

use crate::Tradition;
use crate::instrument::{Drone, Instrument, Kit};

/// Which part of an experiment a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training.
    Train,
    /// For choosing the stopping point.
    Valid,
    /// For the final numbers.
    Test,
}

impl Split {
    /// Every split, in the order pieces are numbered.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// `train`, `valid` or `test`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One piece of the plan. [`render`](crate::render()) is a pure function of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Piece {
    /// Unique in the plan and usable as a path: `turkish-makam/rast-aksak-003`.
    pub id: String,
    /// The tradition it is made from.
    pub tradition: Tradition,
    /// The synthetic performer: tuning, room, timbre and instruments in common. A group never crosses splits.
    pub group: String,
    /// The part of an experiment it belongs to.
    pub split: Split,
    /// Labels as `namespace:value`, sorted, without repetition.
    pub tags: Vec<String>,
    /// Length in seconds.
    pub seconds: f64,
    /// How it is played.
    #[serde(skip)]
    pub(crate) recipe: Recipe,
}

/// What the renderer needs to know, as positions in the tradition's [`Vocabulary`](crate::vocabulary::Vocabulary).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recipe {
    /// Keys every draw of this piece.
    pub(crate) seed: u64,
    /// Keys what the performer brings along to each piece.
    pub(crate) performer_seed: u64,
    /// Position of the mode.
    pub(crate) mode: usize,
    /// Position of the rhythm; none for an unmeasured piece.
    pub(crate) rhythm: Option<usize>,
    /// Who plays, the leading instrument first.
    pub(crate) players: Vec<Instrument>,
    /// The percussion, if any.
    pub(crate) kit: Option<Kit>,
    /// The drone, if any.
    pub(crate) drone: Option<Drone>,
}

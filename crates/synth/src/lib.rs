#![doc = include_str!("../README.md")]

mod arrange;
mod deck;
mod error;
mod harmony;
mod heterophony;
mod instrument;
mod melody;
mod ornament;
mod percussion;
mod performer;
mod phrase;
mod piece;
mod plan;
mod pulse;
mod recording;
mod render;
mod room;
mod score;
mod signal;
mod style;
mod theory;
mod tradition;
mod truth;
mod vocabulary;

pub use error::SynthError;
pub use piece::{Piece, Split};
pub use plan::{PlanRequest, plan};
pub use render::render;
pub use tradition::{LICENCE, Tradition};
pub use truth::{MelodyNote, Truth, truth};

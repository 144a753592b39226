//! A collection of recordings as one page: a map of embeddings, sound, neighbours, tags, two models side by side.
//!
//! [`Collection`] is everything the page shows; [`page()`] writes it as HTML that opens from a folder, asks no network and runs no script but its own.
//! Excerpts lie beside the page, under [`excerpt_name`]; [`sound_of`] says whose licence allows one, [`within`] which fit into a limit.
//!
//! **Invariant:** nothing here decodes audio, knows the engine or prints, and no text of a collection becomes markup or script.

mod collection;
mod data;
mod error;
mod excerpt;
mod html;

pub use collection::{Collection, Item, ModelView, Predictions, Unit};
pub use error::ExploreError;
pub use excerpt::{Sound, excerpt_name, faded, sound_of, within};
pub use html::{GENERATOR, page};

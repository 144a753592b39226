//! A collection of embeddings as a map: nearest neighbours, principal components, a plane that keeps neighbourhoods, and how well it does.
//!
//! [`Embeddings`] are rows of length one around the collection's mean; [`nearest_neighbours`] compares them by cosine, exactly. [`principal_components`]
//! finds the axes of largest variance; [`plane`] begins there and pulls neighbours together. [`trustworthiness`] measures what came of it.
//!
//! Pure: everything is a function of the rows and the seed, whatever the number of threads.

mod align;
mod embeddings;
mod fuzzy;
mod layout;
mod neighbours;
mod principal;
mod symmetric;
mod trust;

pub use align::turned_onto;
pub use embeddings::Embeddings;
pub use layout::{PlaneSettings, plane};
pub use neighbours::{Neighbour, Neighbours, nearest_neighbours, overlap};
pub use principal::{PrincipalComponents, principal_components};
pub use trust::trustworthiness;

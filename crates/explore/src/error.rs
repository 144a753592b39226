//! What keeps a collection from being shown.

/// A collection whose parts do not fit each other, or too large for a page.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// Two lists that must go together do not.
    #[error("{what}: expected {expected}, found {found}")]
    Size {
        /// Which list.
        what: String,
        /// The length that would fit.
        expected: usize,
        /// The length given.
        found: usize,
    },
    /// A NaN or an infinity.
    #[error("{what} of `{name}` is not a finite number")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// Of which item.
        name: String,
    },
    /// A page compares at most two models.
    #[error("a page shows one model or compares two, not {found}")]
    Models {
        /// How many were given.
        found: usize,
    },
    /// There is nothing to show.
    #[error("the collection is empty")]
    Empty,
}

//! The crate as the binary uses it.

mod findings;
mod ledger;
mod plausible;
mod results;

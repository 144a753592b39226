//! The crate as the binary uses it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod browser;
mod findings;
mod ledger;
mod plausible;
mod report;
mod results;
mod transfer;

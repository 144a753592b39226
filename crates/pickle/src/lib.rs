//! Pickles as data: nothing they name is imported or called.
//!
//! [`read`] runs a pickle by a machine of its own and returns what it describes, values that refer to each other by number. Torch keeps
//! checkpoints this way, numpy lists and dictionaries.
//!
//! **Invariant:** no pickle needs more than some 80 MB or a second, whatever it says, and none makes the machine panic.

mod danger;
mod machine;
mod node;

pub use machine::read;
pub use node::{Node, NodeId, Pickle};

//! The Python package `culturemert`: the verbs of the program as functions. Each makes the request of its command, hands it to the same
//! function, and brings what that returns to Python: numbers as numpy arrays, reports as what `json.loads` makes of the command's stdout.
//!
//! Work is done on a thread of its own without the interpreter lock (`work`); errors are the command's sentences (`errors`).
//! Signatures and types are stated once more in `culturemert/_culturemert.pyi`; a test compares them.

#![expect(clippy::needless_pass_by_value, reason = "arguments of Python functions come by value")]

mod choices;
mod codec;
mod corpus;
mod errors;
mod listening;
mod measuring;
mod merging;
mod model;
mod training;
mod values;
mod work;

/// The verbs of `culturemert`, in Rust.
#[expect(non_upper_case_globals, reason = "Python calls it so")]
#[pyo3::pymodule]
mod _culturemert {
    #[pymodule_export]
    use super::codec::{Codec, fit_codec, load_codec, tokenize, tokens};
    #[pymodule_export]
    use super::corpus::{prepare, synth};
    #[pymodule_export]
    use super::listening::cqt;
    #[pymodule_export]
    use super::measuring::{probe, similarity};
    #[pymodule_export]
    use super::merging::{inspect, merge, task_vector};
    #[pymodule_export]
    use super::model::{Model, load};
    #[pymodule_export]
    use super::training::pretrain;

    /// The version of the program.
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

//! Reads the numbers recorded from the original programs; for tests only.
//!
//! Cases lie under `$CULTUREMERT_GOLDEN` (default `../shared/golden` beside the workspace), recordings under `$CULTUREMERT_AUDIO`,
//! split and tag files of public data sets under `$CULTUREMERT_METADATA`.
//! A test walks whatever cases it finds; where the folder is absent it says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test helper: a failure here is the test's failure"
)]

mod closed_form;
mod tensors;

use std::path::{Path, PathBuf};

pub use closed_form::{cf_uniforms, cf_wave};
pub use tensors::Tensors;

/// The folder of golden cases of one kind (for instance `cqt`), or `None` with a line on stderr when it is absent.
pub fn folder(kind: &str) -> Option<PathBuf> {
    present("CULTUREMERT_GOLDEN", "golden").map(|root| root.join(kind)).filter(|path| {
        let there = path.is_dir();
        if !there {
            eprintln!("golden: no folder `{}`, nothing compared", path.display());
        }
        there
    })
}

/// The folder of real recordings, or `None` with a line on stderr when it is absent.
pub fn recordings() -> Option<PathBuf> {
    present("CULTUREMERT_AUDIO", "audio")
}

/// The folder of the split and tag files of public data sets, or `None` with a line on stderr when it is absent.
pub fn metadata() -> Option<PathBuf> {
    present("CULTUREMERT_METADATA", "metadata")
}

/// The cases of a kind that hold `file`, in the order of their names.
pub fn cases(kind: &str, file: &str) -> Vec<PathBuf> {
    let Some(folder) = folder(kind) else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|case| case.join(file).is_file()).collect();
    cases.sort();
    cases
}

/// Reads a JSON file.
#[track_caller]
pub fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Largest absolute difference of two equally long lists.
#[track_caller]
pub fn max_abs_diff(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "lists of different length");
    ours.iter().zip(theirs).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).fold(0.0, nan_is_worst)
}

/// The larger of two errors, where NaN is larger than everything: a NaN must never pass.
pub fn nan_is_worst(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// Fails when `error` is above `tolerance`; says both on stderr either way, for the table of results.
#[track_caller]
pub fn within(what: &str, error: f64, tolerance: f64) {
    eprintln!("golden: {what}: worst error {error:.3e}, tolerance {tolerance:.3e}");
    assert!(error <= tolerance, "{what}: worst error {error:.3e} is above the tolerance {tolerance:.3e}");
}

fn present(variable: &str, default: &str) -> Option<PathBuf> {
    let root = std::env::var_os(variable).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(default),
        |given| {
            // Tests run in their crate's folder; a relative path is meant from the workspace, where the user stands.
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(given)
        },
    );
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("golden: `{}` is absent (set ${variable}), nothing compared", root.display());
    None
}

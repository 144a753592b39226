//! Runs the program and looks at what it left.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program with these arguments, in `folder`.
pub(crate) fn culturemert(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_culturemert"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs it to the end and returns what it printed as JSON.
#[track_caller]
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = culturemert(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it said on stderr.
pub(crate) fn talk(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A small corpus of all traditions with codes, in `folder/corpus`; 30 pieces of 6 s.
#[track_caller]
pub(crate) fn small_corpus(folder: &Path) {
    json(folder, &["synth", "--out", "recordings", "--minutes", "0.6", "--piece-seconds", "6"]);
    let report = json(folder, &["prepare", "--index", "recordings/index.jsonl", "--out", "corpus"]);
    assert_eq!((report["prepared"].as_u64(), report["quarantined"].as_u64()), (Some(30), Some(0)));
    let codec = ["fit-codec", "--corpus", "corpus", "--out", "codec", "--codebooks", "4", "--entries", "64"];
    json(folder, &[&codec[..], &["--max-frames", "4000"]].concat());
    json(folder, &["tokenize", "--codec", "codec", "--corpus", "corpus"]);
}

/// A few updates of the pocket plan.
pub(crate) const FEW: [&str; 8] = [
    "--set",
    "stage.0.updates=3",
    "--set",
    "stage.1.updates=5",
    "--set",
    "checkpoints.every=2",
    "--set",
    "held_out.crops=2",
];

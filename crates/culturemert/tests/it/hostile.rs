//! Hostile model files before the real program: refused or inert, in a second of computing, within 100 MB, and nothing of them runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::zoo;

/// KiB of data the program may hold: heap, anonymous maps and stacks.
const MOST_DATA: usize = 100 << 10;

/// Runs `inspect` on `file` in `folder` under the kernel's limits of data and computing time.
fn inspect(folder: &Path, file: &str) -> Output {
    limited(folder, &["inspect", file])
}

fn limited(folder: &Path, arguments: &[&str]) -> Output {
    let script = format!("ulimit -d {MOST_DATA}; ulimit -t 1; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.current_dir(folder).args(["-c", &script, env!("CARGO_BIN_EXE_culturemert")]).args(arguments);
    // On a large machine as many stacks and heaps as there are cores would take megabytes each.
    command.env("RAYON_NUM_THREADS", "2").env("MALLOC_ARENA_MAX", "2").output().unwrap()
}

/// What is wrong with how the program took a file; nothing when it refused it with one sentence.
fn refusal(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_sentence =
        said.starts_with("error: ") && said.trim_end().lines().count() == 1 && said.len() < 2000;
    match output.status.code() {
        Some(1 | 2) if is_sentence => None,
        code => Some(format!("exit {code:?}: {said:.300}")),
    }
}

fn write(folder: &Path, specimens: &[zoo::Specimen]) {
    for (name, bytes) in specimens {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn the_limits_bite() {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"x":{"dtype":"U8","shape":[150000000],"data_offsets":[0,150000000]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; 150_000_000]].concat();
    fs::write(folder.path().join("honest.safetensors"), bytes).unwrap();
    assert!(!inspect(folder.path(), "honest.safetensors").status.success(), "150 MB fit into 100 MB");
}

#[test]
fn pickles_that_call_something_call_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let specimens = zoo::callers();
    write(folder.path(), &specimens);
    let mut failures = Vec::new();
    for (name, _) in &specimens {
        let output = inspect(folder.path(), name);
        failures.extend(refusal(&output).map(|fault| format!("{name}: {fault}")));
    }
    assert!(failures.is_empty(), "{failures:#?}");
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, specimens.len(), "a pickle ran something that left a file");
    eprintln!("hostile: {} pickles with calls, nothing ran", specimens.len());
}

#[test]
fn bombs_and_lies_are_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let specimens = [zoo::liars(), zoo::safetensors()].concat();
    write(folder.path(), &specimens);
    let mut failures = Vec::new();
    for (name, _) in &specimens {
        failures.extend(refusal(&inspect(folder.path(), name)).map(|fault| format!("{name}: {fault}")));
    }
    assert!(failures.is_empty(), "{failures:#?}");
    eprintln!("hostile: {} files refused", specimens.len());
}

#[test]
fn absurd_configurations_are_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"masked_spec_embed":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
    let mut failures = Vec::new();
    for (name, config) in zoo::configurations() {
        let model = folder.path().join(name);
        fs::create_dir(&model).unwrap();
        fs::write(model.join("config.json"), config).unwrap();
        fs::write(model.join("model.safetensors"), &weights).unwrap();
        let output = limited(folder.path(), &["convert", name, "out", "--to", "hf"]);
        failures.extend(refusal(&output).map(|fault| format!("{name}: {fault}")));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn an_index_never_leads_out_of_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
    fs::write(folder.path().join("secret.safetensors"), &weights).unwrap();
    let secret = folder.path().join("secret.safetensors");
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("inside.safetensors"), &weights).unwrap();
    let places = [
        "../secret.safetensors",
        secret.to_str().unwrap(),
        "./../secret.safetensors",
        "..",
        "",
        ".",
        "a/../../secret.safetensors",
    ];
    for index in ["model.safetensors.index.json", "pytorch_model.bin.index.json"] {
        for place in places {
            fs::write(model.join(index), serde_json::json!({"weight_map": {"x": place}}).to_string())
                .unwrap();
            let output = inspect(folder.path(), "model");
            assert_eq!(refusal(&output), None, "{index}: `{place}`");
            assert!(
                String::from_utf8_lossy(&output.stderr).contains("not a plain file name"),
                "{index}: `{place}`"
            );
        }
        fs::write(model.join(index), r#"{"weight_map": {"x": "inside.safetensors"}}"#).unwrap();
        assert!(inspect(folder.path(), "model").status.success(), "{index}: an honest index is read");
        fs::remove_file(model.join(index)).unwrap();
    }
}

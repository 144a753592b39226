//! The book is followed word by word: every command of a page runs, and prints what the page says.

mod page;

use std::path::Path;
use std::process::Command;

use page::{commands, difference};

/// Runs a page from top to bottom in a folder of its own.
#[track_caller]
#[expect(clippy::print_stderr, reason = "says why nothing was followed")]
fn follow(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let text = std::fs::read_to_string(root.join("docs").join(name)).unwrap();
    let commands = commands(&text);
    assert!(!commands.is_empty(), "{name} shows no command");
    let audio =
        std::env::var_os("CULTUREMERT_AUDIO").map_or_else(|| root.join("../shared/audio"), Into::into);
    if text.contains("$CULTUREMERT_AUDIO") && !audio.join("index.tsv").is_file() {
        eprintln!("skipped: no recordings in {}; set CULTUREMERT_AUDIO", audio.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_culturemert"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    for command in commands {
        let output = Command::new("bash")
            .args(["-euc", &command.text])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("CULTUREMERT_AUDIO", &audio)
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        let data = String::from_utf8_lossy(&output.stdout);
        let printed: Vec<String> = talk.lines().chain(data.lines()).map(str::to_owned).collect();
        let place = format!("docs/{name}:{}: `{}`", command.at, command.text);
        let all = printed.join("\n");
        assert!(output.status.success(), "{place} fails:\n{all}");
        if !command.expected.is_empty()
            && let Some(difference) = difference(&command.expected, &printed)
        {
            panic!("{place}: {difference}\n\nall of it:\n{all}");
        }
    }
}

#[test]
fn first_run() {
    follow("first-run.md");
}

#[test]
fn studies() {
    follow("studies.md");
}

#[test]
fn merging() {
    follow("merging.md");
}

#[test]
fn similarity() {
    follow("similarity.md");
}

#[test]
fn explore() {
    follow("explore.md");
}

#[test]
fn evaluation() {
    follow("evaluation.md");
}

#[test]
fn model_files() {
    follow("model-files.md");
}

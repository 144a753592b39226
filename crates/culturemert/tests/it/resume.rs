//! A killed run, resumed, ends where an undisturbed one ends.

use std::time::{Duration, Instant};

use crate::command::{FEW, culturemert, json, small_corpus, talk};

/// Waits for a checkpoint of a run that is under way.
#[track_caller]
fn wait_for(checkpoint: &std::path::Path) {
    let begun = Instant::now();
    while !checkpoint.join("COMMIT").is_file() {
        assert!(begun.elapsed() < Duration::from_mins(5), "no `{}`", checkpoint.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// SIGTERM ends a run after the update at hand, with exit code 130 and the command that goes on; fewer threads go on to the same bits.
#[cfg(unix)]
#[test]
fn a_terminated_run_says_how_to_go_on_and_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    let with_threads = |arguments: &[&str], n_threads: &str| {
        let mut command = culturemert(dir, arguments);
        command.env("RAYON_NUM_THREADS", n_threads);
        command
    };
    let whole = with_threads(&[&train[..], &["whole"], &FEW].concat(), "2").output().unwrap();
    let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();

    let mut child = with_threads(&[&train[..], &["stopped"], &FEW].concat(), "2");
    let child =
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_for(&dir.join("stopped/checkpoints/000002"));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let stopped = child.wait_with_output().unwrap();
    let said = talk(&stopped);
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    let command = said.lines().find_map(|line| line.split_once("go on with: ")).unwrap().1;
    assert!(command.contains("--out stopped") && command.ends_with("--resume"), "{said}");

    // Neither plan nor model need be named again.
    let resume = ["pretrain", "--resume", "--corpus", "corpus", "--out", "stopped"];
    let resumed = with_threads(&resume, "1").output().unwrap();
    assert!(resumed.status.success(), "{}", talk(&resumed));
    let resumed: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert_eq!(resumed["model_hash"], whole["model_hash"]);
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    let whole = json(dir, &[&train[..], &["whole"], &FEW].concat());

    let mut child = culturemert(dir, &[&train[..], &["killed"], &FEW].concat());
    let mut child =
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_for(&dir.join("killed/checkpoints/000002"));
    child.kill().unwrap();
    child.wait().unwrap();

    let again = culturemert(dir, &[&train[..], &["killed"], &FEW].concat()).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "a run is not begun twice: {}", talk(&again));
    let other = [&train[..], &["killed", "--resume", "--set", "run.seed=5"], &FEW].concat();
    let other = culturemert(dir, &other).output().unwrap();
    assert!(talk(&other).contains("seed"), "another seed is another run: {}", talk(&other));
    let resumed = json(dir, &[&train[..], &["killed", "--resume"], &FEW].concat());
    assert_eq!(resumed["model_hash"], whole["model_hash"]);
}

/// Lines of `probes.jsonl` without their times.
fn probes(run: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(run.join("probes.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds");
        line
    };
    text.lines().map(line).collect()
}

#[test]
fn probes_only_look_on_and_are_the_same_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    let probing = ["--set", "probe.every=3", "--set", "probe.tags=['tradition:']"];
    json(dir, &[&train[..], &["plain"], &FEW].concat());
    json(dir, &[&train[..], &["whole"], &FEW, &probing].concat());
    let weights = |run: &str| std::fs::read(dir.join(run).join("model/model.safetensors")).unwrap();
    assert_eq!(weights("plain"), weights("whole"), "probes change the training");
    let whole = probes(&dir.join("whole"));
    // Before the first update, every three, and at the end of both stages of 3 and 5.
    let updates: Vec<u64> = whole.iter().map(|line| line["update"].as_u64().unwrap()).collect();
    assert_eq!(updates, [0, 3, 6, 8]);
    assert!(whole.iter().all(|line| (0.0..=1.0).contains(&line["roc_auc"].as_f64().unwrap())), "{whole:?}");

    let mut child = culturemert(dir, &[&train[..], &["killed"], &FEW, &probing].concat());
    let mut child =
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_for(&dir.join("killed/checkpoints/000004"));
    child.kill().unwrap();
    child.wait().unwrap();
    json(dir, &["pretrain", "--resume", "--corpus", "corpus", "--out", "killed"]);
    assert_eq!(probes(&dir.join("killed")), whole);
    assert_eq!(weights("killed"), weights("whole"));

    let nothing = ["nothing", "--set", "probe.every=3", "--set", "probe.tags=['nothing:']"];
    let refused = culturemert(dir, &[&train[..], &nothing, &FEW].concat()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", talk(&refused));
    assert!(!dir.join("nothing").exists(), "refused before anything is written");
}

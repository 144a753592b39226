//! A killed run, resumed, ends where an undisturbed one ends.

use std::time::{Duration, Instant};

use crate::command::{FEW, culturemert, json, small_corpus, talk};

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
    let begun = Instant::now();
    while !dir.join("killed/checkpoints/000002/COMMIT").is_file() && begun.elapsed() < Duration::from_mins(2)
    {
        std::thread::sleep(Duration::from_millis(5));
    }
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

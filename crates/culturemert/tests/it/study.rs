//! The whole study at its smallest: it ends in a report, and a second call computes nothing.

use std::process::Stdio;
use std::time::Duration;

use crate::command::{culturemert, talk};

#[test]
fn a_tiny_study_ends_in_a_report_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let presets = concat!(env!("CARGO_MANIFEST_DIR"), "/presets/pocket.toml");
    let training = concat!(env!("CARGO_MANIFEST_DIR"), "/../pretrain/presets/pocket.toml");
    let text = std::fs::read_to_string(training).unwrap();
    let text = text.replace("updates = 60", "updates = 10").replace("updates = 150", "updates = 4");
    std::fs::write(dir.join("training.toml"), text.replace("crops = 8 ", "crops = 1 ")).unwrap();
    let study = std::fs::read_to_string(presets).unwrap();
    let study = [
        ("training = \"pocket\"", "training = \"training.toml\""),
        ("minutes = 10.0", "minutes = 1.0"),
        ("updates = 160", "updates = 3"),
        ("max_frames = 60000", "max_frames = 3000"),
        ("lambdas = [0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0]", "lambdas = [0.2, 1.0]"),
        ("epochs = 60", "epochs = 2"),
        ("hidden = 512", "hidden = 16"),
    ]
    .into_iter()
    .fold(study, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    std::fs::write(dir.join("study.toml"), study).unwrap();
    let arguments = ["reproduce", "--config", "study.toml", "--out", "study"];
    // Killed when the first model is being trained, it goes on from what is there.
    let mut child = culturemert(dir, &arguments);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_training = || {
        let mut steps = std::fs::read_dir(dir.join("study/steps")).into_iter().flatten().flatten();
        steps.any(|step| step.file_name().to_string_lossy().starts_with("partial-train-"))
    };
    while !is_training() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none(), "it was killed, and had not ended");
    let first = culturemert(dir, &arguments).output().unwrap();
    assert!(first.status.success(), "{}", talk(&first));
    assert!(talk(&first).contains("corpus-synthetic: kept from an earlier run"), "{}", talk(&first));
    let first: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(first["synthetic"].as_bool(), Some(true));
    let html = std::fs::read_to_string(dir.join("study/report.html")).unwrap();
    assert!(
        html.contains("Synthetic data")
            && html.contains("</html>")
            && !html.contains("http-equiv=\"refresh\"")
    );
    let results = std::fs::read(dir.join("study/results.json")).unwrap();

    let again = culturemert(dir, &arguments).output().unwrap();
    assert!(again.status.success(), "{}", talk(&again));
    assert!(!talk(&again).contains(": started"), "{}", talk(&again));
    // With everything kept, not a byte changes.
    assert!(results == std::fs::read(dir.join("study/results.json")).unwrap());
}

//! Array jobs: four processes share the work, each started as a cluster starts them; what comes out is what one process makes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::command::{FEW, culturemert, json, small_corpus, talk};

const JOBS: usize = 4;
const PREPARE: [&str; 9] = [
    "prepare",
    "--index",
    "recordings/index.jsonl",
    "--segment-seconds",
    "6",
    "--shard-bytes",
    "1500000",
    "--out",
    "shared",
];
const TOKENIZE: [&str; 5] = ["tokenize", "--codec", "codec", "--corpus", "shared"];

/// Every file below `folder` with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn assert_same_tree(one: &Path, other: &Path) {
    let (one, other) = (tree(one), tree(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(bytes == &other[name], "`{name}` differs");
    }
}

/// A job as Slurm starts it: job `index` of an array numbered from 1.
fn job(dir: &Path, arguments: &[&str], index: usize) -> Command {
    let mut command = culturemert(dir, &[arguments, &["--shard", "auto"]].concat());
    command
        .env("SLURM_ARRAY_TASK_ID", (index + 1).to_string())
        .env("SLURM_ARRAY_TASK_MIN", "1")
        .env("SLURM_ARRAY_TASK_COUNT", JOBS.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Starts all jobs at once, the last first; kills job 2 at once, and waits for the others. Then nothing can be put together but by name.
fn run_array(dir: &Path, arguments: &[&str]) {
    let mut running: Vec<(usize, Child)> =
        (0..JOBS).rev().map(|index| (index, job(dir, arguments, index).spawn().unwrap())).collect();
    for (index, child) in &mut running {
        if *index == 1 {
            child.kill().unwrap();
        }
    }
    for (index, mut child) in running {
        let status = child.wait().unwrap();
        assert!(status.success() || index == 1, "job {index}: {status}");
    }
    let assemble = [arguments, &["--assemble", "4"]].concat();
    let refused = culturemert(dir, &assemble).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", talk(&refused));
    assert!(talk(&refused).contains("share 2/4 is not done"), "{}", talk(&refused));
    // The killed one again, and one that was done.
    for index in [1, 3] {
        assert!(job(dir, arguments, index).status().unwrap().success());
    }
    json(dir, &assemble);
}

#[test]
fn four_jobs_make_what_one_process_makes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    json(dir, &["synth", "--out", "recordings", "--minutes", "0.6", "--piece-seconds", "6"]);
    let alone = |arguments: &[&str]| {
        let words: Vec<_> =
            arguments.iter().map(|&word| if word == "shared" { "alone" } else { word }).collect();
        json(dir, &words);
    };
    alone(&PREPARE);
    run_array(dir, &PREPARE);
    assert_same_tree(&dir.join("alone"), &dir.join("shared"));
    let n_files = std::fs::read_dir(dir.join("alone/audio")).unwrap().count();
    assert!(n_files >= JOBS, "{n_files} audio files leave a job without work");

    let codec = ["fit-codec", "--corpus", "alone", "--out", "codec", "--codebooks", "4", "--entries", "64"];
    json(dir, &[&codec[..], &["--max-frames", "4000"]].concat());
    alone(&TOKENIZE);
    run_array(dir, &TOKENIZE);
    assert_same_tree(&dir.join("alone"), &dir.join("shared"));
    // A share of what is done is done.
    assert!(job(dir, &PREPARE, 0).status().unwrap().success());
    assert!(job(dir, &TOKENIZE, 0).status().unwrap().success());
    assert_same_tree(&dir.join("alone"), &dir.join("shared"));
}

/// Four processes at once, each with its share.
fn at_once(dir: &Path, arguments: &[&str]) {
    let running: Vec<Child> = (0..JOBS).map(|index| job(dir, arguments, index).spawn().unwrap()).collect();
    for (index, mut child) in running.into_iter().enumerate() {
        assert!(child.wait().unwrap().success(), "job {index}");
    }
}

#[test]
fn four_jobs_embed_and_keep_features_as_one_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--init", "scratch", "--out", "run"];
    json(dir, &[&train[..], &FEW].concat());

    let recordings = tree(&dir.join("recordings"));
    let recordings: Vec<String> = recordings
        .keys()
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "wav"))
        .cloned()
        .collect();
    assert!(recordings.len() > JOBS, "{recordings:?}");
    let recordings: Vec<String> = recordings.iter().map(|name| format!("recordings/{name}")).collect();
    let embed = |out| {
        let model = ["embed", "--model", "run/model", "--pool", "mean", "--out", out];
        model.into_iter().chain(recordings.iter().map(String::as_str)).collect::<Vec<_>>()
    };
    json(dir, &embed("alone"));
    at_once(dir, &embed("shared"));
    assert_eq!(tree(&dir.join("alone")).len(), recordings.len());
    assert_same_tree(&dir.join("alone"), &dir.join("shared"));
    // A share that is done again changes nothing.
    assert!(job(dir, &embed("shared"), 2).status().unwrap().success());
    assert_same_tree(&dir.join("alone"), &dir.join("shared"));

    std::fs::write(dir.join("probe.toml"), "epochs = 2\nseeds = [1]\nhidden = 8\n").unwrap();
    let data = ["evaluate", "--models", "run/model", "--data", "culture=corpus#@culture", "--split", "group"];
    let evaluate =
        |out: &'static str| [&data[..], &["--config", "probe.toml", "--json", "--out", out]].concat();
    kept_in_shares(dir, &evaluate);

    let probe = [
        "probe",
        "--model",
        "run/model",
        "--corpus",
        "corpus",
        "--tags",
        "tradition:",
        "--config",
        "probe.toml",
    ];
    let kept = |folder: &'static str| {
        let (features, out) = match folder {
            "whole" => ("whole/features", "whole/probe.json"),
            _ => ("shares/features", "shares/probe.json"),
        };
        [&probe[..], &["--features", features, "--out", out]].concat()
    };
    kept_in_shares(dir, &kept);
    // What is kept is what is computed.
    json(dir, &[&probe[..], &["--out", "plain.json"]].concat());
    for name in ["probe.json", "probe.safetensors"] {
        let plain = name.replace("probe", "plain");
        assert_eq!(
            std::fs::read(dir.join("shares").join(name)).unwrap(),
            std::fs::read(dir.join(plain)).unwrap()
        );
    }
    let without =
        culturemert(dir, &[&probe[..], &["--shard", "1/2", "--out", "x.json"]].concat()).output().unwrap();
    assert_eq!(without.status.code(), Some(2), "{}", talk(&without));
}

/// Features that four jobs keep are those of one process, and whoever goes on computes none of them twice.
fn kept_in_shares<'a>(dir: &Path, command: &dyn Fn(&'static str) -> Vec<&'a str>) {
    at_once(dir, &command("shares"));
    let features = tree(&dir.join("shares/features"));
    let result = json(dir, &command("whole"));
    assert_eq!(json(dir, &command("shares")), result);
    assert_same_tree(&dir.join("whole/features"), &dir.join("shares/features"));
    for (name, bytes) in features {
        let file = dir.join("shares/features").join(&name);
        assert!(std::fs::read(file).unwrap() == bytes, "`{name}` was written again");
    }
}

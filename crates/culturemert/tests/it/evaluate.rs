//! Models on data sets: tables, the same digits again, and what is wrong with data said in one sentence.

use std::path::Path;

use serde_json::Value;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

/// A corpus, a base and a model that went on from it, and settings of a short probe.
fn world(dir: &Path) {
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    json(dir, &[&train[..], &["base", "--init", "scratch"], &FEW].concat());
    json(dir, &[&train[..], &["adapted", "--init", "base/model", "--set", "run.seed=3"], &FEW].concat());
    std::fs::write(dir.join("probe.toml"), "epochs = 4\nseeds = [1, 2]\nhidden = 16\n").unwrap();
}

const EVALUATE: [&str; 5] = ["evaluate", "--config", "probe.toml", "--json", "--models"];

/// What an evaluation into `out` prints, made by so many threads.
fn evaluated(dir: &Path, evaluate: &[&str], out: &str, threads: &str) -> Value {
    let arguments = [evaluate, &["--out", out]].concat();
    let output = culturemert(dir, &arguments).env("RAYON_NUM_THREADS", threads).output().unwrap();
    assert!(output.status.success(), "{}", talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn column(evaluation: &Value, list: &str, key: &str) -> Vec<String> {
    let rows = evaluation[list].as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn models_meet_baselines_and_the_digits_stay() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    world(dir);
    let data = ["base/model,adapted/model", "--data", "culture=corpus#@culture,tradition=corpus"];
    let more = ["--split", "group", "--western", "tradition"];
    let evaluate = [&EVALUATE[..], &data, &more].concat();
    let run = |out, threads| evaluated(dir, &evaluate, out, threads);
    let first = run("one", "1");
    assert_eq!(
        column(&first, "models", "name"),
        ["base", "adapted", "random encoder", "log-mel statistics", "chance"]
    );
    assert_eq!(column(&first, "sets", "name"), ["culture", "tradition"]);
    assert_eq!(first["sets"][0]["metrics"], serde_json::json!(["accuracy", "macro F1"]));
    assert_eq!(first["cells"].as_array().unwrap().len(), 10);
    let adapted = &first["cells"][1];
    let compared: Vec<&str> =
        adapted["against"].as_array().unwrap().iter().map(|one| one["model"].as_str().unwrap()).collect();
    assert_eq!(compared, ["base", "random encoder", "log-mel statistics", "chance"]);
    for against in adapted["against"].as_array().unwrap() {
        let (gap, ends) = (&against["first"]["estimate"], &against["first"]["ends"]);
        assert!(ends[0].as_f64() <= gap.as_f64() && gap.as_f64() <= ends[1].as_f64(), "{against}");
    }
    let chance = &first["cells"][4];
    assert_eq!((chance["model"].as_str(), chance["set"].as_str()), (Some("chance"), Some("culture")));
    assert_eq!(first, run("two", "3"), "other threads");
    // Half of the features are gone and one is damaged: they are made again, and nothing else changes.
    let mut kept: Vec<_> = features(&dir.join("one/features"));
    kept.sort();
    assert!(kept.len() > 60, "two models, a random one and statistics: {}", kept.len());
    for file in kept.iter().step_by(2) {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::write(&kept[1], b"not tensors").unwrap();
    assert_eq!(first, run("one", "2"), "kept features");
    for file in ["evaluation.json", "report.md", "report.html", "tables/scores.tex", "tables/forgetting.csv"]
    {
        let (one, two) = (dir.join("one").join(file), dir.join("two").join(file));
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap(), "{file}");
    }
    let page = std::fs::read_to_string(dir.join("one/report.html")).unwrap();
    assert!(page.contains("Forgetting") && !page.contains("http://") && !page.contains("<script"));
}

/// All files of a cache.
fn features(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(features(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn own_recordings_take_part_by_their_index_and_windows_by_their_rule() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    world(dir);
    let own = ["base/model", "--data", "mine=recordings/index.jsonl#tradition:", "--no-baselines", "--out"];
    let whole = json(dir, &[&EVALUATE[..], &own, &["whole"]].concat());
    assert_eq!(
        whole["sets"][0]["files"].as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>(),
        30
    );
    let cut = ["cut", "--windows", "ccml", "--window", "2.5", "--normalize", "none"];
    let cut = json(dir, &[&EVALUATE[..], &own, &cut].concat());
    // 6 s hold two pieces of 2.5 s; the rest is dropped.
    let windows: u64 = cut["sets"][0]["windows"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!(windows, 60);
    let long = ["long", "--windows", "ccml", "--window", "7"];
    let refused = culturemert(dir, &[&EVALUATE[..], &own, &long].concat()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "no recording is so long: {}", talk(&refused));
}

#[test]
fn what_is_wrong_with_data_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    world(dir);
    let refused = |data: &[&str], part: &str| {
        let arguments = [&EVALUATE[..], &["base/model", "--out", "out", "--data"], data].concat();
        let output = culturemert(dir, &arguments).output().unwrap();
        let said = talk(&output);
        assert!(!output.status.success() && said.contains(part), "{data:?}: {said}");
        assert!(!dir.join("out/evaluation.json").exists(), "nothing is written");
    };
    refused(&["makam"], "is not `NAME=PATH`");
    refused(&["x=nowhere"], "data set `nowhere` does not exist");
    refused(&["raga=corpus#raag:"], "no recording has a tag that begins with `raag:`");
    refused(&["jazz=recordings/carnatic"], "no data set `jazz`");
    refused(&["a=corpus#tradition:", "--data", "a=corpus#@culture"], "two data sets of one name");
    refused(&["a=corpus#tradition:", "--classes", "b"], "no `--data` has this name");
    refused(&["a=corpus#tradition:", "--values", "a"], "NUMBER");
    refused(&["a=corpus#tradition:", "--hop", "60"], "--hop");
    let index = std::fs::read_to_string(dir.join("recordings/index.jsonl")).unwrap();
    let line = index.lines().next().unwrap().replace(".wav", "-lost.wav");
    std::fs::write(dir.join("recordings/more.jsonl"), format!("{index}{line}\n")).unwrap();
    refused(&["mine=recordings/more.jsonl#tradition:"], "--allow-missing");
    let allowed =
        ["base/model", "--out", "out", "--data", "mine=recordings/more.jsonl#tradition:", "--allow-missing"];
    let marked = json(dir, &[&EVALUATE[..], &allowed].concat());
    let incomplete = marked["sets"][0]["incomplete"][0].as_str().unwrap();
    assert!(incomplete.starts_with("1 recordings are missing"), "{incomplete}");
    assert!(std::fs::read_to_string(dir.join("out/report.md")).unwrap().contains("is not whole"));
}

#[test]
fn single_frames_are_probed_by_annotations() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    world(dir);
    json(dir, &["synth", "--out", "annotated", "--minutes", "0.6", "--piece-seconds", "6", "--annotations"]);
    for table in ["beats.tsv", "melody.tsv"] {
        let synthetic = std::fs::read_to_string(dir.join("annotated").join(table)).unwrap();
        std::fs::write(dir.join("recordings").join(table), synthetic).unwrap();
    }
    std::fs::write(dir.join("probe.toml"), "epochs = 20\nseeds = [1, 2]\nhidden = 64\n").unwrap();
    let data = ["base/model", "--data", "rhythm=corpus,pitch=corpus,own=recordings/index.jsonl"];
    let frames = "rhythm=recordings/beats.tsv,pitch=recordings/melody.tsv,own=recordings/melody.tsv";
    let more = ["--split", "group", "--frames-per-recording", "200", "--frames", frames];
    let evaluate = [&EVALUATE[..], &data, &more].concat();
    let run = |out, threads| evaluated(dir, &evaluate, out, threads);
    let first = run("one", "1");
    assert_eq!(first["sets"][0]["outputs"], serde_json::json!(["cycle", "group"]));
    assert_eq!(first["sets"][0]["metrics"], serde_json::json!(["ROC-AUC", "AP"]));
    assert_eq!(first["sets"][1]["metrics"], serde_json::json!(["accuracy", "macro F1"]));
    let items: u64 = first["sets"][1]["files"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert!((4000..=6000).contains(&items), "200 frames of each of 30 pieces, less where few sound: {items}");
    // Strokes stand out in log-mel bands, if the frames are those of the annotations.
    let score = |model: &str, set: &str| {
        let cells = first["cells"].as_array().unwrap();
        let cell = cells.iter().find(|cell| cell["model"] == model && cell["set"] == set).unwrap();
        cell["first"]["mean"].as_f64().unwrap()
    };
    assert!(score("log-mel statistics", "rhythm") > score("chance", "rhythm") + 0.2, "{first}");
    assert_eq!(first, run("two", "3"), "other threads");
    assert_eq!(first, run("one", "2"), "kept features");
    let refused = |frames: &str, part: &str| {
        let arguments = [&EVALUATE[..], &data, &["--out", "none", "--frames", frames]].concat();
        let output = culturemert(dir, &arguments).output().unwrap();
        let said = talk(&output);
        assert!(!output.status.success() && said.contains(part), "{frames}: {said}");
    };
    std::fs::write(dir.join("none.tsv"), "id\ttime\tlabel\nnobody\t1.0\tbeat\n").unwrap();
    std::fs::write(dir.join("bad.tsv"), "id\ttime\tlabel\nnobody\tsoon\tbeat\n").unwrap();
    refused("jazz=none.tsv", "no `--data` has this name");
    refused("rhythm=none.tsv", "annotates no recording of `rhythm`");
    refused("rhythm=bad.tsv", "line 2: `soon` is no time");
    refused("rhythm=absent.tsv", "does not exist");
}

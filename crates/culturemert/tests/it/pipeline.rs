//! The verbs one after the other, on a small synthetic corpus.

use std::path::Path;

use files::Npy;
use serde_json::Value;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

#[test]
fn recordings_become_models_tags_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    let western = ["--set", "stage.0.data.cultures=[{culture=\"western\"}]"];
    let base = json(dir, &[&train[..], &["base", "--init", "scratch"], &FEW].concat());
    assert_eq!(base["trained_parameters"][1][1].as_u64().unwrap(), 494_196);
    for out in ["one", "two"] {
        let seed = format!("run.seed={}", out.len() + usize::from(out == "two"));
        json(dir, &[&train[..], &[out, "--init", "base/model", "--set", &seed], &FEW].concat());
    }
    let refused =
        culturemert(dir, &[&train[..], &["other", "--init", "base/model"], &western, &FEW].concat());
    let refused = { refused }.output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "western is replayed and trained: {}", talk(&refused));

    let merge = ["merge", "--base", "base/model", "--model", "one/model", "--model", "two/model", "--out"];
    json(dir, &[&merge[..], &["merged", "--lambda", "0.2"]].concat());
    json(dir, &[&merge[..], &["same", "--lambda", "0"]].concat());
    let same = json(dir, &["inspect", "same", "--against", "base/model"]);
    assert_eq!(same["n_compared"], same["n_equal"], "λ = 0 is the base: {same}");
    assert_eq!(same["n_compared"].as_u64(), Some(83));
    json(dir, &["task-vector", "--base", "base/model", "--model", "one/model", "--out", "vector"]);
    let merge = ["merge", "--base", "base/model", "--model", "vector", "--model", "two/model", "--out"];
    json(dir, &[&merge[..], &["cut", "--lambda", "0.2", "--shard-bytes", "300000"]].concat());
    assert!(dir.join("cut/model.safetensors.index.json").is_file());
    let cut = json(dir, &["inspect", "cut", "--against", "merged"]);
    assert_eq!(cut["n_compared"], cut["n_equal"], "a task vector gives what its model gives: {cut}");

    let piece = first_wav(&dir.join("recordings/carnatic"));
    let piece = piece.to_str().unwrap();
    json(dir, &["embed", "--model", "merged", piece, "--out", "all.npy"]);
    json(dir, &["embed", "--model", "merged", piece, "--out", "mean.npy", "--pool", "mean", "--layer", "2"]);
    // 6 s: 144000 samples, 449 frames; four layers and the input of the first.
    assert_eq!(Npy::<f32>::open(&dir.join("all.npy")).unwrap().shape(), [5, 449, 96]);
    assert_eq!(Npy::<f32>::open(&dir.join("mean.npy")).unwrap().shape(), [1, 1, 96]);
    json(dir, &["tokenize", "--codec", "codec", piece, "--out", "codes.npy"]);
    assert_eq!(Npy::<u16>::open(&dir.join("codes.npy")).unwrap().shape(), [450, 4]);
    let narrow =
        culturemert(dir, &["tokenize", "--codec", "codec", "--bandwidth", "6", piece, "--out", "narrow.npy"]);
    let refused = { narrow }.output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(talk(&refused).contains("has no bandwidth to choose"), "{}", talk(&refused));
    json(dir, &["cqt", piece, "--out", "cqt.npy", "--bins", "84"]);
    assert_eq!(Npy::<f32>::open(&dir.join("cqt.npy")).unwrap().shape(), [451, 84]);

    let similarity = json(dir, &["similarity", "--corpus", "corpus", "--out", "similarity.json"]);
    assert_eq!(similarity["cultures"].as_array().unwrap().len(), 5);
    counts_are_kept(dir, &similarity);
    std::fs::write(dir.join("probe.toml"), "epochs = 3\nseeds = [1, 2]\nhidden = 32\n").unwrap();
    let probe = [
        "probe",
        "--model",
        "merged",
        "--corpus",
        "corpus",
        "--tags",
        "tradition:",
        "--config",
        "probe.toml",
    ];
    let probed = json(dir, &[&probe[..], &["--out", "tradition.json"]].concat());
    assert_eq!(probed["tags"].as_array().unwrap().len(), 5);
    let tags = json(dir, &["tag", "--model", "merged", "--probe", "tradition.safetensors", piece]);
    assert_eq!(tags[0]["tags"].as_array().unwrap().len(), 5);
    let other = ["tag", "--model", "base/model", "--probe", "tradition.safetensors", piece];
    let other = culturemert(dir, &other).output().unwrap();
    assert_eq!(other.status.code(), Some(2), "a probe of another model: {}", talk(&other));
}

fn first_wav(folder: &std::path::Path) -> std::path::PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.remove(0)
}

#[test]
fn bad_recordings_are_quarantined_and_too_many_fail_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    json(dir, &["synth", "--out", "recordings", "--minutes", "0.4", "--piece-seconds", "6"]);
    std::fs::write(dir.join("recordings/greek/broken.wav"), b"RIFF\x10\x00\x00\x00WAVEnothing").unwrap();
    std::fs::remove_file(dir.join("recordings/index.jsonl")).unwrap();
    let prepare = ["prepare", "--index", "recordings", "--out"];
    let report = json(dir, &[&prepare[..], &["corpus"]].concat());
    assert_eq!((report["prepared"].as_u64(), report["quarantined"].as_u64()), (Some(20), Some(1)));
    let strict = culturemert(dir, &[&prepare[..], &["strict", "--max-quarantined", "0.01"]].concat())
        .output()
        .unwrap();
    assert_eq!(strict.status.code(), Some(1), "{}", talk(&strict));
}

/// Statistics from kept counts are those from the tokens, and codes of any tokenizer are counted.
fn counts_are_kept(dir: &Path, of_corpus: &Value) {
    let counts = ["--counts", "counts.safetensors"];
    let first = json(dir, &[&["similarity", "--corpus", "corpus"], &counts[..]].concat());
    let bytes = std::fs::read(dir.join("counts.safetensors")).unwrap();
    assert_eq!(&first, of_corpus);
    assert_eq!(json(dir, &[&["similarity"], &counts[..]].concat()), first);
    assert_eq!(json(dir, &[&["similarity", "--corpus", "corpus"], &counts[..]].concat()), first);
    assert_eq!(std::fs::read(dir.join("counts.safetensors")).unwrap(), bytes);
    assert_eq!(first["unit"], "nats");
    for pair in first["intervals"]["pairs"].as_array().unwrap() {
        let [low, high] = ["low", "high"].map(|end| pair["divergence"][end].as_f64().unwrap());
        assert!((0.0..high).contains(&low), "{pair}");
    }
    for culture in first["halves"]["cultures"].as_array().unwrap() {
        assert!(culture["divergence"]["mean"].as_f64().unwrap() > 0.0, "{culture}");
    }
    for target in first["guided"].as_array().unwrap() {
        let sources = target["sources"].as_array().unwrap();
        let sum: f64 = sources.iter().map(|source| source["lambda"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "five models at 0.2: {target}");
    }
    let text = ["--unit", "bits", "--format", "text"];
    let shown = culturemert(dir, &[&["similarity"], &counts[..], &text].concat()).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("| Pair | JSD, bits |") && shown.contains("floor, bits"), "{shown}");

    for (culture, name) in [("one", "a"), ("one", "b"), ("two", "c")] {
        std::fs::create_dir_all(dir.join("codes").join(culture)).unwrap();
        std::fs::copy(dir.join("codes.npy"), dir.join("codes").join(culture).join(format!("{name}.npy")))
            .unwrap();
    }
    let other = ["similarity", "--codes", "one=codes/one", "--codes", "two=codes/two", "--entries", "64"];
    let other = json(dir, &other);
    assert_eq!(other["n_frames"], serde_json::json!([900, 450]));
    assert!(other["mean"]["jsd_nats"][0][1].as_f64().unwrap() < 1e-12);
    let few = ["similarity", "--codes", "one=codes/one", "--entries", "64"];
    let refused = culturemert(dir, &few).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(talk(&refused).contains("at least two cultures"), "{}", talk(&refused));
}

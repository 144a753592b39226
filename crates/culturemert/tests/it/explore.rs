//! `explore`: a page with its excerpts, the same twice, silent where licences do not allow sound.

use std::path::Path;

use serde_json::Value;

use crate::command::{FEW, culturemert, json, talk};

/// The JSON that lies in a page.
fn data_of(page: &Path) -> Value {
    let page = std::fs::read_to_string(page.join("index.html")).unwrap();
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn excerpts(page: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(page.join("audio")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// 30 pieces of 6 s; those of each culture under another licence, or none.
fn corpus_of_licences(dir: &Path) {
    json(dir, &["synth", "--out", "recordings", "--minutes", "0.6", "--piece-seconds", "6"]);
    let index = std::fs::read_to_string(dir.join("recordings/index.jsonl")).unwrap();
    let mut changed = String::new();
    for line in index.lines() {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row["licence"] = match row["culture"].as_str().unwrap() {
            "western" => "CC0-1.0".into(),
            "greek" => "CC BY-NC-SA 4.0".into(),
            "carnatic" => "CC BY-ND 4.0".into(),
            "hindustani" => "for research, on request".into(),
            _ => Value::Null,
        };
        changed.push_str(&row.to_string());
        changed.push('\n');
    }
    std::fs::write(dir.join("recordings/index.jsonl"), changed).unwrap();
    json(dir, &["prepare", "--index", "recordings/index.jsonl", "--out", "corpus"]);
    json(
        dir,
        &[
            "fit-codec",
            "--corpus",
            "corpus",
            "--out",
            "codec",
            "--codebooks",
            "4",
            "--entries",
            "64",
            "--max-frames",
            "4000",
        ],
    );
    json(dir, &["tokenize", "--codec", "codec", "--corpus", "corpus"]);
}

#[test]
fn a_corpus_becomes_a_page_that_is_heard_where_licences_allow_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    corpus_of_licences(dir);
    for (out, seed) in [("one", "run.seed=1"), ("two", "run.seed=2")] {
        let train =
            ["pretrain", "--config", "pocket", "--corpus", "corpus", "--init", "scratch", "--out", out];
        json(dir, &[&train[..], &["--set", seed], &FEW].concat());
    }
    std::fs::write(dir.join("probe.toml"), "epochs = 2\nhidden = 8\nseeds = [1]\n").unwrap();
    let probe =
        ["probe", "--model", "one/model", "--corpus", "corpus", "--tags", "tradition:", "--split", "group"];
    json(dir, &[&probe[..], &["--config", "probe.toml", "--out", "tradition.json"]].concat());

    let both = ["explore", "corpus", "--model", "one/model", "--model", "two/model"];
    let result = json(
        dir,
        &[&both[..], &["--probe", "tradition.safetensors", "--excerpt-seconds", "2", "--out", "page"]]
            .concat(),
    );
    assert_eq!(result["clips"].as_u64(), Some(30));
    assert_eq!(result["sound"]["excerpt"].as_u64(), Some(12), "western and greek: {result}");
    assert_eq!(result["sound"]["not allowed by the licence"].as_u64(), Some(18));
    let data = data_of(&dir.join("page"));
    let names: Vec<String> = excerpts(&dir.join("page"))
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let heard: Vec<String> = (0..30)
        .filter(|&at| data["clips"]["sound"][at].as_f64().unwrap() > 0.0)
        .map(|at| {
            let culture = data["clips"]["culture"][at].as_u64().unwrap() as usize;
            assert!(["western", "greek"].contains(&data["cultures"][culture].as_str().unwrap()));
            format!("{at:05}.wav")
        })
        .collect();
    assert_eq!(names, heard);
    // 2 s at 24 kHz, 16 bits.
    assert!(excerpts(&dir.join("page")).iter().all(|path| path.metadata().unwrap().len() == 44 + 96_000));
    for model in data["models"].as_array().unwrap() {
        let near = model["near"].as_array().unwrap();
        assert!(near.iter().all(|row| row.as_array().unwrap().len() == 10));
        assert!(near.iter().enumerate().all(|(at, row)| !row.as_array().unwrap().contains(&at.into())));
    }
    assert_eq!(data["predictions"][0]["top"].as_array().unwrap().len(), 30);
    let shared =
        data["shared"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>() as f64 / 30.0;
    assert!((result["shared_neighbours"].as_f64().unwrap() - shared).abs() < 1e-9);

    // The same command gives the same bytes; a limit takes excerpts away, and the page says so; a page is written over, other folders are not.
    json(
        dir,
        &[&both[..], &["--probe", "tradition.safetensors", "--excerpt-seconds", "2", "--out", "again"]]
            .concat(),
    );
    let bytes = |page: &str| std::fs::read(dir.join(page).join("index.html")).unwrap();
    assert_eq!(bytes("page"), bytes("again"));
    let one = ["explore", "corpus", "--model", "one/model", "--out", "again"];
    let limited = json(dir, &[&one[..], &["--audio-megabytes", "1", "--by", "recording"]].concat());
    let n_heard = limited["sound"]["excerpt"].as_u64().unwrap();
    assert_eq!(limited["recordings"].as_u64(), Some(30));
    assert!(
        (1..12).contains(&n_heard) && limited["sound"]["beyond the limit"].as_u64() == Some(12 - n_heard),
        "{limited}"
    );
    assert_eq!(excerpts(&dir.join("again")).len() as u64, n_heard);
    let silent = json(dir, &[&one[..], &["--no-audio"]].concat());
    assert_eq!(silent["sound"]["switched off"].as_u64(), Some(30));
    assert!(excerpts(&dir.join("again")).is_empty());
    for (arguments, part) in [
        (&["explore", "corpus", "--model", "one/model", "--out", "codec"][..], "which is no part of a page"),
        (
            &["explore", "corpus", "--model", "two/model", "--probe", "tradition.safetensors", "--out", "x"],
            "none of those given",
        ),
        (&["explore", "corpus", "--model", "one/model", "--layer", "9", "--out", "x"], "`--layer 9`"),
    ] {
        let refused = culturemert(dir, arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", talk(&refused));
        assert!(talk(&refused).contains(part), "{}", talk(&refused));
    }
    assert!(dir.join("codec/codec.toml").is_file() && !dir.join("x").exists());
}

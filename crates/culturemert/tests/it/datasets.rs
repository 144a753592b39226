//! The published data sets on the command line.

use std::path::Path;

use crate::command::{culturemert, json, talk};

/// A makam-like set: ids as numpy keeps them, and a recording of 6 s for each.
pub(crate) fn makam(folder: &Path) {
    let audios = folder.join("makam/audios");
    std::fs::create_dir_all(&audios).unwrap();
    let mut number = 0;
    for (split, n) in [("train", 8), ("valid", 1), ("test", 2)] {
        let ids: Vec<String> = (0..n).map(|at| format!("{split}{at}")).collect();
        std::fs::write(folder.join(format!("makam/{split}.npy")), npy_of(&ids)).unwrap();
        for id in ids {
            number += 1;
            let samples: Vec<f32> =
                (0..144_000).map(|t| 0.3 * (t as f32 * (0.02 + 0.001 * number as f32)).sin()).collect();
            let path = audios.join(format!("{id}.wav"));
            audio::write_wav(std::fs::File::create(&path).unwrap(), &path, &samples, 24_000).unwrap();
        }
    }
}

/// `.npy` of texts, as numpy writes it.
pub(crate) fn npy_of(texts: &[String]) -> Vec<u8> {
    let width = texts.iter().map(String::len).max().unwrap();
    let header = format!("{{'descr': '<U{width}', 'fortran_order': False, 'shape': ({},), }}\n", texts.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    for text in texts {
        let mut cell: Vec<u8> = text.chars().flat_map(|letter| (letter as u32).to_le_bytes()).collect();
        cell.resize(4 * width, 0);
        bytes.extend(cell);
    }
    bytes
}

#[test]
fn the_list_says_licence_size_and_where_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let output = culturemert(folder.path(), &["datasets"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "makam (Turkish-makam (Dunya), culture `turkish-makam`)",
        "CC BY-NC-SA 4.0",
        "dunya.compmusic",
        "ISMIR 2017",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let list = json(folder.path(), &["datasets", "--json"]);
    assert_eq!(list.as_array().unwrap().len(), 7);
    assert_eq!(list[0]["recordings"], serde_json::json!([3709, 529, 1059]));
    let refused = culturemert(folder.path(), &["datasets", "check", "jazz", "."]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(talk(&refused).contains("no data set `jazz`, only: makam"), "{}", talk(&refused));
}

#[test]
fn a_set_that_is_not_whole_is_told_in_full_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    makam(folder.path());
    std::fs::remove_file(folder.path().join("makam/audios/test1.wav")).unwrap();
    let output = culturemert(folder.path(), &["datasets", "check", "makam", "makam"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", talk(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["absent"], serde_json::json!(["test1"]));
    assert_eq!(
        (found["splits"][2]["there"].as_u64(), found["is_complete"].as_bool()),
        (Some(1), Some(false))
    );
    let said = talk(&output);
    for part in ["test: 1 of 2 recordings are there", "1 recordings are absent", "the published one 3709"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn gathered_data_become_a_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    makam(root);
    let gather =
        ["datasets", "gather", "--data", "makam=makam", "--out", "index.jsonl", "--report", "report.json"];
    let more = ["--hours", "makam=0.005", "--held-out-minutes", "0.1"];
    let summary = json(root, &[&gather[..], &more[..]].concat());
    // 18 s are four crops of 5 s, one a recording; 6 s held out are two.
    assert_eq!(
        (summary["sets"][0]["recordings"].as_u64(), summary["sets"][0]["held_out"].as_u64()),
        (Some(4), Some(2))
    );
    assert_eq!(summary["overlap"]["by_content"], 0);
    assert!(summary["stages"][0]["fault"].as_str().unwrap().contains("carnatic"), "{summary}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["sets"][0]["files"].as_array().unwrap().len(), 6);
    let prepared = json(root, &["prepare", "--index", "index.jsonl", "--out", "corpus"]);
    assert_eq!((prepared["prepared"].as_u64(), prepared["quarantined"].as_u64()), (Some(6), Some(0)));
    assert_eq!(prepared["cultures"]["turkish-makam"]["valid"]["recordings"], 2);
    for (wrong, part) in [
        (["--hours", "lyra=3"], "names a data set that `--data` does not"),
        (["--hours", "makam"], "is not NAME=VALUE"),
        (["--hours", "makam=much"], "`much` is no number of hours"),
    ] {
        let output = culturemert(root, &[&gather[..], &wrong[..]].concat()).output().unwrap();
        assert!(output.status.code() == Some(2) && talk(&output).contains(part), "{}", talk(&output));
    }
}

#[test]
fn own_recordings_are_split_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    makam(root);
    let rows =
        (0..8).map(|at| format!("makam/audios/train{at}.wav\tmakam\tmakam:{}\tsinger:{}\n", at % 2, at / 2));
    let index: String = std::iter::once("path\tculture\ttags\tgroup\n".to_owned()).chain(rows).collect();
    std::fs::write(root.join("own.tsv"), index).unwrap();
    let first = json(root, &["datasets", "split", "own.tsv"]);
    assert_eq!(first["kept"]["drawn"], 8);
    let kept = std::fs::read_to_string(root.join("own.tsv.splits.tsv")).unwrap();
    let again = json(root, &["datasets", "split", "own.tsv", "--seed", "5"]);
    assert_eq!((again["kept"]["read"].as_u64(), again["kept"]["drawn"].as_u64()), (Some(8), Some(0)));
    assert_eq!(first["splits"], again["splits"]);
    let prepare = ["prepare", "--index", "own.tsv", "--out", "corpus", "--splits", "own.tsv.splits.tsv"];
    assert_eq!(json(root, &prepare)["splits_drawn"], 0);
    assert_eq!(kept, std::fs::read_to_string(root.join("own.tsv.splits.tsv")).unwrap());
}

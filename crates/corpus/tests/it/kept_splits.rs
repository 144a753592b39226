//! Splits of a user's own recordings: drawn once, kept, and the same ever after.

use std::collections::BTreeMap;
use std::path::Path;

use culturemert_corpus::datasets::{IndexRequest, load_index};
use culturemert_corpus::{PrepareRequest, Prepared, Split};

use crate::helpers::{built, recording, run};

/// Recordings of eight singers and four works; no split is stated.
fn world(root: &Path, n: usize) {
    let mut index = String::from("path\tculture\ttags\tgroup\n");
    for number in 0..n {
        let path = format!("{number}.wav");
        if !root.join(&path).exists() {
            recording(root, &path, 1.0 + 0.01 * number as f64);
        }
        let row =
            format!("{path}\tcarnatic\traga:{};all\tsinger:{};album:{number}\n", number % 2, number / 2);
        index.push_str(&row);
    }
    std::fs::write(root.join("index.tsv"), index).unwrap();
}

fn splits(request: &IndexRequest) -> BTreeMap<String, Split> {
    let (data_set, _) = load_index(request).unwrap();
    data_set.items.into_iter().map(|item| (item.id, item.split)).collect()
}

#[test]
fn a_split_is_drawn_once_and_new_recordings_join_it() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    world(root, 16);
    let request = IndexRequest::new(root.join("index.tsv"));
    let (data_set, kept) = load_index(&request).unwrap();
    assert_eq!((kept.stated, kept.read, kept.drawn), (0, 0, 16));
    assert_eq!(kept.file, root.join("index.tsv.splits.tsv"));
    assert_eq!(data_set.vocabulary[0], "all");
    let first = splits(&request);
    // Another seed draws nothing anew.
    assert_eq!(first, splits(&IndexRequest { seed: 9, ..request.clone() }));
    let elsewhere = IndexRequest { splits: Some(root.join("other.tsv")), seed: 9, ..request.clone() };
    assert_ne!(first, splits(&elsewhere));
    for split in Split::ALL {
        assert!(first.values().any(|&one| one == split), "{split}");
    }
    for singer in 0..8 {
        assert_eq!(first[&format!("{}.wav", 2 * singer)], first[&format!("{}.wav", 2 * singer + 1)]);
    }
    // One more of a known singer goes where that singer is.
    world(root, 17);
    let text = std::fs::read_to_string(root.join("index.tsv")).unwrap();
    std::fs::write(root.join("index.tsv"), text.replace("singer:8", "singer:3")).unwrap();
    let (_, kept) = load_index(&request).unwrap();
    assert_eq!((kept.read, kept.drawn), (16, 1));
    let second = splits(&request);
    assert_eq!(second["16.wav"], first["6.wav"]);
    assert!(first.iter().all(|(name, split)| second[name] == *split));
    // What is gone from the index stays in the file.
    world(root, 4);
    let (_, kept) = load_index(&request).unwrap();
    assert_eq!((kept.read, kept.drawn, kept.unknown), (4, 0, 13));
}

#[test]
fn prepare_reads_the_splits_that_were_kept() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    world(root, 16);
    let first = splits(&IndexRequest::new(root.join("index.tsv")));
    let mut request = PrepareRequest::new(root.join("index.tsv"), root.join("out"));
    request.splits = Some(root.join("index.tsv.splits.tsv"));
    request.settings.seed = 77;
    let (report, corpus) = built(&request);
    assert_eq!(report.splits_drawn, 0);
    assert!(corpus.clips().iter().all(|clip| clip.split == first[&clip.source]));
    assert!(matches!(run(&request).unwrap(), Prepared::UpToDate(_)));
    // Where there is no file yet, `prepare` draws and keeps them.
    request.out = root.join("again");
    request.splits = Some(root.join("new.tsv"));
    let (_, corpus) = built(&request);
    let kept = std::fs::read_to_string(root.join("new.tsv")).unwrap();
    for clip in corpus.clips() {
        assert!(kept.contains(&format!("{}\t{}\n", clip.source, clip.split)), "{}", clip.source);
    }
    assert!(matches!(run(&request).unwrap(), Prepared::UpToDate(_)));
}

#[test]
fn what_contradicts_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for name in ["a", "b", "c"] {
        recording(root, &format!("{name}.wav"), 1.0);
    }
    let index = root.join("index.tsv");
    let request = IndexRequest::new(&index);
    let said = |rows: &str| {
        std::fs::write(&index, format!("path\tculture\tsplit\tgroup\n{rows}")).unwrap();
        load_index(&request).unwrap_err().to_string()
    };
    let parted = "a.wav\tc\ttrain\ts\nb.wav\tc\ttest\ts\n";
    assert!(said(parted).contains("1 groups stand on more than one side"), "{}", said(parted));
    let (data_set, _) = load_index(&IndexRequest { allow_missing: true, ..request.clone() }).unwrap();
    assert_eq!((data_set.items.len(), data_set.deviations.len()), (2, 1));
    let absent = said("a.wav\tc\ttrain\t\nnowhere.wav\tc\ttest\t\n");
    assert!(absent.contains("1 of 2 recordings are not there"), "{absent}");
    std::fs::copy(root.join("a.wav"), root.join("copy.wav")).unwrap();
    let same = said("a.wav\tc\ttrain\t\ncopy.wav\tc\ttest\t\n");
    assert!(same.contains("are the same recording in two splits"), "{same}");
    let kept = request.splits_file();
    std::fs::write(&kept, "recording\tsplit\na.wav\ttest\n").unwrap();
    assert!(said("a.wav\tc\ttrain\t\n").contains("it says test of `a.wav`, the index train"));
    for (text, part) in [
        ("path\tsplit\n", "line 1"),
        ("recording\tsplit\na.wav\n", "line 2"),
        ("recording\tsplit\na.wav\tsome\n", "unknown split"),
        ("recording\tsplit\na.wav\ttest\na.wav\ttest\n", "a second time"),
    ] {
        std::fs::write(&kept, text).unwrap();
        let said = said("a.wav\tc\t\t\n");
        assert!(said.contains(part), "{said}");
    }
}

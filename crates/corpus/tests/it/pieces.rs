//! Pieces of files: cut where the index says, apart from each other and from the whole.

use std::path::Path;

use culturemert_corpus::{Clip, Corpus, PrepareReport, PrepareRequest, Reason, read_index};

use crate::helpers::{built, noise, recording};

fn prepared(root: &Path, index: &str) -> (PrepareReport, Corpus) {
    files::write_atomic(&root.join("index.tsv"), index.as_bytes()).unwrap();
    let mut request = PrepareRequest::new(root.join("index.tsv"), root.join("out"));
    request.max_quarantined_share = 0.9;
    built(&request)
}

#[test]
fn a_piece_is_what_lies_between_its_times() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    recording(root, "film.wav", 9.0);
    let index = "path\tculture\tsplit\tstart\tend\n\
                 film.wav\tgreek\ttrain\t1.25\t4\n\
                 film.wav\tgreek\ttest\t4\t9.5\n\
                 film.wav\tgreek\ttrain\t8\t11\n";
    let (report, corpus) = prepared(root, index);
    let whole: Vec<f32> =
        noise("film.wav", 9 * 24_000).into_iter().map(|sample| f32::from(sample) / 32768.0).collect();
    let read = |clip: &Clip| corpus.clip_samples(clip).unwrap();
    let names: Vec<&str> = corpus.clips().iter().map(|clip| clip.source.as_str()).collect();
    assert_eq!(names, ["film.wav@1.25-4", "film.wav@4-9.5"]);
    assert!(read(&corpus.clips()[0]) == whole[30_000..96_000]);
    // Half a second behind the end of the file is how times are rounded; two are another film.
    assert!(read(&corpus.clips()[1]) == whole[96_000..]);
    assert_eq!(report.quarantined_by_reason[&Reason::Truncated], 1);
    assert!(report.quarantine[0].detail.contains("ends at 9.000 s"), "{}", report.quarantine[0].detail);
    corpus.verify().unwrap();
}

#[test]
fn the_same_piece_twice_and_half_a_piece_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (rows, part) in [
        ("a.wav\tc\t1\t2\na.wav\tc\t1\t2\n", "already stands in line 2"),
        ("a.wav\tc\t1\t\n", "without the other"),
        ("a.wav\tc\t2\t1\n", "starts at 2 s"),
    ] {
        let index = directory.path().join("index.tsv");
        std::fs::write(&index, format!("path\tculture\tstart\tend\n{rows}")).unwrap();
        let said = read_index(&index, None).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
    let lines = "{\"path\": \"a.wav\", \"culture\": \"c\", \"start\": 1, \"end\": 2.5, \"group\": [\"singer:a\", \"work:b\"]}\n";
    let index = directory.path().join("index.jsonl");
    std::fs::write(&index, lines).unwrap();
    let read = read_index(&index, None).unwrap();
    assert_eq!(read.recordings[0].cut.unwrap().times(), (1.0, 2.5));
    assert_eq!(read.recordings[0].group.as_deref(), Some("singer:a;work:b"));
}

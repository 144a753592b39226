//! Corpora that were damaged, or made to do harm.

use std::path::Path;

use culturemert_corpus::{Corpus, CorpusError, PrepareRequest};

use crate::helpers::{built, recording, run};

fn small(root: &Path) -> Corpus {
    for number in 0..3 {
        recording(root, &format!("in/x/{number}.wav"), 1.0 + number as f64);
    }
    built(&PrepareRequest::new(root.join("in"), root.join("out"))).1
}

/// Changes `file` of a fresh corpus and says what opening tells then.
fn opened_after(file: &str, change: impl Fn(String) -> String) -> String {
    let directory = tempfile::tempdir().unwrap();
    let dir = small(directory.path()).dir().to_path_buf();
    let text = std::fs::read_to_string(dir.join(file)).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the change changes something");
    std::fs::write(dir.join(file), changed).unwrap();
    Corpus::open(&dir).err().map(|error| error.to_string()).unwrap_or_default()
}

#[track_caller]
fn check(file: &str, from: &str, to: &str, expected: &str) {
    let message = opened_after(file, |text| text.replacen(from, to, 1));
    assert!(message.contains(expected), "`{message}` does not say `{expected}`");
}

#[test]
fn nothing_reaches_outside() {
    check("clips.jsonl", "\"source\":\"x/0.wav\"", "\"source\":\"../x/0.wav\"", "not a clean relative path");
    check("clips.jsonl", "\"source\":\"x/0.wav\"", "\"source\":\"/etc/passwd\"", "not a clean relative path");
    check("clips.jsonl", "\"id\":\"x/0.wav#0\"", "\"id\":\"x/../../0\"", "not a clean relative path");
    check("clips.jsonl", "\"shard\":0", "\"shard\":7", "line 1: its shard 7 does not exist");
    check("clips.jsonl", "\"offset\":24000", "\"offset\":23999", "belong to an earlier clip");
    check(
        "clips.jsonl",
        "\"samples\":72000",
        "\"samples\":72001",
        "line 3: it ends at sample 144001 of a shard of 144000",
    );
    check("clips.jsonl", "\"samples\":72000", "\"samples\":18446744073709551615", "beyond counting");
    check("clips.jsonl", "\"samples\":24000", "\"samples\":0", "no samples");
    check("clips.jsonl", "x/1.wav#0", "x/0.wav#0", "is taken");
    check("clips.jsonl", "\"culture\":\"x\"", "\"culture\":\"\"", "no culture");
    check("clips.jsonl", "\"split\":", "\"split\":\"both\",\"was\":", "unknown variant `both`");
    check("clips.jsonl", "{", "[", "line 1");
}

#[test]
fn a_manifest_of_another_kind_is_named() {
    check("corpus.toml", "schema = 1", "schema = 2", "its schema is 2, this program reads 1");
    check("corpus.toml", "schema = 1", "scheme = 1", "missing field `schema`");
    check("corpus.toml", "sample_rate = 24000", "sample_rate = 16000", "its sample rate is 16000");
    check("corpus.toml", "samples = 144000", "samples = 144001", "the manifest says 144001");
    check(
        "corpus.toml",
        "sample_format = \"int16\"",
        "sample_format = \"float32\"",
        "not a readable npy file",
    );
    let message = opened_after("clips.jsonl", |_| "x".repeat(2_000_000));
    assert!(message.contains("longer than"), "{message}");
}

#[test]
fn verify_finds_one_changed_bit() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    corpus.verify().unwrap();
    assert!(corpus.quarantine().unwrap().is_empty() && corpus.report().unwrap().prepared == 3);
    for file in ["audio/00000.npy", "clips.jsonl", "quarantine.jsonl", "report.json"] {
        let path = corpus.dir().join(file);
        let bytes = std::fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        match changed.last_mut() {
            Some(last) => *last ^= 1,
            None => changed.push(b'\n'),
        }
        // Beside and renamed, as any tool should: the open corpus maps the old file.
        files::write_atomic(&path, &changed).unwrap();
        let message = corpus.verify().unwrap_err().to_string();
        assert!(message.contains(file) && message.contains("sha256"), "{message}");
        files::write_atomic(&path, &bytes).unwrap();
    }
}

#[test]
fn a_missing_or_short_array_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    let path = corpus.dir().join("audio/00000.npy");
    let bytes = std::fs::read(&path).unwrap();
    files::write_atomic(&path, &bytes[..bytes.len() - 2]).unwrap();
    assert!(Corpus::open(corpus.dir()).is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(Corpus::open(corpus.dir()).is_err());
}

#[test]
fn a_crop_outside_its_clip_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    let clip = &corpus.clips()[0];
    assert_eq!(corpus.samples(clip, 23_999, 1).unwrap().len(), 1);
    assert_eq!(corpus.samples(clip, 24_000, 0).unwrap(), [] as [f32; 0]);
    for (start, n) in [(24_000, 1), (0, 24_001), (u64::MAX, 1), (0, usize::MAX)] {
        assert!(matches!(corpus.samples(clip, start, n), Err(CorpusError::OutOfClip { .. })));
    }
    let mut foreign = clip.clone();
    foreign.samples = u64::MAX;
    assert!(corpus.samples(&foreign, 140_000, 10_000).is_err());
    foreign.shard = 9;
    assert!(corpus.samples(&foreign, 0, 1).is_err());
}

#[cfg(unix)]
#[test]
fn links_inside_a_corpus_are_refused() {
    use std::os::unix::fs::symlink;
    for name in ["audio", "audio/00000.npy", "clips.jsonl", "corpus.toml", "report.json", "codes"] {
        let directory = tempfile::tempdir().unwrap();
        let corpus = small(directory.path());
        let (inside, outside) = (corpus.dir().join(name), directory.path().join("outside"));
        if inside.exists() {
            std::fs::rename(&inside, &outside).unwrap();
        } else {
            std::fs::create_dir(&outside).unwrap();
        }
        symlink(&outside, &inside).unwrap();
        let error =
            Corpus::open(corpus.dir()).and_then(|corpus| corpus.codes("0123456789abcdef").map(|_| ()));
        assert!(error.unwrap_err().to_string().contains("it is a link"), "{name}");
        // Nor does `prepare` write through one.
        let again = PrepareRequest {
            replace: true,
            ..PrepareRequest::new(directory.path().join("in"), corpus.dir())
        };
        assert!(run(&again).unwrap_err().to_string().contains("it is a link"), "{name}");
    }
}

#[test]
fn clips_of_a_recording_stand_together() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    assert_eq!(corpus.recordings(), [0..1, 1..2, 2..3]);
}

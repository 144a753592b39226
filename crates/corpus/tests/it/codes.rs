//! Codes: written clip by clip, cut off, gone on with, read.

use std::path::Path;

use culturemert_corpus::{CodesHeader, CodesWriter, Corpus, PrepareRequest, PrepareSettings};

use crate::helpers::{built, recording};

const TOKENIZER: &str = "0123456789abcdef";

fn small(root: &Path) -> Corpus {
    for number in 0..5 {
        recording(root, &format!("in/x/{number}.wav"), 1.0 + 0.37 * number as f64);
    }
    let mut request = PrepareRequest::new(root.join("in"), root.join("out"));
    request.settings = PrepareSettings {
        segment_seconds: 1.0,
        min_seconds: 0.01,
        shard_bytes: 150_000,
        ..PrepareSettings::default()
    };
    built(&request).1
}

fn header() -> CodesHeader {
    CodesHeader { tokenizer: TOKENIZER.into(), name: "test".into(), n_codebooks: 3, n_entries: 1024 }
}

/// Codes that tell clip, frame and book apart.
fn codes(corpus: &Corpus, clip: usize) -> Vec<u16> {
    (0..corpus.clips()[clip].n_frames() * 3)
        .map(|position| ((clip as u64 * 100 + position) % 1024) as u16)
        .collect()
}

/// Writes at most `n` clips and stops as if killed.
fn write(corpus: &Corpus, n: usize) -> usize {
    let writer = CodesWriter::open(corpus, header()).unwrap();
    let mut written = 0;
    for shard in writer.pending_shards() {
        let mut of_shard = writer.shard(shard).unwrap();
        while let Some(clip) = of_shard.pending().next() {
            if written == n {
                return written;
            }
            of_shard.push(&codes(corpus, clip)).unwrap();
            written += 1;
        }
        of_shard.finish().unwrap();
    }
    writer.finish().unwrap();
    written
}

#[test]
fn what_is_written_in_pieces_is_read_whole() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    let n_clips = corpus.clips().len();
    assert!(corpus.n_shards() > 1 && n_clips > 8);
    assert!(corpus.codes(TOKENIZER).is_err());
    assert_eq!(write(&corpus, 2), 2);
    assert!(CodesWriter::open(&corpus, header()).unwrap().finish().is_err());
    assert_eq!(write(&corpus, n_clips), n_clips - 2);
    assert_eq!(write(&corpus, n_clips), 0);
    let read = corpus.codes(TOKENIZER).unwrap();
    for clip in 0..n_clips {
        assert_eq!(read.n_frames(clip), corpus.clips()[clip].samples.div_ceil(320) as usize);
        assert_eq!(read.clip(clip).unwrap(), codes(&corpus, clip));
        assert_eq!(read.rows(clip, 1, 2).unwrap(), &codes(&corpus, clip)[3..9]);
        assert!(read.rows(clip, 1, read.n_frames(clip)).is_err());
        assert!(read.rows(clip, usize::MAX, 2).is_err());
    }
    assert!(read.rows(n_clips, 0, 0).is_err() && read.clip(n_clips).is_err());
    let left: Vec<_> =
        std::fs::read_dir(directory.path().join("out/codes").join(TOKENIZER)).unwrap().collect();
    assert_eq!(left.len(), corpus.n_shards() + 1, "work files are gone");
}

#[test]
fn a_torn_clip_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    let n_clips = corpus.clips().len();
    let cut: fn(&mut Vec<u8>) = |bytes| bytes.truncate(bytes.len() - 3);
    let flip: fn(&mut Vec<u8>) = |bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    };
    for damage in [cut, flip] {
        write(&corpus, 2);
        let raw = directory.path().join("out/codes").join(TOKENIZER).join("00000.partial");
        let mut bytes = std::fs::read(&raw).unwrap();
        damage(&mut bytes);
        std::fs::write(&raw, bytes).unwrap();
        let writer = CodesWriter::open(&corpus, header()).unwrap();
        assert_eq!(writer.shard(0).unwrap().pending().start, 1);
        write(&corpus, n_clips);
        assert!(
            (0..n_clips)
                .all(|clip| corpus.codes(TOKENIZER).unwrap().clip(clip).unwrap() == codes(&corpus, clip))
        );
        std::fs::remove_dir_all(directory.path().join("out/codes")).unwrap();
    }
}

#[test]
fn codes_that_cannot_be_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    for tokenizer in ["../../../etc", "ABCDEF0123", "", "0123"] {
        let header = CodesHeader { tokenizer: tokenizer.into(), ..header() };
        assert!(CodesWriter::open(&corpus, header).is_err());
        assert!(corpus.codes(tokenizer).is_err());
    }
    let writer = CodesWriter::open(&corpus, header()).unwrap();
    let mut shard = writer.shard(0).unwrap();
    let good = codes(&corpus, 0);
    assert!(shard.push(&good[1..]).unwrap_err().to_string().contains("needs 225 codes, not 224"));
    let mut high = good.clone();
    high[7] = 1024;
    assert!(shard.push(&high).unwrap_err().to_string().contains("code 1024"));
    shard.push(&good).unwrap();
    assert!(shard.finish().is_err());
    write(&corpus, usize::MAX);
    let other = CodesHeader { n_codebooks: 2, ..header() };
    assert!(CodesWriter::open(&corpus, other).is_err());
    let manifest = directory.path().join("out/codes").join(TOKENIZER).join("codes.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("n_entries = 1024", "n_entries = 4")).unwrap();
    assert!(corpus.codes(TOKENIZER).unwrap().clip(0).unwrap_err().to_string().contains("entries end at 4"));
    std::fs::write(&manifest, text.replace("n_codebooks = 3", "n_codebooks = 5")).unwrap();
    assert!(corpus.codes(TOKENIZER).is_err());
    std::fs::write(&manifest, text.replace("corpus = \"", "corpus = \"0")).unwrap();
    assert!(corpus.codes(TOKENIZER).err().unwrap().to_string().contains("another version"));
}

#[test]
fn damaged_codes_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    write(&corpus, usize::MAX);
    let folder = directory.path().join("out/codes").join(TOKENIZER);
    corpus.codes(TOKENIZER).unwrap().verify().unwrap();
    let file = folder.join("00000.npy");
    let bytes = std::fs::read(&file).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    files::write_atomic(&file, &flipped).unwrap();
    let message = corpus.codes(TOKENIZER).unwrap().verify().unwrap_err().to_string();
    assert!(message.contains("00000.npy") && message.contains("tokenize the corpus again"), "{message}");
    for cut in [0, 5, 100, bytes.len() - 1] {
        files::write_atomic(&file, &bytes[..cut]).unwrap();
        assert!(corpus.codes(TOKENIZER).is_err(), "cut at {cut}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(corpus.codes(TOKENIZER).is_err());
    files::write_atomic(&file, &bytes).unwrap();
    files::write_atomic(&folder.join("codes.toml"), b"schema = 2").unwrap();
    assert!(corpus.codes(TOKENIZER).is_err() && CodesWriter::open(&corpus, header()).is_err());
}

#[test]
fn a_journal_of_nonsense_costs_the_clips_it_spoke_of_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    write(&corpus, 2);
    let journal = directory.path().join("out/codes").join(TOKENIZER).join("00000.partial.hashes");
    for text in [&b"\xff\xfe"[..], b"", b"0123456789abcdef\n", b"\n\n\n"] {
        std::fs::write(&journal, text).unwrap();
        let writer = CodesWriter::open(&corpus, header()).unwrap();
        assert_eq!(writer.shard(0).unwrap().pending().start, 0);
    }
    write(&corpus, usize::MAX);
    let read = corpus.codes(TOKENIZER).unwrap();
    assert!((0..corpus.clips().len()).all(|clip| read.clip(clip).unwrap() == codes(&corpus, clip)));
}

#[test]
fn codes_go_when_the_corpus_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = small(directory.path());
    write(&corpus, usize::MAX);
    recording(directory.path(), "in/x/0.wav", 2.0);
    let mut request = PrepareRequest::new(directory.path().join("in"), corpus.dir());
    request.settings = corpus.manifest().settings.clone();
    request.replace = true;
    let (_, replaced) = built(&request);
    assert!(replaced.codes(TOKENIZER).is_err());
    assert!(!replaced.dir().join("codes").exists());
}

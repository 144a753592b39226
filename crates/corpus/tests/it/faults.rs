//! Every write, sync, rename and removal of `prepare` and of the codes' writer may fail or be the last thing that happens.

use std::collections::BTreeMap;
use std::path::Path;

use culturemert_corpus::{
    CodesHeader, CodesWriter, Corpus, CorpusError, PrepareRequest, PrepareSettings, Prepared,
};

use crate::helpers::{assert_same_tree, built, recording, run, tree};

const TOKENIZER: &str = "0123456789abcdef";

/// Three recordings and a broken file.
fn record(root: &Path) {
    for number in 0..3 {
        recording(&root.join("in"), &format!("x/{number}.wav"), 0.3 + 0.1 * f64::from(number));
    }
    std::fs::write(root.join("in/x/bad.wav"), b"RIFF").unwrap();
}

/// A corpus of them in two shards or more.
fn request(root: &Path, seed: u64) -> PrepareRequest {
    let mut request = PrepareRequest::new(root.join("in"), root.join("out"));
    request.max_quarantined_share = 0.3;
    request.settings = PrepareSettings {
        segment_seconds: 0.4,
        min_seconds: 0.1,
        shard_bytes: 40_000,
        seed,
        ..PrepareSettings::default()
    };
    request
}

/// What `request` makes where nothing goes wrong.
fn whole(seed: u64) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    record(directory.path());
    let (report, corpus) = built(&request(directory.path(), seed));
    assert_eq!((report.prepared, report.quarantined), (3, 1));
    assert!(corpus.n_shards() > 1);
    tree(corpus.dir())
}

#[test]
fn under_every_fault_a_corpus_is_whole_or_unfinished_and_then_the_same() {
    let expected = whole(0);
    let work = |root: &Path| run(&request(root, 0)).map(drop);
    let n_struck = files::faults::everywhere(record, work, |root, is_done| {
        match Corpus::open(&root.join("out")) {
            Ok(corpus) => corpus.verify().unwrap(),
            Err(error) => assert!(!is_done && matches!(error, CorpusError::Unfinished { .. }), "{error}"),
        }
        assert!(!is_done || tree(&root.join("out")) == expected);
    });
    assert!(n_struck > 150, "{n_struck} operations");
}

#[test]
fn under_every_fault_a_replaced_corpus_is_the_old_or_the_new_one() {
    let (old, new) = (whole(0), whole(1));
    assert!(old != new);
    let before = |root: &Path| {
        record(root);
        built(&request(root, 0));
    };
    let work = |root: &Path| run(&PrepareRequest { replace: true, ..request(root, 1) }).map(drop);
    let look = |root: &Path, is_done: bool| {
        Corpus::open(&root.join("out")).unwrap().verify().unwrap();
        let found = tree(&root.join("out"));
        assert!(found == new || (!is_done && found == old));
        assert!(!is_done || std::fs::read_dir(root).unwrap().count() == 2, "the old one is gone");
    };
    files::faults::everywhere(before, work, look);
}

#[test]
fn a_replacement_that_was_given_up_goes_with_the_next_look() {
    let directory = tempfile::tempdir().unwrap();
    record(directory.path());
    let first = request(directory.path(), 0);
    built(&first);
    let replacing = PrepareRequest { replace: true, ..request(directory.path(), 1) };
    assert!(crate::helpers::stopped_after(&replacing, 6).is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    assert!(matches!(run(&first).unwrap(), Prepared::UpToDate(_)));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_corpus_with_things_of_others_in_it_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    record(directory.path());
    let first = request(directory.path(), 0);
    built(&first);
    std::fs::write(first.out.join("notes.txt"), "mine").unwrap();
    let replacing = PrepareRequest { replace: true, ..request(directory.path(), 1) };
    assert!(matches!(run(&replacing), Err(CorpusError::Occupied { found, .. }) if found == "notes.txt"));
    Corpus::open(&first.out).unwrap().verify().unwrap();
}

/// The journal of shards and the list of quarantined files, each cut anywhere, as a machine that stopped may leave them.
#[test]
fn torn_journals_and_lists_are_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    record(directory.path());
    let whole = request(directory.path(), 0);
    built(&whole);
    for n in [8, 9] {
        let torn = PrepareRequest { out: directory.path().join(format!("torn-{n}")), ..whole.clone() };
        // Before the first shard, and after it.
        assert!(crate::helpers::stopped_after(&torn, n).is_err(), "{n}");
        let journal = torn.out.join("parts/assembled.jsonl");
        let text = std::fs::read(&journal).unwrap_or_default();
        let cuts = [0, 1, text.len() / 2, text.len().saturating_sub(1)];
        for (round, cut) in cuts.into_iter().enumerate() {
            std::fs::write(&journal, &text[..cut.min(text.len())]).unwrap();
            std::fs::write(torn.out.join("quarantine.jsonl"), "{\"file\":\"x/bad.wav\",\"rea").unwrap();
            let again =
                PrepareRequest { out: directory.path().join(format!("again-{n}-{round}")), ..torn.clone() };
            std::fs::rename(&torn.out, &again.out).unwrap();
            built(&again);
            assert_same_tree(&whole.out, &again.out);
            assert!(crate::helpers::stopped_after(&torn, n).is_err());
        }
    }
}

fn tokenize(corpus: &Corpus) -> Result<(), CorpusError> {
    let header =
        CodesHeader { tokenizer: TOKENIZER.into(), name: "test".into(), n_codebooks: 2, n_entries: 1024 };
    let writer = CodesWriter::open(corpus, header)?;
    for shard in writer.pending_shards() {
        let mut of_shard = writer.shard(shard)?;
        for clip in of_shard.pending() {
            let n = corpus.clips()[clip].n_frames() as usize * 2;
            let codes: Vec<u16> = (0..n).map(|position| ((clip * 100 + position) % 1024) as u16).collect();
            if of_shard.push(&codes).is_err() {
                // A caller may try again: what failed must have left nothing.
                of_shard.push(&codes)?;
            }
        }
        of_shard.finish()?;
    }
    writer.finish()
}

#[test]
fn under_every_fault_codes_are_whole_or_absent_and_then_the_same() {
    let directory = tempfile::tempdir().unwrap();
    record(directory.path());
    let (_, corpus) = built(&request(directory.path(), 0));
    tokenize(&corpus).unwrap();
    let expected = tree(corpus.dir());
    let open = |root: &Path| Corpus::open(&root.join("out")).unwrap();
    let before = |root: &Path| {
        record(root);
        built(&request(root, 0));
    };
    let n_struck = files::faults::everywhere(
        before,
        |root| tokenize(&open(root)),
        |root, is_done| {
            let corpus = open(root);
            match corpus.codes(TOKENIZER) {
                Ok(codes) => codes.verify().unwrap(),
                Err(error) => assert!(!is_done && error.to_string().contains("none of these"), "{error}"),
            }
            assert!(!is_done || tree(corpus.dir()) == expected);
        },
    );
    assert!(n_struck > 60, "{n_struck} operations");
}

//! The real recordings, all of them: none lost, none replaced, the same bytes every time.

use std::collections::BTreeMap;
use std::time::Instant;

use culturemert_corpus::{Corpus, CorpusError, PrepareRequest, PrepareSettings, Prepared};

use crate::helpers::{assert_same_tree, built, run, stopped_after};

/// Path and stated seconds of every recording.
fn stated(index: &str) -> BTreeMap<&str, f64> {
    let mut lines = index.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|&column| column == name).unwrap();
    let (path, seconds) = (column("path"), column("seconds"));
    lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| (fields[path], fields[seconds].parse().unwrap()))
        .collect()
}

#[test]
fn golden_none_is_lost_none_replaced_and_an_interrupted_run_ends_the_same() {
    let Some(folder) = golden::recordings() else { return };
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let stated = stated(&index);
    let directory = tempfile::tempdir().unwrap();
    // Small shards: the seams between them are part of what is shown.
    let settings = PrepareSettings { shard_bytes: 32 << 20, ..PrepareSettings::default() };
    let request = |out: &str| PrepareRequest {
        settings: settings.clone(),
        ..PrepareRequest::new(folder.join("index.tsv"), directory.path().join(out))
    };
    let start = Instant::now();
    let (report, corpus) = built(&request("whole"));
    eprintln!(
        "golden: {} recordings, {:.3} h, prepared in {:.1?}",
        report.prepared,
        report.hours,
        start.elapsed()
    );
    assert_eq!((report.asked, report.prepared), (stated.len(), stated.len()), "{:?}", report.quarantine);
    let mut seconds: BTreeMap<&str, f64> = BTreeMap::new();
    for clip in corpus.clips() {
        *seconds.entry(&clip.source).or_default() += clip.seconds();
        let hash = files::hash_file(&folder.join(&clip.source)).unwrap().to_string();
        assert!(index.contains(&hash) && hash == clip.source_sha256, "{}", clip.source);
    }
    let mut worst = 0.0f64;
    for (path, stated) in &stated {
        let left_out = report.ends_left_out.get(*path).map_or(0.0, |&samples| samples as f64 / 24_000.0);
        worst = worst.max((seconds[path] + left_out - stated).abs());
    }
    // Containers state lengths with encoder padding, which decoders may or may not cut off: up to a frame or two.
    golden::within("lengths of recordings, seconds", worst, 0.15);
    assert!(report.leaking_groups.is_empty());

    let interrupted = request("interrupted");
    let error = stopped_after(&interrupted, stated.len() + stated.len() / 2).unwrap_err();
    assert!(
        matches!(error, CorpusError::Interrupted { done, .. } if done > 0 && done < stated.len()),
        "{error}"
    );
    built(&interrupted);
    assert_same_tree(&request("whole").out, &interrupted.out);
    Corpus::open(&interrupted.out).unwrap().verify().unwrap();
    assert!(matches!(run(&interrupted).unwrap(), Prepared::UpToDate(again) if again == report));
}

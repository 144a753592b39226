//! Laws of `prepare` on small recordings.

use std::path::Path;

use culturemert_corpus::{
    Clip, Corpus, CorpusError, Index, JobShare, PrepareRequest, PrepareSettings, Prepared, Reason,
    SampleFormat, Split, prepare_index, read_index,
};

use crate::helpers::{assert_same_tree, built, noise, recording, run, stopped_after, wav};

/// Twelve recordings of two cultures, and small segments and shards, so that everything has seams.
fn small(root: &Path) -> PrepareRequest {
    let mut index = String::from("path\tculture\tgroup\ttags\tlicence\tnote\n");
    for number in 0..12 {
        let culture = ["carnatic", "lyra"][number % 2];
        let path = format!("{culture}/{number}.wav");
        recording(&root.join("in"), &path, 0.6 + 0.31 * number as f64);
        let (group, raga) = (number / 3, number % 3);
        let row = format!("{path}\t{culture}\tg{group}\traga:{raga}\tCC0\t-\n");
        index.push_str(&row);
    }
    files::write_atomic(&root.join("in/index.tsv"), index.as_bytes()).unwrap();
    let mut request = PrepareRequest::new(root.join("in/index.tsv"), root.join("out"));
    request.settings = PrepareSettings {
        segment_seconds: 1.0,
        min_seconds: 0.25,
        shard_bytes: 200_000,
        ..PrepareSettings::default()
    };
    request
}

type Change = fn(&mut PrepareRequest);

fn to(request: &PrepareRequest, out: &str) -> PrepareRequest {
    PrepareRequest { out: request.out.with_file_name(out), ..request.clone() }
}

#[test]
fn every_sample_comes_back_exactly() {
    let directory = tempfile::tempdir().unwrap();
    for format in [SampleFormat::Int16, SampleFormat::Float32] {
        let mut request = to(&small(directory.path()), &format.to_string());
        request.settings.sample_format = format;
        let (report, corpus) = built(&request);
        assert_eq!((report.asked, report.prepared, report.quarantined), (12, 12, 0));
        assert!(corpus.n_shards() > 1 && report.clipped.is_empty());
        for number in 0..12 {
            let source = format!("{}/{number}.wav", ["carnatic", "lyra"][number % 2]);
            let clips: Vec<&Clip> = corpus.clips().iter().filter(|clip| clip.source == source).collect();
            let read: Vec<f32> = clips.iter().flat_map(|clip| corpus.clip_samples(clip).unwrap()).collect();
            let written: Vec<f32> = noise(&source, ((0.6 + 0.31 * number as f64) * 24_000.0) as usize)
                .into_iter()
                .map(|sample| f32::from(sample) / 32768.0)
                .collect();
            // An end below the minimum is left out, and told.
            let left_out = report.ends_left_out.get(&source).copied().unwrap_or(0) as usize;
            assert!(read == written[..written.len() - left_out], "{source}");
            assert!(left_out < 6000);
            assert_eq!(clips[0].id, format!("{source}#0"));
        }
        corpus.verify().unwrap();
    }
}

#[test]
fn threads_and_paths_change_no_byte() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let request = small(one.path());
    built(&request);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let elsewhere = small(other.path());
    pool.install(|| built(&elsewhere));
    assert_same_tree(&request.out, &elsewhere.out);
}

#[test]
fn stopping_anywhere_and_going_on_gives_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    built(&request);
    for n in [0, 1, 12, 13, 18, 24, 25, 26] {
        let interrupted = to(&request, &format!("stopped-{n}"));
        let error = stopped_after(&interrupted, n).unwrap_err();
        assert!(matches!(error, CorpusError::Interrupted { total: 12, .. }), "{n}: {error}");
        assert!(matches!(Corpus::open(&interrupted.out), Err(CorpusError::Unfinished { .. })) || n == 0);
        built(&interrupted);
        assert_same_tree(&request.out, &interrupted.out);
    }
}

#[test]
fn a_rerun_does_not_decode_again() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    stopped_after(&request, 20).unwrap_err();
    let parts: Vec<_> =
        std::fs::read_dir(request.out.join("parts")).unwrap().map(|e| e.unwrap().path()).collect();
    let arrays: Vec<_> =
        parts.iter().filter(|path| path.extension().is_some_and(|end| end == "npy")).collect();
    assert!(!arrays.is_empty());
    let times = |paths: &[&std::path::PathBuf]| {
        paths.iter().map(|path| std::fs::metadata(path).unwrap().modified().unwrap()).collect::<Vec<_>>()
    };
    let before = times(&arrays);
    // Decoding only: the parts stay to be looked at.
    let rest = PrepareRequest { share: Some(JobShare { index: 0, count: 1 }), ..request.clone() };
    run(&rest).unwrap();
    assert_eq!(before, times(&arrays));
}

#[test]
fn jobs_share_the_decoding() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    built(&request);
    let shared = to(&request, "shared");
    for index in 0..3 {
        let job = PrepareRequest { share: Some(JobShare { index, count: 3 }), ..shared.clone() };
        assert_eq!(run(&job).unwrap(), Prepared::ShareDecoded { recordings: 4, broken: 0 });
    }
    built(&shared);
    assert_same_tree(&request.out, &shared.out);
}

#[test]
fn a_finished_corpus_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    let (report, _) = built(&request);
    assert_eq!(run(&request).unwrap(), Prepared::UpToDate(report));
    let mut changed = request.clone();
    changed.settings.seed = 1;
    assert!(matches!(run(&changed), Err(CorpusError::OtherCorpus { what: "settings", .. })));
    recording(&directory.path().join("in"), "lyra/1.wav", 0.7);
    assert!(matches!(run(&request), Err(CorpusError::OtherCorpus { what: "sources", .. })));
    let replacing = PrepareRequest { replace: true, ..request.clone() };
    built(&replacing);
    assert!(matches!(run(&request).unwrap(), Prepared::UpToDate(_)));
    let fresh = to(&request, "fresh");
    built(&fresh);
    assert_same_tree(&request.out, &fresh.out);
}

#[test]
fn a_directory_of_others_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    files::write_atomic(&request.out.join("audio/mine.wav"), b"x").unwrap();
    assert!(matches!(run(&request), Err(CorpusError::Occupied { found, .. }) if found == "audio"));
    assert!(request.out.join("audio/mine.wav").exists());
}

#[test]
fn drawn_splits_tear_no_group_and_no_copy_apart() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    // A copy under another name, in no group.
    let copy = wav(&noise("carnatic/0.wav", (0.6 * 24_000.0) as usize));
    files::write_atomic(&directory.path().join("in/copy.wav"), &copy).unwrap();
    files::append_line(&request.index, "copy.wav\tcarnatic\t\t\t\t").unwrap();
    let (report, corpus) = built(&request);
    assert_eq!(report.splits_drawn, 13);
    assert_eq!(report.copies, [["carnatic/0.wav", "copy.wav"]]);
    assert!(report.leaking_groups.is_empty() && report.ignored_columns == ["note"]);
    let split_of = |source: &str| corpus.clips().iter().find(|clip| clip.source == source).unwrap().split;
    assert_eq!(split_of("copy.wav"), split_of("carnatic/0.wav"));
    for (culture, splits) in &report.cultures {
        assert_eq!(splits.len(), 3, "{culture}: {splits:?}");
    }
    let seconds: f64 =
        report.cultures.values().flat_map(|splits| splits.values()).map(|sum| sum.seconds).sum();
    assert!((seconds / 3600.0 - report.hours).abs() < 1e-12);
}

#[test]
fn the_same_audio_in_two_splits_is_refused_whatever_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let bytes = wav(&noise("a", 30_000));
    files::write_atomic(&root.join("a.wav"), &bytes).unwrap();
    // The same samples in a longer file: another chunk follows them, as editors leave it.
    let mut tagged = bytes.clone();
    tagged.extend(b"LIST\x04\0\0\0INFO");
    let riff_size = (tagged.len() as u32 - 8).to_le_bytes();
    tagged[4..8].copy_from_slice(&riff_size);
    files::write_atomic(&root.join("b.wav"), &tagged).unwrap();
    recording(root, "c.wav", 2.0);
    let text = "path\tculture\tsplit\tgroup\na.wav\tx\ttrain\tg\nb.wav\tx\ttest\tg\nc.wav\tx\tvalid\tg\n";
    std::fs::write(root.join("index.tsv"), text).unwrap();
    let request = PrepareRequest::new(root.join("index.tsv"), root.join("out"));
    let error = run(&request).unwrap_err();
    assert!(matches!(error, CorpusError::Leak { .. }), "{error}");
    // With other audio the group alone stands in all splits: told, not refused.
    recording(root, "b.wav", 1.5);
    let (report, corpus) = built(&request);
    assert_eq!(report.leaking_groups[0].splits, Split::ALL);
    assert_eq!((report.leaking_groups[0].recordings, corpus.clips().len()), (3, 3));
}

#[test]
fn settings_without_sense_are_one_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let base = small(directory.path());
    let with = |change: Change| {
        let mut request = base.clone();
        change(&mut request);
        run(&request).unwrap_err().to_string()
    };
    let cases: [(&str, Change); 9] = [
        // What TOML cannot hold.
        ("setting `shard_bytes`", |request| request.settings.shard_bytes = u64::MAX),
        ("setting `seed`", |request| request.settings.seed = u64::MAX),
        ("setting `segment_seconds`", |request| request.settings.segment_seconds = 0.0),
        ("setting `segment_seconds`", |request| request.settings.segment_seconds = f64::NAN),
        ("setting `min_seconds`", |request| request.settings.min_seconds = 2.0),
        ("setting `shard_bytes`", |request| request.settings.shard_bytes = 10_000),
        ("setting `split_shares`", |request| request.settings.split_shares.test = -0.1),
        ("setting `max_quarantined_share`", |request| request.max_quarantined_share = 1.5),
        ("setting `shard`", |request| request.share = Some(JobShare { index: 2, count: 2 })),
    ];
    for (expected, change) in cases {
        let message = with(change);
        assert!(message.starts_with(expected), "`{message}` does not start with `{expected}`");
    }
    assert!(!base.out.exists());
}

#[test]
fn a_kill_while_a_file_is_written_leaves_nothing_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    built(&request);
    let killed = to(&request, "killed");
    stopped_after(&killed, 20).unwrap_err();
    // What a killed write leaves: beside the clips, among the arrays and among the parts; and a part cut short.
    for name in [".tmp-1-0-clips.jsonl", "audio/.tmp-1-1-00000.npy", "parts/.tmp-1-2-x.npy", "parts/x.json"] {
        files::write_atomic(&killed.out.join(name), b"half").unwrap();
    }
    let verdicts = std::fs::read_dir(killed.out.join("parts")).unwrap().map(|entry| entry.unwrap().path());
    for verdict in verdicts.filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let bytes = std::fs::read(&verdict).unwrap();
        std::fs::write(&verdict, &bytes[..bytes.len() / 2]).unwrap();
    }
    built(&killed);
    assert_same_tree(&request.out, &killed.out);
}

#[test]
fn an_index_made_by_a_program_is_held_to_the_same_rules() {
    let directory = tempfile::tempdir().unwrap();
    let request = small(directory.path());
    let index = read_index(&request.index, None).unwrap();
    let prepared = |index: &Index, out: &str| {
        prepare_index(index, &to(&request, out), &std::sync::atomic::AtomicBool::new(false), &|_| {})
    };
    built(&request);
    prepared(&index, "same").unwrap();
    assert_same_tree(&request.out, &to(&request, "same").out);
    let lyra = index.clone().filtered(|recording| recording.culture == "lyra");
    let joined = Index::joined(vec![("first".into(), lyra), ("second".into(), index.clone())]).unwrap();
    let report = prepared(&joined, "joined").unwrap().report().unwrap().clone();
    assert_eq!((report.prepared, report.copies.len()), (18, 6));
    let mut hostile = index;
    hostile.recordings[0].source = "../../x".into();
    assert!(prepared(&hostile, "hostile").unwrap_err().to_string().contains("not a clean relative path"));
    assert!(!to(&request, "hostile").out.exists());
}

#[test]
fn a_hostile_index_reads_no_secret_and_loses_no_recording() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    recording(root, "lists/good.wav", 1.5);
    recording(root, "elsewhere.wav", 1.4);
    files::write_atomic(&root.join("secret.txt"), b"the password is open sesame").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root.join("secret.txt"), root.join("lists/link.wav")).unwrap();
        std::os::unix::fs::symlink(root.join("lists/loop.wav"), root.join("lists/loop.wav")).unwrap();
    }
    let names = [
        "good.wav",
        "../elsewhere.wav",
        "../secret.txt",
        "link.wav",
        "loop.wav",
        "/dev/zero",
        "no\0.wav",
        ".",
    ];
    let mut text = String::from("\u{feff}path\tculture\r\n");
    for name in names {
        text.extend([name, "\tx\r\n"]);
    }
    std::fs::write(root.join("lists/index.tsv"), text).unwrap();
    let mut request = PrepareRequest::new(root.join("lists/index.tsv"), root.join("out"));
    request.max_quarantined_share = 0.9;
    let (report, corpus) = built(&request);
    assert_eq!((report.asked, report.prepared), (names.len(), 1), "{:?}", report.quarantine);
    let reasons: Vec<Reason> = report.quarantine.iter().map(|entry| entry.reason).collect();
    let outside = Reason::Outside;
    let unreadable = Reason::Unreadable;
    assert_eq!(reasons, [outside, outside, outside, unreadable, outside, unreadable, unreadable]);
    assert!(report.quarantine[0].detail.contains("`--audio-root`"));
    for name in ["clips.jsonl", "quarantine.jsonl", "report.json", "corpus.toml"] {
        let text = std::fs::read_to_string(corpus.dir().join(name)).unwrap();
        assert!(!text.contains("sesame") && !text.contains(&*root.to_string_lossy()), "{name}: {text}");
    }
}

#[test]
fn what_lies_outside_is_read_only_where_its_folder_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in ["lists/good.wav", "beside/1.wav", "beside/2.wav", "far/3.wav"] {
        recording(root, path, 1.5);
    }
    let absolute = root.join("beside/2.wav");
    let index =
        format!("path,culture\ngood.wav,x\n../beside/1.wav,x\n{},x\n../far/3.wav,x\n", absolute.display());
    std::fs::write(root.join("lists/index.csv"), index).unwrap();
    let request = |out: &str, roots: &[&str]| PrepareRequest {
        max_quarantined_share: 0.75,
        audio_roots: roots.iter().map(|folder| root.join(folder)).collect(),
        ..PrepareRequest::new(root.join("lists/index.csv"), root.join(out))
    };
    let (report, _) = built(&request("strict", &[]));
    assert_eq!((report.prepared, report.quarantined_by_reason[&Reason::Outside]), (1, 3));
    let (report, corpus) = built(&request("named", &["beside"]));
    assert_eq!((report.prepared, report.quarantined_by_reason[&Reason::Outside]), (3, 1));
    let sources: Vec<&str> = corpus.clips().iter().map(|clip| clip.source.as_str()).collect();
    assert!(sources[1].starts_with("external/") && sources[1].ends_with("/1.wav"), "{sources:?}");
    assert_eq!(built(&request("all", &[".", "far"])).0.prepared, 4);
    let error = run(&request("absent", &["nowhere"])).unwrap_err().to_string();
    assert!(error.contains("could not find folder") && error.contains("nowhere"), "{error}");
    #[cfg(unix)]
    {
        // A folder per culture: a link to a folder elsewhere is walked, but what it leads to is not read.
        recording(root, "tree/x/good.wav", 1.5);
        std::os::unix::fs::symlink(root.join("far"), root.join("tree/x/link")).unwrap();
        let walked = PrepareRequest { index: root.join("tree"), ..request("walked", &[]) };
        let (report, _) = built(&walked);
        assert_eq!((report.prepared, report.quarantine[0].reason), (1, Reason::Outside));
        assert_eq!(
            built(&PrepareRequest { index: root.join("tree"), ..request("followed", &["far"]) }).0.prepared,
            2
        );
    }
}

#[test]
fn the_bytes_of_a_corpus_do_not_change_from_version_to_version() {
    let directory = tempfile::tempdir().unwrap();
    let (_, corpus) = built(&small(directory.path()));
    // A change here makes every tokenized corpus out there stale: give it a reason and a new schema.
    assert_eq!(corpus.content_hash(), "ed6dbf3c652553fab59ceb530dcaff2b386e3163946adc8882508695aa763413");
}

//! Broken recordings: quarantined with their reason, counted, never replaced, never a crash.

use std::path::Path;

use culturemert_corpus::{CorpusError, PrepareRequest, Quarantined, Reason};

use crate::makers::{Specimen, zoo};

use crate::helpers::{built, noise, recording, run, wav, wav_bytes};

/// Prepares `files` beside ten good recordings; returns the quarantine.
fn quarantined(files: &[(&str, Vec<u8>)]) -> Vec<Quarantined> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let mut index = String::from("path\tculture\n");
    for number in 0..4 {
        let path = format!("good/{number}.wav");
        recording(root, &path, 1.5);
        index.extend([&path, "\tx\n"]);
    }
    for (name, bytes) in files {
        files::write_atomic(&root.join(name), bytes).unwrap();
        index.extend([*name, "\tx\n"]);
    }
    std::fs::write(root.join("index.tsv"), index).unwrap();
    let mut request = PrepareRequest::new(root.join("index.tsv"), root.join("out"));
    request.max_quarantined_share = 0.99;
    let (report, corpus) = built(&request);
    assert_eq!(report.asked, 4 + files.len());
    assert_eq!(report.prepared + report.quarantined, report.asked);
    assert_eq!(report.quarantined_by_reason.values().sum::<usize>(), report.quarantined);
    assert_eq!(corpus.quarantine().unwrap(), report.quarantine);
    // Nothing stands in for a broken file: what is in the corpus are files of the index, each with its own samples.
    let good: Vec<f32> =
        noise("good/0.wav", 36_000).iter().map(|&sample| f32::from(sample) / 32768.0).collect();
    assert_eq!(corpus.clip_samples(&corpus.clips()[0]).unwrap(), good);
    let root = root.to_string_lossy().into_owned();
    for entry in &report.quarantine {
        assert!(!entry.detail.contains(&root) && !entry.detail.is_empty(), "{entry:?}");
    }
    report.quarantine
}

#[track_caller]
fn check(name: &str, bytes: Vec<u8>, expected: Reason) {
    let quarantine = quarantined(&[(name, bytes)]);
    assert_eq!(quarantine.len(), 1, "`{name}` is not quarantined");
    assert_eq!(
        (quarantine[0].file.as_str(), quarantine[0].reason),
        (name, expected),
        "{}",
        quarantine[0].detail
    );
}

fn floats(samples: &[f32]) -> Vec<u8> {
    wav_bytes(3, 1, 32, &samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>())
}

#[test]
fn plainly_broken_files_are_told_apart() {
    let good = wav(&noise("z", 48_000));
    check("empty.wav", Vec::new(), Reason::Empty);
    check("text.mp3", b"<html><body>404 not found</body></html>".to_vec(), Reason::NotAudio);
    check("wave.mp3", good.clone(), Reason::WrongExtension);
    check("wave.flac", good.clone(), Reason::WrongExtension);
    check("silent.wav", wav(&vec![0; 48_000]), Reason::Silent);
    check("short.wav", wav(&noise("z", 2_000)), Reason::TooShort);
    check("cut.wav", good[..good.len() / 2].to_vec(), Reason::Truncated);
    check(
        "noise.wav",
        noise("z", 9_000).iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        Reason::NotAudio,
    );
}

#[test]
fn samples_that_are_no_numbers_are_found_wherever_they_stand() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for at in [0, 20_000, 47_999] {
            let mut samples: Vec<f32> = noise("z", 48_000).iter().map(|&x| f32::from(x) / 32768.0).collect();
            samples[at] = value;
            check("nan.wav", floats(&samples), Reason::NotFinite);
        }
    }
}

#[test]
fn absurd_headers_are_quarantined() {
    let data: Vec<u8> = noise("z", 48_000).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let whole = wav_bytes(1, 1, 16, &data);
    let with = |offset: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let cases = [
        ("channels.wav", with(22, &[0, 0])),
        ("all-channels.wav", with(22, &[0xFF, 0xFF])),
        ("rate.wav", with(24, &[0; 4])),
        ("bits.wav", with(34, &[0, 0])),
        ("size.wav", with(40, &[0xF0, 0xFF, 0xFF, 0x7F])),
        ("codec.wav", with(20, &[0xAD, 0xDE])),
        ("head.wav", whole[..30].to_vec()),
    ];
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    let quarantine = quarantined(&cases);
    assert_eq!(quarantine.iter().map(|entry| entry.file.as_str()).collect::<Vec<_>>(), names);
    let is_of_header = |reason| {
        matches!(
            reason,
            Reason::NoChannels
                | Reason::AbsurdHeader
                | Reason::Unsupported
                | Reason::NotAudio
                | Reason::Truncated
        )
    };
    assert!(quarantine.iter().all(|entry| is_of_header(entry.reason)), "{quarantine:?}");
    assert_eq!(quarantine[0].reason, Reason::NoChannels);
}

#[test]
fn every_animal_of_the_zoo_is_quarantined_for_what_it_is() {
    let zoo = zoo();
    let files: Vec<(&str, Vec<u8>)> = zoo.iter().map(|one| (one.name.as_str(), one.bytes.clone())).collect();
    let quarantine = quarantined(&files);
    assert_eq!(quarantine.len(), zoo.len(), "nothing of it is in the corpus");
    for (entry, Specimen { name, faults, .. }) in quarantine.iter().zip(&zoo) {
        let reason = format!("{:?}", entry.reason);
        assert_eq!(&entry.file, name);
        assert!(faults.contains(&reason.as_str()), "{name}: {reason}, not {faults:?}: {}", entry.detail);
    }
}

#[test]
fn golden_real_recordings_cut_in_half_are_quarantined_whatever_their_format() {
    let Some(folder) = golden::recordings() else { return };
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    // The smallest recording of each ending.
    let mut smallest = std::collections::BTreeMap::<String, (u64, String)>::new();
    for line in index.lines().skip(1) {
        let path = line.split('\t').next().unwrap();
        let size = std::fs::metadata(folder.join(path)).unwrap().len();
        let ending = Path::new(path).extension().unwrap().to_string_lossy().into_owned();
        let entry = smallest.entry(ending).or_insert((u64::MAX, String::new()));
        *entry = entry.clone().min((size, path.to_owned()));
    }
    let mut cut = Vec::new();
    for (ending, (size, path)) in &smallest {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        for share in [2, 50, 97] {
            let name = format!("cut-{share}.{ending}");
            cut.push((name, bytes[..(*size as usize) * share / 100].to_vec()));
        }
    }
    let files: Vec<(&str, Vec<u8>)> =
        cut.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let quarantine = quarantined(&files);
    let missed: Vec<&str> = files
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| quarantine.iter().all(|entry| entry.file != *name))
        .collect();
    assert!(missed.is_empty(), "cut recordings taken for whole ones: {missed:?}");
}

#[test]
fn absent_files_and_folders_are_quarantined() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    recording(root, "a.wav", 1.0);
    std::fs::create_dir(root.join("folder.wav")).unwrap();
    std::fs::write(
        root.join("index.csv"),
        "path,culture\nabsent.wav,x\nfolder.wav,x\na.wav,x\n../gone.wav,x\n",
    )
    .unwrap();
    let mut request = PrepareRequest::new(root.join("index.csv"), root.join("out"));
    request.max_quarantined_share = 0.75;
    let (report, _) = built(&request);
    let reasons: Vec<Reason> = report.quarantine.iter().map(|entry| entry.reason).collect();
    assert_eq!(reasons, [Reason::Absent, Reason::Unreadable, Reason::Outside]);
    assert!(report.quarantine[2].file.starts_with("external/"));
}

#[test]
fn above_the_share_the_run_fails_and_still_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for number in 0..9 {
        recording(root, &format!("in/x/{number}.wav"), 1.0);
    }
    std::fs::write(root.join("in/x/bad.wav"), b"").unwrap();
    let mut request = PrepareRequest::new(root.join("in"), root.join("out"));
    request.max_quarantined_share = 0.09;
    let error = run(&request).unwrap_err();
    assert!(matches!(error, CorpusError::TooManyQuarantined { quarantined: 1, asked: 10, .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("1 of 10 recordings are quarantined (1 empty), above the allowed share 0.09")
    );
    let list = std::fs::read_to_string(root.join("out/quarantine.jsonl")).unwrap();
    let entry: Quarantined = serde_json::from_str(list.trim()).unwrap();
    assert_eq!((entry.file.as_str(), entry.reason), ("x/bad.wav", Reason::Empty));
    // Exactly the share is allowed, and the work done counts.
    request.max_quarantined_share = 0.1;
    built(&request);
}

#[test]
fn a_corpus_of_nothing_is_no_corpus() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    files::write_atomic(&root.join("in/x/bad.wav"), b"").unwrap();
    let mut request = PrepareRequest::new(root.join("in"), root.join("out"));
    request.max_quarantined_share = 1.0;
    assert!(matches!(run(&request), Err(CorpusError::TooManyQuarantined { .. })));
}

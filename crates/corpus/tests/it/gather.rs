//! Pre-training data: hours of training splits, and nothing of what is evaluated on.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use culturemert_corpus::datasets::{DataSetRequest, GatherRequest, GatherSet, Gathered, GatheredSet, gather};
use culturemert_corpus::{CorpusError, PrepareRequest, Sampler, SamplerPlan, Split, read_index};

use crate::helpers::{built, noise, npy_of, wav};

/// A makam-like set of 20 training recordings of 5 to 12 s, and two for validation and test each.
fn makam(root: &Path) -> PathBuf {
    let folder = root.join("makam");
    std::fs::create_dir_all(folder.join("audios")).unwrap();
    let name = |kind: &str, number: usize| format!("{kind}{number:02}");
    let lists = [("train", 20), ("valid", 2), ("test", 2)];
    for (split, n) in lists {
        let ids: Vec<String> = (0..n).map(|number| name(split, number)).collect();
        let texts: Vec<&str> = ids.iter().map(String::as_str).collect();
        std::fs::write(folder.join(format!("{split}.npy")), npy_of(&texts)).unwrap();
        for (number, id) in ids.iter().enumerate() {
            let seconds = 5.5 + (number % 8) as f64;
            audio(&folder, id, seconds);
        }
    }
    folder
}

fn audio(folder: &Path, id: &str, seconds: f64) {
    let samples = noise(id, (seconds * 24_000.0) as usize);
    std::fs::write(folder.join(format!("audios/{id}.wav")), wav(&samples)).unwrap();
}

fn request(folder: &Path, hours: Option<f64>) -> GatherRequest {
    let set = GatherSet { name: "makam".into(), request: DataSetRequest::new(folder), hours };
    GatherRequest { sets: vec![set], against: Vec::new(), seed: 3, held_out_minutes: 0.0 }
}

fn gathered(request: &GatherRequest) -> Gathered {
    gather(request, &AtomicBool::new(false), &|_| {}).unwrap()
}

fn ids(set: &GatheredSet, split: Split) -> Vec<&str> {
    set.files.iter().filter(|file| file.split == split).map(|file| file.id.as_str()).collect()
}

/// Hours of so many crops of 5 s.
fn crops(n: f64) -> f64 {
    n * 5.0 / 3600.0
}

#[test]
fn hours_are_filled_from_one_order_whatever_is_asked_or_absent() {
    let directory = tempfile::tempdir().unwrap();
    let folder = makam(directory.path());
    let few = gathered(&request(&folder, Some(crops(6.0)))).report;
    let gathered_whole = gathered(&request(&folder, Some(crops(15.0)))).report;
    let (few, many) = (&few.sets[0], &gathered_whole.sets[0]);
    let taken = ids(many, Split::Train);
    assert!(taken.starts_with(&ids(few, Split::Train)) && taken.len() > few.recordings);
    assert!(!many.falls_short && many.hours_found >= 15.0 * 5.0 / 3600.0 - 1e-12);
    assert!(taken.iter().all(|id| id.starts_with("train")));
    assert_eq!(gathered(&request(&folder, Some(crops(15.0)))).report.sets[0], *many);
    let other = GatherRequest { seed: 4, ..request(&folder, Some(crops(15.0))) };
    assert_ne!(ids(&gathered(&other).report.sets[0], Split::Train), taken);
    // The recording taken first goes; all others keep their order.
    std::fs::remove_file(folder.join(format!("audios/{}.wav", taken[0]))).unwrap();
    let said = gather(&request(&folder, Some(crops(6.0))), &AtomicBool::new(false), &|_| {})
        .unwrap_err()
        .to_string();
    assert!(said.contains("1 of 24 recordings are not in") && said.contains("--allow-missing"), "{said}");
    let mut allowed = request(&folder, Some(crops(15.0)));
    allowed.sets[0].request.allow_missing = true;
    let without = gathered(&allowed).report;
    assert!(ids(&without.sets[0], Split::Train).starts_with(&taken[1..]));
    assert_eq!((without.sets[0].absent, without.is_complete), (1, false));
    assert!(gathered_whole.is_complete);
    // More than there is: all of it, and that it falls short.
    allowed.sets[0].hours = Some(10.0);
    let all = gathered(&allowed).report;
    assert_eq!((all.sets[0].recordings, all.sets[0].falls_short, all.is_complete), (19, true, false));
}

#[test]
fn what_is_evaluated_on_or_taken_already_or_broken_is_left_out_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = makam(directory.path());
    let copy = |from: &str, to: &str| {
        std::fs::copy(folder.join(format!("audios/{from}.wav")), folder.join(format!("audios/{to}.wav")))
            .unwrap();
    };
    copy("test01", "train03");
    copy("train05", "train06");
    audio(&folder, "train07", 3.0);
    std::fs::write(folder.join("audios/train08.wav"), b"RIFF, and no more").unwrap();
    let report = gathered(&request(&folder, Some(10.0))).report;
    let set = &report.sets[0];
    let reasons: Vec<(&str, bool)> =
        set.excluded.iter().map(|one| (one.id.as_str(), one.reason.contains("evaluation split"))).collect();
    assert!(reasons.contains(&("train03", true)) && reasons.len() == 2, "{reasons:?}");
    assert_eq!((set.too_short.as_slice(), set.unreadable.len()), (&["train07".to_owned()][..], 1));
    assert_eq!(set.recordings, 16);
    let overlap = &report.overlap;
    assert_eq!((overlap.by_id, overlap.by_content), (0, 0));
    assert_eq!((overlap.evaluation_recordings, overlap.evaluation_contents), (4, 4));
}

#[test]
fn other_sets_are_compared_with_and_some_is_held_out() {
    let directory = tempfile::tempdir().unwrap();
    let folder = makam(directory.path());
    let fma = directory.path().join("fma");
    std::fs::create_dir_all(fma.join("000")).unwrap();
    for (split, id) in [("train", "000001"), ("valid", "000002"), ("test", "000003")] {
        std::fs::write(fma.join(format!("{split}.npy")), npy_of(&[id])).unwrap();
        std::fs::copy(folder.join("audios/train00.wav"), fma.join(format!("000/{id}.mp3"))).unwrap();
    }
    let mut pickle = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n";
    pickle.extend((header.len() as u16).to_le_bytes());
    pickle.extend(header.as_bytes());
    pickle.extend(b"}.");
    std::fs::write(fma.join("metadata.npy"), pickle).unwrap();
    let mut request = request(&folder, Some(crops(9.0)));
    request.held_out_minutes = 0.5;
    let alone = gathered(&request).report;
    assert!(alone.sets[0].held_out_hours >= 0.5 / 60.0 && alone.sets[0].held_out > 0);
    request.against = vec![("fma".into(), DataSetRequest::new(&fma))];
    request.sets[0].hours = Some(10.0);
    let report = gathered(&request).report;
    assert_eq!(report.overlap.compared_with, ["makam", "fma"]);
    assert_eq!((report.overlap.evaluation_recordings, report.overlap.evaluation_contents), (6, 6));
    // Its content stands in the other set's evaluation splits, though under another name there.
    let excluded: Vec<&str> = report.sets[0].excluded.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(excluded, ["train00"]);
}

#[test]
fn pieces_of_films_that_are_evaluated_on_never_train_and_prepare_reads_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("lyra");
    std::fs::create_dir_all(folder.join("audios")).unwrap();
    let header = "id\tinstruments\tgenres\tplace\tyoutube-id\tstart-ts\tend-ts\n";
    let mut training = String::from(header);
    for number in 0..20 {
        let (film, start) = (["filmA", "filmB"][number % 2], 6 * (number / 2));
        let row = format!("piece{number:02}\tVoice\tTraditional\tNone\t{film}\t{start}\t{}\n", start + 6);
        training.push_str(&row);
    }
    // The test film holds the same bytes as film B, and its piece a moment of two pieces there.
    let test = format!("{header}test00\tVoice\tTraditional\tNone\tfilmC\t9\t15\n");
    std::fs::write(folder.join("training.tsv"), training).unwrap();
    std::fs::write(folder.join("test.tsv"), test).unwrap();
    for film in ["filmA", "filmB"] {
        audio(&folder, film, 60.0);
    }
    std::fs::copy(folder.join("audios/filmB.wav"), folder.join("audios/filmC.wav")).unwrap();
    let set = GatherSet { name: "lyra".into(), request: DataSetRequest::new(&folder), hours: Some(1.0) };
    let request = GatherRequest { sets: vec![set], against: Vec::new(), seed: 0, held_out_minutes: 0.0 };
    let found = gathered(&request);
    let set = &found.report.sets[0];
    let (evaluated, of_the_test_film) = (2, 2);
    assert!(set.excluded.len() <= of_the_test_film && !set.excluded.is_empty(), "{:?}", set.excluded);
    assert_eq!(set.listed, 20 - evaluated);
    assert_eq!(set.recordings + set.excluded.len(), set.listed);
    assert_eq!((found.report.overlap.by_id, found.report.overlap.by_content), (0, 0));
    // The index that comes of it is what `prepare` reads, piece by piece.
    let index = folder.join("index.jsonl");
    std::fs::write(&index, found.index(&folder).unwrap()).unwrap();
    assert!(read_index(&index, None).unwrap().recordings.iter().all(|one| one.cut.is_some()));
    let (report, corpus) = built(&PrepareRequest::new(&index, directory.path().join("corpus")));
    assert_eq!((report.prepared, report.quarantined), (set.recordings, 0));
    // What the sampler will find was foretold.
    let plan = SamplerPlan::new(0, 0, 1, 120_000);
    let real = Sampler::new(corpus.clips(), &plan).unwrap().material()[0].hours_found;
    let foretold = Sampler::new(&found.clips(), &plan).unwrap().material()[0].hours_found;
    assert!((real - set.hours_found).abs() < 1e-9 && (foretold - real).abs() < 1e-9, "{real} {foretold}");
}

#[test]
fn wishes_that_cannot_be_are_refused_and_a_stop_is_obeyed() {
    let directory = tempfile::tempdir().unwrap();
    let folder = makam(directory.path());
    let said =
        |request: &GatherRequest| gather(request, &AtomicBool::new(false), &|_| {}).unwrap_err().to_string();
    assert!(said(&request(&folder, Some(-1.0))).contains("-1 of `makam` is no number of hours"));
    let mut twice = request(&folder, None);
    twice.sets.push(twice.sets[0].clone());
    assert!(said(&twice).contains("`makam` is named twice"));
    assert!(said(&GatherRequest { sets: Vec::new(), ..twice }).contains("no data set is named"));
    let stopped = gather(&request(&folder, None), &AtomicBool::new(true), &|_| {});
    assert!(matches!(stopped, Err(CorpusError::Interrupted { .. })));
}

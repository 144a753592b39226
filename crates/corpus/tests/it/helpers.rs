//! Small recordings and corpora to test with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use culturemert_corpus::{Corpus, CorpusError, PrepareReport, PrepareRequest, Prepared, Progress, prepare};

/// A mono WAVE file of 16-bit samples at 24 kHz.
pub(crate) fn wav(samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    wav_bytes(1, 1, 16, &data)
}

/// A WAVE file with the header fields given.
pub(crate) fn wav_bytes(format: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(format.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(24_000u32.to_le_bytes());
    bytes.extend((24_000 * u32::from(frame)).to_le_bytes());
    bytes.extend(frame.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// `n` samples that no other `name` has.
pub(crate) fn noise(name: &str, n: usize) -> Vec<i16> {
    let mut draws = draws::Draws::new(0, name, &[]);
    (0..n).map(|_| (draws.next_u64() >> 52) as i16 - 2048).collect()
}

/// A tone recording of `seconds` under `path`.
pub(crate) fn recording(root: &Path, path: &str, seconds: f64) {
    files::write_atomic(&root.join(path), &wav(&noise(path, (seconds * 24_000.0) as usize))).unwrap();
}

/// `.npy` of texts, as numpy writes it.
pub(crate) fn npy_of(texts: &[&str]) -> Vec<u8> {
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(1);
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

/// Prepares without being interrupted.
pub(crate) fn run(request: &PrepareRequest) -> Result<Prepared, CorpusError> {
    prepare(request, &AtomicBool::new(false), &|_| {})
}

/// Prepares and expects a corpus.
#[track_caller]
pub(crate) fn built(request: &PrepareRequest) -> (PrepareReport, Corpus) {
    let prepared = run(request).unwrap();
    assert!(matches!(prepared, Prepared::Built(_)), "expected a new corpus: {prepared:?}");
    (prepared.report().unwrap().clone(), Corpus::open(&request.out).unwrap())
}

/// Prepares, but asks to stop after `n` messages of progress.
pub(crate) fn stopped_after(request: &PrepareRequest, n: usize) -> Result<Prepared, CorpusError> {
    let stop = AtomicBool::new(n == 0);
    let told = std::sync::atomic::AtomicUsize::new(0);
    prepare(request, &stop, &|_: Progress<'_>| {
        if told.fetch_add(1, Ordering::Relaxed) + 1 >= n {
            stop.store(true, Ordering::Relaxed);
        }
    })
}

/// Every file below `root` with its bytes.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Fails when two trees differ, naming the first file that does and not its megabytes.
#[track_caller]
pub(crate) fn assert_same_tree(a: &Path, b: &Path) {
    let (a, b) = (tree(a), tree(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(bytes == &b[name], "`{name}` differs");
    }
}

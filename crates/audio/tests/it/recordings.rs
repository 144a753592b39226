//! Real recordings of every format.

use culturemert_audio::{Resampler, Stream24k, load, seconds};
use rayon::prelude::*;

/// A row of `index.tsv`: path, seconds, how it was made.
fn rows() -> Vec<(std::path::PathBuf, f64, String)> {
    let Some(folder) = golden::recordings() else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let (path, seconds, codec) = (column("path"), column("seconds"), column("codec"));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        (folder.join(fields[path]), fields[seconds].parse().unwrap(), fields[codec].to_owned())
    };
    lines.map(row).collect()
}

#[test]
fn golden_recordings_decode_whole() {
    let rows = rows();
    let error = |(path, seconds, codec): &(std::path::PathBuf, f64, String)| {
        let samples = load(path, Resampler::Torchaudio).unwrap_or_else(|error| panic!("{error}"));
        let found = samples.len() as f64 / 24_000.0;
        let loud = samples.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        assert!(samples.iter().all(|x| x.is_finite()), "{}", path.display());
        assert!(loud > 1e-3 && loud < 2.0, "{}: peak {loud}", path.display());
        let error = (found - seconds).abs();
        if error > 0.006 {
            eprintln!("{codec} {}: {found:.4} s, index {seconds}", path.display());
        }
        error
    };
    let worst = rows.par_iter().map(error).reduce(|| 0.0, golden::nan_is_worst);
    if !rows.is_empty() {
        golden::within(&format!("{} recordings: seconds against index", rows.len()), worst, 0.05);
    }
}

#[test]
fn golden_recordings_stream_as_they_load() {
    let mut formats = std::collections::BTreeSet::new();
    for (path, seconds, codec) in rows() {
        if seconds > 30.0 || !formats.insert(codec) {
            continue;
        }
        for resampler in [Resampler::Torchaudio, Resampler::Hq] {
            let whole = load(&path, resampler).unwrap();
            let mut stream = Stream24k::open(&path, resampler).unwrap();
            let mut at = 0;
            while let Some(block) = stream.next_block().unwrap() {
                assert!(!block.is_empty() && block.len() < 1 << 18);
                assert_eq!(block, &whole[at..at + block.len()], "{}", path.display());
                at += block.len();
            }
            assert_eq!(at, whole.len());
            assert!(stream.next_block().unwrap().is_none());
        }
    }
}

#[test]
fn golden_the_extension_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let mut formats = std::collections::BTreeSet::new();
    for (path, seconds, codec) in rows() {
        if seconds > 30.0 || !formats.insert(codec) {
            continue;
        }
        let renamed = folder.path().join("renamed.txt");
        std::fs::copy(&path, &renamed).unwrap();
        assert_eq!(
            load(&renamed, Resampler::Torchaudio).unwrap(),
            load(&path, Resampler::Torchaudio).unwrap(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn golden_headers_state_how_long_recordings_are() {
    let rows = rows();
    let error = |(path, stated, codec): &(std::path::PathBuf, f64, String)| {
        let error = (seconds(path).unwrap() - stated).abs();
        if error > 0.05 {
            eprintln!("{codec} {}: {error:.4} s", path.display());
        }
        error
    };
    let worst = rows.par_iter().map(error).reduce(|| 0.0, golden::nan_is_worst);
    if !rows.is_empty() {
        // Encoder delay and padding, which some headers count: two frames of 1152 samples at 22 kHz.
        golden::within(&format!("{} recordings: stated seconds", rows.len()), worst, 0.11);
    }
}

//! Speed of decoding to 24 kHz on the shared recordings, one after another, and of resampling alone.
//!
//! `cargo bench -p culturemert-audio`. One item is one second of audio. Without recordings only resampling is measured.

use std::path::PathBuf;

use culturemert_audio::{Resampler, load, resample};
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Every recording of a format, with their seconds.
fn recordings(format: &str) -> (Vec<PathBuf>, f64) {
    let mut found = (Vec::new(), 0.0);
    let Some(folder) = golden::recordings() else { return found };
    let text = std::fs::read_to_string(folder.join("index.tsv")).expect("recordings have an index");
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap_or_default();
    let column = |name: &str| header.iter().position(|column| *column == name).expect("a known column");
    let (path, seconds) = (column("path"), column("seconds"));
    for fields in lines.filter(|fields| fields[path].ends_with(format)) {
        found.0.push(folder.join(fields[path]));
        found.1 += fields[seconds].parse::<f64>().expect("seconds are a number");
    }
    found
}

#[divan::bench(args = ["mp3", "flac", "ogg", "wav", "m4a", "opus"], consts = [false, true], sample_count = 5, sample_size = 1)]
fn decode<const HQ: bool>(bencher: divan::Bencher<'_, '_>, format: &str) {
    let resampler = if HQ { Resampler::Hq } else { Resampler::Torchaudio };
    let (paths, seconds) = recordings(format);
    bencher.counter(ItemsCount::new(seconds.round() as u64)).bench(|| {
        let samples = |path: &PathBuf| load(path, resampler).expect("shared recordings are whole").len();
        paths.iter().map(samples).sum::<usize>()
    });
}

#[divan::bench(args = [22_050, 44_100, 48_000], consts = [false, true], sample_count = 20, sample_size = 1)]
fn resample_10_s<const HQ: bool>(bencher: divan::Bencher<'_, '_>, rate_hz: u32) {
    let resampler = if HQ { Resampler::Hq } else { Resampler::Torchaudio };
    let samples = golden::cf_wave("bench", 10 * rate_hz as usize);
    bencher
        .counter(ItemsCount::new(10_u32))
        .bench(|| resample(divan::black_box(&samples), rate_hz, 24_000, resampler));
}

//! Files that are not what they seem: each is refused with its fault, and none makes the reader panic or take memory.

use std::path::Path;
use std::time::{Duration, Instant};

use culturemert_audio::{AudioError, Fault, Resampler, Stream24k, load};

use crate::folder::Folder;
use crate::makers::{Specimen, zoo};

fn read(path: &Path) -> Result<usize, AudioError> {
    let mut stream = Stream24k::open(path, Resampler::Torchaudio)?;
    let mut n = 0;
    while let Some(block) = stream.next_block()? {
        n += block.len();
    }
    Ok(n)
}

/// Reads the first blocks only.
fn begin(path: &Path) -> Result<(), AudioError> {
    let mut stream = Stream24k::open(path, Resampler::Torchaudio)?;
    for _ in 0..60 {
        stream.next_block()?;
    }
    Ok(())
}

#[track_caller]
fn refused(name: &str, bytes: &[u8]) -> Fault {
    let folder = Folder::new();
    let path = folder.with(name, bytes);
    let error = read(&path).expect_err(name);
    assert!(error.to_string().contains(name), "{error}");
    eprintln!("{error}");
    error.fault()
}

/// Longest that a bad recording may hold a reader up, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn every_animal_of_the_zoo_is_refused_for_what_it_is() {
    let folder = Folder::new();
    let mut wrong = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    let zoo = zoo();
    for Specimen { name, bytes, faults } in &zoo {
        let path = folder.with(name, bytes);
        let start = Instant::now();
        let outcome = read(&path);
        slowest = slowest.max((start.elapsed(), name.clone()));
        let found = match &outcome {
            Ok(n) => format!("{n} samples"),
            Err(error) => format!("{:?}", error.fault()),
        };
        if !faults.contains(&found.as_str()) {
            wrong.push(format!("{name}: {found}, not {faults:?}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{} bad recordings, the slowest: {slowest:?}", zoo.len());
    assert!(slowest.0 < PATIENCE, "{slowest:?}");
}

#[test]
fn messages_are_one_sentence_that_names_the_file() {
    let folder = Folder::new();
    for Specimen { name, bytes, .. } in zoo() {
        let message = read(&folder.with(&name, &bytes)).unwrap_err().to_string();
        assert!(message.contains(&name) && !message.contains('\n') && !message.ends_with('.'), "{message}");
    }
}

#[test]
fn random_bytes_are_not_audio() {
    for seed in 0..24 {
        let noise = golden::cf_uniforms(&format!("noise {seed}"), 1 << (6 + seed / 2));
        let bytes: Vec<u8> =
            noise.iter().flat_map(|x| x.to_bits().wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let fault = refused("noise.mp3", &bytes);
        assert!(matches!(fault, Fault::NotAudio | Fault::Unsupported | Fault::Truncated), "{fault:?}");
    }
}

#[test]
fn no_such_file() {
    assert_eq!(load("/nowhere/at/all.wav", Resampler::Hq).unwrap_err().fault(), Fault::Io);
    assert_eq!(load(std::env::temp_dir(), Resampler::Hq).unwrap_err().fault(), Fault::Io);
}

/// One short recording of every format.
fn specimens() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = golden::recordings() else { return Vec::new() };
    let mut specimens = std::collections::BTreeMap::new();
    for culture in std::fs::read_dir(folder).unwrap().flatten() {
        let Ok(files) = std::fs::read_dir(culture.path()) else { continue };
        for file in files.flatten() {
            let path = file.path();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            let n_bytes = file.metadata().unwrap().len();
            if !["wav", "aiff", "flac", "mp3", "ogg", "opus", "m4a"].contains(&extension.as_str()) {
                continue;
            }
            let shortest = specimens.entry(extension).or_insert((n_bytes, path.clone()));
            if n_bytes < shortest.0 {
                *shortest = (n_bytes, path);
            }
        }
    }
    specimens.into_iter().map(|(extension, (_, path))| (extension, std::fs::read(path).unwrap())).collect()
}

#[test]
fn golden_truncated_recordings_are_errors() {
    let folder = Folder::new();
    for (extension, whole) in specimens() {
        let n_whole = read(&folder.with("whole", &whole)).unwrap();
        for percent in [0.5, 1.0, 10.0, 50.0, 90.0, 98.0, 99.5] {
            let cut = &whole[..(whole.len() as f64 * percent / 100.0) as usize];
            match read(&folder.with("cut", cut)) {
                Err(error) => {
                    assert_eq!(error.fault(), Fault::Truncated, "{extension} at {percent} %: {error}");
                }
                Ok(n) => panic!("{extension} at {percent} %: {n} of {n_whole} samples without an error"),
            }
        }
    }
}

#[test]
fn golden_damaged_recordings_never_panic() {
    let folder = Folder::new();
    for (extension, whole) in specimens() {
        let draws = golden::cf_uniforms(&extension, 3 * 150);
        let mut faults = std::collections::BTreeMap::new();
        for draw in draws.chunks_exact(3) {
            let mut bytes = whole.clone();
            let unit = |x: f32| f64::midpoint(f64::from(x), 1.0);
            // Two flips in three in the header, where numbers decide about memory.
            let reach = if draw[2] < 0.3 { 600.min(bytes.len()) } else { bytes.len() };
            let at = (unit(draw[0]) * reach as f64) as usize;
            bytes[at] ^= 1 << (unit(draw[1]) * 8.0) as u32;
            let outcome = begin(&folder.with("flipped", &bytes));
            let name = outcome.map_or_else(|error| format!("{:?}", error.fault()), |()| "read".into());
            *faults.entry(name).or_insert(0) += 1;
        }
        eprintln!("{extension}: {faults:?}");
    }
}

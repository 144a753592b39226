//! Files that are not what they seem: each is refused with its fault, and none makes the reader panic or take memory.

use std::path::{Path, PathBuf};

use culturemert_audio::{AudioError, Fault, Resampler, Stream24k, load};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

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

struct Wav {
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
    stated: Option<u32>,
    riff: Option<u32>,
    data: Vec<u8>,
}

impl Wav {
    fn pcm(n_samples: usize) -> Self {
        let data =
            (0..n_samples).flat_map(|i| (((i as f64 * 0.1).sin() * 9000.0) as i16).to_le_bytes()).collect();
        Self { tag: 1, channels: 1, rate: 24_000, bits: 16, stated: None, riff: None, data }
    }

    fn bytes(&self) -> Vec<u8> {
        let align = self.channels * self.bits / 8;
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend(self.riff.unwrap_or(36 + self.data.len() as u32).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(self.channels.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend(self.rate.wrapping_mul(u32::from(align)).to_le_bytes());
        bytes.extend(align.to_le_bytes());
        bytes.extend(self.bits.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(self.stated.unwrap_or(self.data.len() as u32).to_le_bytes());
        bytes.extend(&self.data);
        bytes
    }
}

fn floats(samples: &[f32]) -> Wav {
    let data = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    Wav { tag: 3, bits: 32, data, ..Wav::pcm(0) }
}

#[test]
fn nothing_in_it() {
    assert_eq!(refused("nothing.wav", b""), Fault::Empty);
    assert_eq!(refused("no-samples.wav", &Wav::pcm(0).bytes()), Fault::Empty);
}

#[test]
fn not_audio() {
    let text = "This is a list of songs.\n".repeat(400);
    assert_eq!(refused("text.wav", text.as_bytes()), Fault::NotAudio);
    assert_eq!(refused("text.mp3", text.as_bytes()), Fault::NotAudio);
    assert_eq!(refused("short.flac", b"x"), Fault::NotAudio);
    assert_eq!(refused("zeros.ogg", &[0; 5000]), Fault::NotAudio);
    assert_eq!(refused("page.mp3", b"<!DOCTYPE html><html><body>404</body></html>"), Fault::NotAudio);
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
fn absurd_headers() {
    for rate in [0, 1, u32::MAX, 4_000_000_000] {
        assert_eq!(refused("rate.wav", &Wav { rate, ..Wav::pcm(100) }.bytes()), Fault::AbsurdHeader);
    }
    for channels in [0, 400] {
        let fault = refused("channels.wav", &Wav { channels, ..Wav::pcm(100) }.bytes());
        assert_eq!(fault, if channels == 0 { Fault::NoChannels } else { Fault::AbsurdHeader });
    }
    for stated in [u32::MAX, 0x7fff_ffff, 0xffff_fff0] {
        assert_eq!(
            refused("length.wav", &Wav { stated: Some(stated), ..Wav::pcm(100) }.bytes()),
            Fault::AbsurdHeader
        );
    }
}

/// An AIFF of 16-bit samples; the rate is `mantissa / 2^63 · 2^exponent`.
fn aiff(channels: u16, n_frames: u32, exponent: u16, mantissa: u64, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"FORM".to_vec();
    bytes.extend((46 + data.len() as u32).to_be_bytes());
    bytes.extend(b"AIFFCOMM");
    bytes.extend(18u32.to_be_bytes());
    bytes.extend(channels.to_be_bytes());
    bytes.extend(n_frames.to_be_bytes());
    bytes.extend(16u16.to_be_bytes());
    bytes.extend((exponent + 16_383).to_be_bytes());
    bytes.extend(mantissa.to_be_bytes());
    bytes.extend(b"SSND");
    bytes.extend((8 + data.len() as u32).to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(data);
    bytes
}

#[test]
fn aiffs_good_and_bad() {
    let folder = Folder::new();
    let data: Vec<u8> = (0..2000u16).flat_map(u16::to_be_bytes).collect();
    let half = 24_000 << 49;
    assert_eq!(read(&folder.with("good.aiff", &aiff(1, 2000, 14, half, &data))).unwrap(), 2000);
    assert_eq!(read(&folder.with("good.aiff", &aiff(2, 1000, 14, half, &data))).unwrap(), 1000);
    assert_eq!(refused("channels.aiff", &aiff(0, 2000, 14, half, &data)), Fault::NoChannels);
    assert_eq!(refused("rate.aiff", &aiff(1, 2000, 0, 0, &data)), Fault::AbsurdHeader);
    assert_eq!(refused("rate.aiff", &aiff(1, 2000, 40, half, &data)), Fault::AbsurdHeader);
    assert_eq!(refused("none.aiff", &aiff(1, 0, 14, half, &[])), Fault::Empty);
    assert_eq!(refused("long.aiff", &aiff(1, u32::MAX, 14, half, &data)), Fault::AbsurdHeader);
    let whole = aiff(1, 2000, 14, half, &data);
    for n in [9, 30, 60, 1000, whole.len() - 1] {
        assert_eq!(refused("cut.aiff", &whole[..n]), Fault::Truncated, "{n}");
    }
}

#[test]
fn channels_are_averaged() {
    let folder = Folder::new();
    let samples = [0.5, -0.25, 0.125, 1.0, 0.0, 0.5];
    for (channels, expected) in [(1, samples.to_vec()), (2, vec![0.125, 0.5625, 0.25]), (3, vec![0.125, 0.5])]
    {
        let path = folder.with("mean.wav", &Wav { channels, ..floats(&samples) }.bytes());
        assert_eq!(load(&path, Resampler::Hq).unwrap(), expected, "{channels}");
    }
}

#[test]
fn a_wav_written_into_a_pipe_is_read_to_its_end() {
    let folder = Folder::new();
    for n in [1, 100, 1152, 5000] {
        let wav = Wav { stated: Some(u32::MAX), riff: Some(u32::MAX), ..Wav::pcm(n) };
        assert_eq!(read(&folder.with("pipe.wav", &wav.bytes())).unwrap(), n);
    }
}

#[test]
fn truncated_wavs() {
    let whole = Wav::pcm(5000).bytes();
    for n in [5, 11, 13, 30, 43, 44, 45, 1000, whole.len() - 1] {
        assert_eq!(refused("cut.wav", &whole[..n]), Fault::Truncated, "{n}");
    }
}

#[test]
fn not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut samples = vec![0.1; 3000];
        samples[2500] = bad;
        assert_eq!(refused("nan.wav", &floats(&samples).bytes()), Fault::NotFinite);
    }
}

#[test]
fn unsupported() {
    for tag in [2, 0x55, 0x161, 0xabcd] {
        assert_eq!(refused("codec.wav", &Wav { tag, ..Wav::pcm(100) }.bytes()), Fault::Unsupported, "{tag}");
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

//! What `write_wav` writes, `load` reads.

use std::path::Path;

use culturemert_audio::{AudioError, Fault, Resampler, load};

fn write_wav(path: &Path, samples: &[f32], rate_hz: u32) -> Result<(), AudioError> {
    let mut bytes = Vec::new();
    culturemert_audio::write_wav(&mut bytes, path, samples, rate_hz)?;
    std::fs::write(path, bytes).unwrap();
    Ok(())
}

#[test]
fn samples_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let samples: Vec<f32> = golden::cf_uniforms("wav", 10_001);
    write_wav(&path, &samples, 24_000).unwrap();
    let back = load(&path, Resampler::Torchaudio).unwrap();
    assert!(golden::max_abs_diff(&back, &samples) <= 0.5 / 32768.0 + 1e-9);
    write_wav(&path, &back, 24_000).unwrap();
    assert_eq!(load(&path, Resampler::Torchaudio).unwrap(), back);
}

#[test]
fn loud_samples_are_clipped_and_nan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    write_wav(&path, &[2.0, -2.0, 0.0], 24_000).unwrap();
    assert_eq!(load(&path, Resampler::Hq).unwrap(), [32767.0 / 32768.0, -1.0, 0.0]);
    assert_eq!(write_wav(&path, &[f32::NAN], 24_000).unwrap_err().fault(), Fault::NotFinite);
    assert_eq!(write_wav(&path, &[0.0], 0).unwrap_err().fault(), Fault::AbsurdHeader);
    let full = culturemert_audio::write_wav(&mut [0; 20][..], &path, &[0.0], 1000);
    assert_eq!(full.unwrap_err().fault(), Fault::Io);
}

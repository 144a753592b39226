//! What `write_wav` writes, `load` reads.

use culturemert_audio::{Fault, Resampler, load, write_wav};

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
    assert_eq!(write_wav(&folder.path().join("no/a.wav"), &[0.0], 1000).unwrap_err().fault(), Fault::Io);
}

//! Samples that a program holds already, as [`crate::load`] would give them from a file.

use std::path::Path;

use crate::container::check_format;
use crate::decode::{first_not_finite, mean_of_channels};
use crate::error::Flaw;
use crate::{AudioError, Resampler, SAMPLE_RATE, resample};

/// Brings channels at their own rate to 24 kHz mono: bit for bit what [`crate::load`] gives of a float32 wav that holds them. Errors
/// call them `name`.
///
/// # Shapes
/// - `channels`: `[c, n]`, full scale ±1; returns `[ceil(n·24000/rate)]`
pub fn to_24k(
    channels: &[&[f32]],
    rate_hz: u32,
    resampler: Resampler,
    name: &Path,
) -> Result<Vec<f32>, AudioError> {
    mono(channels, rate_hz)
        .map(|mono| resample(&mono, rate_hz, SAMPLE_RATE, resampler))
        .map_err(|flaw| flaw.of(name))
}

fn mono(channels: &[&[f32]], rate_hz: u32) -> Result<Vec<f32>, Flaw> {
    check_format(rate_hz, channels.len())?;
    if let Some(other) = channels.iter().find(|channel| channel.len() != channels[0].len()) {
        let (one, other) = (channels[0].len(), other.len());
        return Err(Flaw::Absurd(format!("one channel has {one} samples, another {other}")));
    }
    let mut mono = Vec::with_capacity(channels[0].len());
    mean_of_channels(channels.len(), channels.iter().copied(), &mut mono);
    if mono.is_empty() {
        return Err(Flaw::Empty("it has no samples".into()));
    }
    match first_not_finite(&mono) {
        None => Ok(mono),
        Some(at) => Err(Flaw::NotFinite { seconds: at as f64 / f64::from(rate_hz) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wav of float32 samples.
    fn float_wav(channels: &[&[f32]], rate_hz: u32) -> Vec<u8> {
        let n_bytes = (channels.len() * channels[0].len() * 4) as u32;
        let block = channels.len() as u16 * 4;
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + n_bytes).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        bytes.extend([3, 0, channels.len() as u8, 0]);
        bytes.extend(rate_hz.to_le_bytes());
        bytes.extend((rate_hz * u32::from(block)).to_le_bytes());
        bytes.extend(block.to_le_bytes());
        bytes.extend([32, 0]);
        bytes.extend(b"data");
        bytes.extend(n_bytes.to_le_bytes());
        for at in 0..channels[0].len() {
            for channel in channels {
                bytes.extend(channel[at].to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn what_is_held_sounds_as_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let wave = |rate: f32| -> Vec<f32> { (0..5000).map(|i| (i as f32 * rate).sin() * 0.7).collect() };
        let (a, b, c) = (wave(0.01), wave(0.37), wave(1.3));
        for channels in [vec![a.as_slice()], vec![&a, &b], vec![&a, &b, &c]] {
            for rate_hz in [8000, 22_050, 24_000, 44_100, 48_000] {
                for resampler in [Resampler::Torchaudio, Resampler::Hq] {
                    std::fs::write(&path, float_wav(&channels, rate_hz)).unwrap();
                    let held = to_24k(&channels, rate_hz, resampler, &path).unwrap();
                    assert_eq!(
                        held,
                        crate::load(&path, resampler).unwrap(),
                        "{} at {rate_hz}",
                        channels.len()
                    );
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_heard_is_refused_by_name() {
        let name = Path::new("audio");
        let said = |channels: &[&[f32]], rate_hz| {
            to_24k(channels, rate_hz, Resampler::default(), name).unwrap_err().to_string()
        };
        assert_eq!(said(&[&[]], 24_000), "`audio` is empty: it has no samples");
        assert_eq!(said(&[], 24_000), "`audio` states zero channels");
        let broken = [0.0, 0.5, f32::NAN, 0.0];
        assert_eq!(said(&[&broken], 4000), "`audio` holds a sample that is not finite, at 0.001 s");
        assert!(said(&[&[0.0], &[0.0, 1.0]], 24_000).contains("one channel has 1 samples, another 2"));
        assert!(said(&[&[0.0]], 0).contains("absurd"));
    }
}

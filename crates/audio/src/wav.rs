//! Mono 16-bit PCM wav files.

use std::io::Write;
use std::path::Path;

use crate::AudioError;
use crate::error::Flaw;

/// Writes samples, full scale ±1, as a mono wav of 16 bits at `rate_hz`; louder samples are clipped. Errors name it `path`.
pub fn write_wav(file: impl Write, path: &Path, samples: &[f32], rate_hz: u32) -> Result<(), AudioError> {
    write(file, samples, rate_hz).map_err(|flaw| flaw.of(path))
}

fn write(mut file: impl Write, samples: &[f32], rate_hz: u32) -> Result<(), Flaw> {
    if rate_hz == 0 {
        return Err(Flaw::Absurd("a sample rate of 0".into()));
    }
    if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
        return Err(Flaw::NotFinite { seconds: at as f64 / f64::from(rate_hz) });
    }
    let too_long = || Flaw::Absurd(format!("{} samples do not fit a wav of 4 GiB", samples.len()));
    let n_bytes =
        u32::try_from(samples.len() * 2).ok().filter(|n| *n <= u32::MAX - 36).ok_or_else(too_long)?;
    let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(Flaw::Io);
    put(b"RIFF")?;
    put(&(36 + n_bytes).to_le_bytes())?;
    put(b"WAVEfmt ")?;
    put(&16u32.to_le_bytes())?;
    put(&[1, 0, 1, 0])?;
    put(&rate_hz.to_le_bytes())?;
    put(&rate_hz.saturating_mul(2).to_le_bytes())?;
    put(&[2, 0, 16, 0])?;
    put(b"data")?;
    put(&n_bytes.to_le_bytes())?;
    for &x in samples {
        // The decoder divides by 32768, so this is its inverse but for the rounding and the very loudest sample.
        let sample = (f64::from(x) * 32768.0).round().clamp(-32768.0, 32767.0) as i16;
        put(&sample.to_le_bytes())?;
    }
    file.flush().map_err(Flaw::Io)
}

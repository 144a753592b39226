//! How samples lie on disk.
//!
//! int16: `i = clamp(round_half_even(32768 x), -32768, 32767)`, read back as `i / 32768`. A 16-bit source at 24 kHz mono therefore
//! comes back exactly; `x >= 1 - 2^-16` and `x < -1 - 2^-16` are clipped, and counted. float32 keeps every bit.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use files::{FilesError, Npy, NpyWriter};
use serde::{Deserialize, Serialize};

/// Element type of the arrays of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleFormat {
    /// 16-bit integers, two bytes a sample.
    #[default]
    Int16,
    /// 32-bit floats, four bytes a sample.
    Float32,
}

impl SampleFormat {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Float32 => 4,
        }
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int16 => "int16",
            Self::Float32 => "float32",
        })
    }
}

impl FromStr for SampleFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "int16" => Ok(Self::Int16),
            "float32" => Ok(Self::Float32),
            other => Err(format!("unknown sample format `{other}`, expected `int16` or `float32`")),
        }
    }
}

/// Full scale of int16.
const FULL_SCALE: f32 = 32768.0;

/// Stores one sample; says whether it was clipped.
fn to_i16(x: f32) -> (i16, bool) {
    // The product is a power of two and the rounding is exact, so f32 is enough.
    let scaled = (x * FULL_SCALE).round_ties_even();
    let is_clipped = !(-FULL_SCALE..FULL_SCALE).contains(&scaled);
    // The conversion saturates, which is the clamp.
    (scaled as i16, is_clipped)
}

/// Whether a sample is not nothing: it reaches half a step of int16.
pub(crate) fn is_heard(x: f32) -> bool {
    to_i16(x).0 != 0
}

/// A memory-mapped array of samples of either format.
pub(crate) enum SampleArray {
    Int16(Npy<i16>),
    Float32(Npy<f32>),
}

impl SampleArray {
    /// Maps `path`, which must hold one axis.
    pub(crate) fn open(path: &Path, format: SampleFormat) -> Result<Self, FilesError> {
        let (array, n_axes) = match format {
            SampleFormat::Int16 => {
                let npy = Npy::open(path)?;
                let n_axes = npy.shape().len();
                (Self::Int16(npy), n_axes)
            }
            SampleFormat::Float32 => {
                let npy = Npy::open(path)?;
                let n_axes = npy.shape().len();
                (Self::Float32(npy), n_axes)
            }
        };
        if n_axes == 1 {
            return Ok(array);
        }
        Err(FilesError::Npy { path: path.into(), reason: format!("it has {n_axes} axes, samples have one") })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int16(npy) => npy.as_slice().len(),
            Self::Float32(npy) => npy.as_slice().len(),
        }
    }

    /// Reads samples from `start` on as floats.
    ///
    /// # Panics
    /// When they reach past the end: callers have checked.
    pub(crate) fn read(&self, start: usize, samples: &mut [f32]) {
        match self {
            Self::Int16(npy) => {
                let stored = &npy.as_slice()[start..start + samples.len()];
                for (x, &i) in samples.iter_mut().zip(stored) {
                    *x = f32::from(i) / FULL_SCALE;
                }
            }
            Self::Float32(npy) => samples.copy_from_slice(&npy.as_slice()[start..start + samples.len()]),
        }
    }

    /// Whether nothing sounds in `range`: see [`is_heard`].
    pub(crate) fn is_silent(&self, range: std::ops::Range<usize>) -> bool {
        match self {
            Self::Int16(npy) => npy.as_slice()[range].iter().all(|&i| i == 0),
            Self::Float32(npy) => npy.as_slice()[range].iter().all(|&x| !is_heard(x)),
        }
    }
}

/// Writes samples of either format.
pub(crate) enum SampleWriter {
    Int16 { file: NpyWriter<i16>, block: Vec<i16>, clipped: u64 },
    Float32 { file: NpyWriter<f32> },
}

impl SampleWriter {
    pub(crate) fn create(path: &Path, format: SampleFormat) -> Result<Self, FilesError> {
        Ok(match format {
            SampleFormat::Int16 => {
                Self::Int16 { file: NpyWriter::create(path, &[])?, block: Vec::new(), clipped: 0 }
            }
            SampleFormat::Float32 => Self::Float32 { file: NpyWriter::create(path, &[])? },
        })
    }

    /// Appends samples.
    pub(crate) fn push(&mut self, samples: &[f32]) -> Result<(), FilesError> {
        match self {
            Self::Float32 { file } => file.push(samples),
            Self::Int16 { file, block, clipped } => {
                block.clear();
                block.extend(samples.iter().map(|&x| {
                    let (i, is_clipped) = to_i16(x);
                    *clipped += u64::from(is_clipped);
                    i
                }));
                file.push(block)
            }
        }
    }

    /// Appends samples that are stored already.
    ///
    /// # Panics
    /// When the formats differ: one run has one format.
    pub(crate) fn push_stored(
        &mut self,
        array: &SampleArray,
        range: std::ops::Range<usize>,
    ) -> Result<(), FilesError> {
        match (self, array) {
            (Self::Int16 { file, .. }, SampleArray::Int16(npy)) => file.push(&npy.as_slice()[range]),
            (Self::Float32 { file }, SampleArray::Float32(npy)) => file.push(&npy.as_slice()[range]),
            _ => unreachable!("a run stores its samples in one format"),
        }
    }

    /// Puts the file under its name. Returns the number of samples and how many were clipped.
    pub(crate) fn finish(self) -> Result<(u64, u64), FilesError> {
        Ok(match self {
            Self::Int16 { file, clipped, .. } => (file.finish()? as u64, clipped),
            Self::Float32 { file } => (file.finish()? as u64, 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn full_scale_is_clipped_and_counted() {
        assert_eq!(to_i16(-1.0), (-32768, false));
        assert_eq!(to_i16(1.0), (32767, true));
        assert_eq!(to_i16(-1.5), (-32768, true));
        assert_eq!(to_i16(32767.0 / 32768.0), (32767, false));
        // Halves go to the even neighbour.
        assert_eq!(to_i16(0.5 / 32768.0), (0, false));
        assert_eq!(to_i16(1.5 / 32768.0), (2, false));
    }

    proptest! {
        #[test]
        fn what_is_stored_in_16_bits_is_read_exactly(stored: Vec<i16>) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x.npy");
            let mut writer = SampleWriter::create(&path, SampleFormat::Int16).unwrap();
            let samples: Vec<f32> = stored.iter().map(|&i| f32::from(i) / FULL_SCALE).collect();
            writer.push(&samples).unwrap();
            prop_assert_eq!(writer.finish().unwrap(), (stored.len() as u64, 0));
            let array = SampleArray::open(&path, SampleFormat::Int16).unwrap();
            let mut read = vec![0.0; stored.len()];
            array.read(0, &mut read);
            prop_assert_eq!(read, samples);
        }
    }
}

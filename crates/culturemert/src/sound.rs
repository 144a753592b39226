//! What is listened to: a recording on disk, or samples that a program holds.

use std::fmt;
use std::path::{Path, PathBuf};

use audio::{Resampler, SAMPLE_RATE, Stream24k, to_24k};

use crate::inputs::must_exist;

/// Samples of a block of held ones: work between two looks at whether to stop.
const BLOCK: usize = 10 * SAMPLE_RATE as usize;

/// A recording, wherever its samples are.
pub enum Sound {
    /// On disk; it is decoded when it is heard.
    File(PathBuf, Resampler),
    /// In memory: 24 kHz mono, and what errors call it.
    Held(String, Vec<f32>),
}

impl Sound {
    /// Channels `[c][n]` at their own rate, full scale ±1; every verb makes of them what it makes of a float32 wav that holds them.
    pub fn held(name: &str, channels: &[&[f32]], rate_hz: u32, resampler: Resampler) -> anyhow::Result<Self> {
        Ok(Self::Held(name.into(), to_24k(channels, rate_hz, resampler, Path::new(name))?))
    }

    /// Begins to hear it; fails where it does not exist or is no recording.
    pub fn open(&self) -> anyhow::Result<SoundStream<'_>> {
        match self {
            Self::File(path, resampler) => {
                must_exist("recording", path)?;
                Ok(SoundStream::File(Box::new(Stream24k::open(path, *resampler)?)))
            }
            Self::Held(_, samples) => Ok(SoundStream::Held(samples.chunks(BLOCK))),
        }
    }

    /// All samples, 24 kHz mono.
    pub(crate) fn samples(&self) -> anyhow::Result<Vec<f32>> {
        let (mut stream, mut samples) = (self.open()?, Vec::new());
        while let Some(block) = stream.next_block()? {
            samples.extend_from_slice(block);
        }
        Ok(samples)
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => path.display().fmt(f),
            Self::Held(name, _) => f.write_str(name),
        }
    }
}

/// A sound block after block, 24 kHz mono.
pub enum SoundStream<'a> {
    /// Being decoded.
    File(Box<Stream24k>),
    /// What is left of held samples.
    Held(std::slice::Chunks<'a, f32>),
}

impl SoundStream<'_> {
    /// The next samples, never an empty block; `None` at the end.
    pub fn next_block(&mut self) -> anyhow::Result<Option<&[f32]>> {
        match self {
            Self::File(stream) => Ok(stream.next_block()?),
            Self::Held(blocks) => Ok(blocks.next()),
        }
    }
}

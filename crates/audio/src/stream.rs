//! A recording as 24 kHz mono samples, whole or block by block.

use std::path::{Path, PathBuf};

use crate::decode::Decoder;
use crate::{AudioError, Resampler, ResamplerStream, SAMPLE_RATE};

/// Decodes a whole recording to 24 kHz mono.
///
/// # Shapes
/// - returns `[ceil(n·24000/rate)]`, n the samples of a channel
pub fn load(path: impl AsRef<Path>, resampler: Resampler) -> Result<Vec<f32>, AudioError> {
    let mut stream = Stream24k::open(path, resampler)?;
    let mut samples = Vec::new();
    while let Some(block) = stream.next_block()? {
        samples.extend_from_slice(block);
    }
    Ok(samples)
}

/// How long a recording lasts, seconds: what its header states, where that is how its end is known, else what decoding it gives.
///
/// A header is believed unread: a download that was cut off still states the whole length, and fails when it is decoded.
pub fn seconds(path: impl AsRef<Path>) -> Result<f64, AudioError> {
    let path = path.as_ref();
    let mut decoder = Decoder::open(path).map_err(|flaw| flaw.of(path))?;
    if let Some(stated) = decoder.stated_seconds() {
        return Ok(stated);
    }
    let (mut n_samples, mut rate) = (0u64, 1);
    while let Some((samples, rate_hz)) = decoder.next_block().map_err(|flaw| flaw.of(path))? {
        n_samples += samples.len() as u64;
        rate = rate_hz;
    }
    Ok(n_samples as f64 / f64::from(rate))
}

/// A recording at 24 kHz mono, block after block, in memory that does not grow with its length. The blocks one after another are
/// what [`load`] gives, bit for bit.
pub struct Stream24k {
    path: PathBuf,
    decoder: Decoder,
    resampler: Resampler,
    stage: Stage,
    block: Vec<f32>,
}

enum Stage {
    /// The sample rate is known when the first packet is decoded.
    Start,
    Running(ResamplerStream),
    Ended,
}

impl Stream24k {
    /// Opens a recording, whatever its name ends in.
    pub fn open(path: impl AsRef<Path>, resampler: Resampler) -> Result<Self, AudioError> {
        let path = path.as_ref().to_path_buf();
        let decoder = Decoder::open(&path).map_err(|flaw| flaw.of(&path))?;
        Ok(Self { path, decoder, resampler, stage: Stage::Start, block: Vec::new() })
    }

    /// The next samples, never an empty block; `None` at the end. After an error the stream is at its end.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, AudioError> {
        self.block.clear();
        while self.block.is_empty() {
            match &mut self.stage {
                Stage::Ended => return Ok(None),
                Stage::Start | Stage::Running(_) => self.step()?,
            }
        }
        Ok(Some(&self.block))
    }

    fn step(&mut self) -> Result<(), AudioError> {
        let decoded = self.decoder.next_block().map_err(|flaw| flaw.of(&self.path));
        let decoded = decoded.inspect_err(|_| self.stage = Stage::Ended)?;
        let Some((samples, rate_hz)) = decoded else {
            if let Stage::Running(mut stream) = std::mem::replace(&mut self.stage, Stage::Ended) {
                stream.finish(&mut self.block);
            }
            return Ok(());
        };
        if matches!(self.stage, Stage::Start) {
            self.stage = Stage::Running(ResamplerStream::new(rate_hz, SAMPLE_RATE, self.resampler));
        }
        if let Stage::Running(stream) = &mut self.stage {
            stream.push(samples, &mut self.block);
        }
        Ok(())
    }
}

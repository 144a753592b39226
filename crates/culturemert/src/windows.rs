//! A recording as the encoder hears it: normalised as a whole, window after window, in memory that does not grow with its length.
//!
//! Mean and variance belong to the whole recording, so it is read once for them. A short one is kept from that reading; a long one is
//! decoded again.

use anyhow::Context;
use audio::SAMPLE_RATE;

use crate::embedding::Statistics;
use crate::sound::Sound;

/// Samples that are kept: twenty minutes, 115 MB.
const KEPT: usize = 20 * 60 * SAMPLE_RATE as usize;

/// A recording read once.
pub struct Recording<'a> {
    sound: &'a Sound,
    statistics: Statistics,
    /// All samples, unless there are too many.
    kept: Option<Vec<f32>>,
}

impl<'a> Recording<'a> {
    /// Hears the sound to its end.
    pub fn survey(sound: &'a Sound) -> anyhow::Result<Self> {
        let (mut statistics, mut kept) = (Statistics::default(), Some(Vec::new()));
        let mut stream = sound.open()?;
        while let Some(block) = stream.next_block()? {
            statistics.add(block);
            kept = kept.filter(|kept| kept.len() + block.len() <= KEPT);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(block);
            }
        }
        Ok(Self { sound, statistics, kept })
    }

    /// What is heard.
    pub(crate) fn sound(&self) -> &Sound {
        self.sound
    }

    /// Samples at 24 kHz.
    pub(crate) fn n_samples(&self) -> usize {
        self.statistics.n_samples
    }

    /// Calls `each` for every `window` samples and for what is left at the end, normalised when `normalise`.
    pub(crate) fn windows(
        &self,
        window: usize,
        normalise: bool,
        mut each: impl FnMut(&[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut part = Vec::new();
        let mut hear = |part: &mut Vec<f32>| {
            if normalise {
                self.statistics.normalise(part);
            }
            each(part)?;
            part.clear();
            anyhow::Ok(())
        };
        if let Some(kept) = &self.kept {
            for samples in kept.chunks(window) {
                part.extend_from_slice(samples);
                hear(&mut part)?;
            }
            return Ok(());
        }
        let mut stream = self.sound.open()?;
        let mut heard = 0;
        while let Some(mut block) = stream.next_block()? {
            heard += block.len();
            while part.len() + block.len() >= window {
                let (now, later) = block.split_at(window - part.len());
                part.extend_from_slice(now);
                hear(&mut part)?;
                block = later;
            }
            part.extend_from_slice(block);
        }
        if !part.is_empty() {
            hear(&mut part)?;
        }
        let whole = heard == self.n_samples();
        whole.then_some(()).with_context(|| format!("`{}` changed while it was read", self.sound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_decoded_again_has_the_windows_of_one_that_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let wave: Vec<f32> = (0..50_000).map(|i| (i as f32 * 0.01).sin() * 0.3).collect();
        let file = std::fs::File::create(&path).unwrap();
        audio::write_wav(file, &path, &wave, SAMPLE_RATE).unwrap();
        let sound = Sound::File(path, audio::Resampler::Torchaudio);
        let kept = Recording::survey(&sound).unwrap();
        let again = Recording { kept: None, ..Recording::survey(&sound).unwrap() };
        for window in [1000, 7919, 25_000, 50_000, 60_000] {
            for normalise in [false, true] {
                let parts = |recording: &Recording<'_>| {
                    let mut parts = Vec::new();
                    let each = |part: &[f32]| {
                        parts.push(part.to_vec());
                        Ok(())
                    };
                    recording.windows(window, normalise, each).unwrap();
                    parts
                };
                assert_eq!(parts(&kept), parts(&again), "{window}");
                assert_eq!(parts(&kept).concat().len(), 50_000);
            }
        }
    }
}

//! The constant-Q transform of a signal that comes in pieces.
//!
//! Blocks lie where they lie in the whole signal; each is transformed as soon as all samples it reads are there.

use super::Cqt;
use super::block::Block;

/// A signal on its way through a [`Cqt`], in memory that does not grow with its length.
pub struct CqtStream<'a> {
    cqt: &'a Cqt,
    block: Block<'a>,
    /// Samples from hop `first_hop` on.
    samples: Vec<f32>,
    first_hop: usize,
    n_samples: usize,
    n_frames: usize,
}

impl<'a> CqtStream<'a> {
    pub(super) fn new(cqt: &'a Cqt) -> Self {
        Self { cqt, block: cqt.block(), samples: Vec::new(), first_hop: 0, n_samples: 0, n_frames: 0 }
    }

    /// Takes the next samples and appends the frames that are settled by now, `[t, bins]`.
    pub fn push(&mut self, mut samples: &[f32], frames: &mut Vec<f32>) {
        let layout = self.cqt.layout;
        while !samples.is_empty() {
            let needed = (self.n_frames + layout.n_frames + layout.n_before) * layout.hop;
            let taken = samples.len().min(needed - self.n_samples);
            let (now, later) = samples.split_at(taken);
            self.samples.extend_from_slice(now);
            self.n_samples += taken;
            samples = later;
            if self.n_samples == needed {
                self.transform(layout.n_frames, frames);
            }
        }
    }

    /// Appends the rest: in all there are `n/hop + 1` frames, or none of no samples.
    pub fn finish(&mut self, frames: &mut Vec<f32>) {
        let n_frames = self.cqt.n_frames(self.n_samples);
        while self.n_frames < n_frames {
            self.transform((n_frames - self.n_frames).min(self.cqt.layout.n_frames), frames);
        }
    }

    /// Makes the next `n` frames and lets go of the samples that no later one sees.
    fn transform(&mut self, n: usize, frames: &mut Vec<f32>) {
        let layout = self.cqt.layout;
        let from = frames.len();
        frames.resize(from + n * self.cqt.n_bins(), 0.0);
        self.block.transform(&self.samples, self.n_frames - self.first_hop, &mut frames[from..]);
        self.n_frames += n;
        let kept = self.n_frames.saturating_sub(layout.n_before).max(self.first_hop);
        self.samples.drain(..self.samples.len().min((kept - self.first_hop) * layout.hop));
        self.first_hop = kept;
    }
}

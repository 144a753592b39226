//! A bounded sample of frames, collected clip by clip.
//!
//! Every frame has the priority `draw(seed, clip)[frame]`; the sample is the `max_frames` frames of least priority (bottom-k sampling;
//! Cohen and Kaplan 2007): every frame is equally likely, and neither the order of clips nor who collected them changes the sample.

use std::collections::BinaryHeap;

use draws::Draws;

use crate::CodecError;

/// Collects frames to fit on. How many seconds of which culture it sees is the caller's choice.
#[derive(Clone, Debug)]
pub struct FrameSample {
    dims: usize,
    max_frames: usize,
    seed: u64,
    n_seen: u64,
    /// What is kept; the greatest priority on top.
    kept: BinaryHeap<Kept>,
    /// `[slots, D]`.
    rows: Vec<f32>,
}

/// Ordered by priority; clip and frame decide between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    priority: u64,
    clip: u64,
    frame_idx: u64,
    slot: usize,
}

impl FrameSample {
    /// An empty sample of frames of `dims` elements that will hold at most `max_frames`.
    pub fn new(dims: usize, max_frames: usize, seed: u64) -> Self {
        Self { dims, max_frames, seed, n_seen: 0, kept: BinaryHeap::new(), rows: Vec::new() }
    }

    /// Offers all frames of a clip. `clip` names it: give each clip another number.
    ///
    /// # Shapes
    /// - frames: `[T, D]`
    pub fn push_clip(&mut self, clip: u64, frames: &[f32]) -> Result<(), CodecError> {
        if self.dims == 0 || !frames.len().is_multiple_of(self.dims) {
            return Err(CodecError::FrameShape { elements: frames.len(), dims: self.dims });
        }
        let priorities = Draws::new(self.seed, "codec frame sample", &[clip]);
        for (frame_idx, row) in (0..).zip(frames.chunks_exact(self.dims)) {
            self.offer(Kept { priority: priorities.at(frame_idx), clip, frame_idx, slot: 0 }, row);
        }
        self.n_seen += (frames.len() / self.dims) as u64;
        Ok(())
    }

    /// Takes over what another sample of the same seed, width and size collected from other clips.
    pub fn merge(&mut self, other: &Self) {
        for &kept in &other.kept {
            self.offer(kept, &other.rows[kept.slot * other.dims..(kept.slot + 1) * other.dims]);
        }
        self.n_seen += other.n_seen;
    }

    /// Frames offered so far.
    pub fn n_seen(&self) -> u64 {
        self.n_seen
    }

    /// Frames kept so far.
    pub fn n_kept(&self) -> usize {
        self.kept.len()
    }

    /// The sample, `[n_kept, D]`, in an order that does not depend on the order of the clips.
    pub fn into_frames(self) -> Vec<f32> {
        let order = self.kept.into_sorted_vec();
        order
            .iter()
            .flat_map(|kept| &self.rows[kept.slot * self.dims..(kept.slot + 1) * self.dims])
            .copied()
            .collect()
    }

    fn offer(&mut self, mut kept: Kept, row: &[f32]) {
        let slot = if self.kept.len() < self.max_frames {
            self.rows.extend_from_slice(row);
            self.kept.len()
        } else {
            match self.kept.peek() {
                Some(last)
                    if (kept.priority, kept.clip, kept.frame_idx)
                        < (last.priority, last.clip, last.frame_idx) =>
                {
                    let slot = last.slot;
                    self.kept.pop();
                    self.rows[slot * self.dims..(slot + 1) * self.dims].copy_from_slice(row);
                    slot
                }
                _ => return,
            }
        };
        kept.slot = slot;
        self.kept.push(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(clip: u64) -> Vec<f32> {
        (0..200).flat_map(|frame| [clip as f32, frame as f32]).collect()
    }

    #[test]
    fn neither_order_nor_collectors_change_the_sample() {
        let collect = |clips: &[u64]| {
            let mut sample = FrameSample::new(2, 100, 5);
            for &id in clips {
                sample.push_clip(id, &clip(id)).unwrap();
            }
            sample
        };
        let together = collect(&[0, 1, 2, 3]);
        let mut apart = collect(&[3, 1]);
        apart.merge(&collect(&[2, 0]));
        assert_eq!((together.n_seen(), together.n_kept(), apart.n_seen()), (800, 100, 800));
        let frames = together.into_frames();
        assert_eq!(frames, apart.into_frames());
        for id in 0..4 {
            let share = frames.chunks_exact(2).filter(|row| row[0] as u64 == id).count();
            assert!((10..=45).contains(&share), "clip {id} has {share} of 100 frames");
        }
    }

    #[test]
    fn a_small_corpus_is_kept_whole() {
        let mut sample = FrameSample::new(2, 1000, 5);
        sample.push_clip(9, &clip(9)).unwrap();
        assert_eq!(sample.n_kept(), 200);
        assert!(sample.push_clip(1, &[1.0]).is_err());
    }
}

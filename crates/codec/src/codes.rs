//! The codes of one recording.

/// Codes of `n_frames` frames, 75 a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// Frames.
    pub n_frames: usize,
    /// Codes a frame.
    pub n_codebooks: usize,
    /// `[n_frames, n_codebooks]` in C order: the codes of a frame lie together, coarsest first.
    pub data: Vec<u16>,
}

impl Codes {
    /// The codes of frame `frame_idx`, coarsest first.
    ///
    /// # Panics
    /// When there is no such frame.
    pub fn frame(&self, frame_idx: usize) -> &[u16] {
        &self.data[frame_idx * self.n_codebooks..(frame_idx + 1) * self.n_codebooks]
    }

    /// Appends the codes of the frames that follow.
    pub(crate) fn append(&mut self, later: &Self) {
        self.n_frames += later.n_frames;
        self.data.extend_from_slice(&later.data);
    }

    /// The codes of one codebook in the order of time.
    pub fn codebook(&self, codebook_idx: usize) -> impl Iterator<Item = u16> + '_ {
        self.data.iter().skip(codebook_idx).step_by(self.n_codebooks.max(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_codebooks_are_rows_and_columns() {
        let codes = Codes { n_frames: 2, n_codebooks: 3, data: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(codes.frame(1), [4, 5, 6]);
        assert_eq!(codes.codebook(1).collect::<Vec<_>>(), [2, 5]);
    }
}

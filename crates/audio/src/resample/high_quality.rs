//! The high-quality filter: rubato's synchronous sinc, with its delay taken away.
//!
//! A sinc of at least 1024 zero crossings of the lower rate under a squared Blackman-Harris window, convolved by FFT in blocks of its
//! own length. Of rubato's resamplers this is the one that can be exact in time: the delay of the interpolating sinc is half a filter
//! less a step of its table, which is no whole number of output samples; here the filter is an even number of whole rounds (`from`
//! inputs, `to` outputs), so its centre falls on an output sample, and exactly that many outputs are dropped. The tail is drawn out
//! with zeros, up to `ceil(n·to/from)` samples. Pure but for what it holds: one block.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

/// Zero crossings of the lower rate that the filter has at least; the more, the narrower its transition band.
const ZERO_CROSSINGS: usize = 1024;

/// Signal in blocks of whole rounds, of which rubato takes one at a time.
pub(super) struct HighQuality {
    inner: Fft<f32>,
    from: usize,
    to: usize,
    waiting: Vec<f32>,
    answer: Vec<f32>,
    to_drop: u64,
    n_input: u64,
    n_output: u64,
}

impl HighQuality {
    pub(super) fn new(from: usize, to: usize) -> Self {
        let n_rounds = ZERO_CROSSINGS.div_ceil(from.min(to)).next_multiple_of(2);
        let window = WindowFunction::BlackmanHarris2;
        let inner = Fft::new_custom(from, to, from * n_rounds, 1, 1, window, FixedSync::Both);
        #[expect(
            clippy::expect_used,
            reason = "rubato refuses rates and blocks that are not positive; ours are"
        )]
        let inner = inner.expect("positive rates and a positive block");
        let answer = vec![0.0; inner.output_frames_max()];
        let to_drop = inner.output_delay() as u64;
        Self { inner, from, to, waiting: Vec::new(), answer, to_drop, n_input: 0, n_output: 0 }
    }

    pub(super) fn push(&mut self, block: &[f32], output: &mut Vec<f32>) {
        for part in block.chunks(1 << 16) {
            self.n_input += part.len() as u64;
            self.waiting.extend_from_slice(part);
            self.run(u64::MAX, output);
        }
    }

    pub(super) fn finish(&mut self, output: &mut Vec<f32>) {
        let n_output = (u128::from(self.n_input) * self.to as u128).div_ceil(self.from as u128) as u64;
        while self.n_output < n_output {
            self.waiting.resize(self.inner.input_frames_next(), 0.0);
            self.run(n_output, output);
        }
    }

    fn run(&mut self, limit: u64, output: &mut Vec<f32>) {
        let n_block = self.inner.input_frames_next();
        let mut blocks = self.waiting.chunks_exact(n_block);
        for block in &mut blocks {
            let n_answer = one_block(&mut self.inner, block, &mut self.answer);
            let dropped = self.to_drop.min(n_answer as u64);
            self.to_drop -= dropped;
            let wanted = (n_answer as u64 - dropped).min(limit - self.n_output);
            output.extend_from_slice(&self.answer[dropped as usize..(dropped + wanted) as usize]);
            self.n_output += wanted;
        }
        let n_rest = blocks.remainder().len();
        self.waiting.drain(..self.waiting.len() - n_rest);
    }
}

#[expect(clippy::expect_used, reason = "the buffers have the sizes that rubato asked for")]
fn one_block(inner: &mut Fft<f32>, block: &[f32], answer: &mut [f32]) -> usize {
    let n_answer = answer.len();
    let input = SequentialSlice::new(block, 1, block.len()).expect("one channel of a block");
    let mut into = SequentialSlice::new_mut(answer, 1, n_answer).expect("one channel of an answer");
    let (_, n_written) =
        inner.process_into_buffer(&input, &mut into, None).expect("buffers of the right size");
    n_written
}

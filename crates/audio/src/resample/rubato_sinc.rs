//! The high-quality filter: rubato's sinc interpolation, with its delay taken away.
//!
//! A sinc of 256 zero crossings each way of the lower rate under a squared Blackman-Harris window, tabulated 256 times finer than
//! the input and interpolated by cubics. rubato answers in fixed chunks and late by half a filter, which is no whole number of
//! output samples; so zeros are put in front until it is one, and exactly that many outputs are dropped. The tail is drawn out with
//! zeros, up to `ceil(n·to/from)` samples. Pure but for what it holds.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Input samples that rubato takes at a time.
const CHUNK: usize = 1024;

pub(super) struct RubatoSinc {
    inner: Async<f32>,
    from: usize,
    to: usize,
    waiting: Vec<f32>,
    answer: Vec<f32>,
    to_drop: u64,
    n_input: u64,
    n_output: u64,
}

impl RubatoSinc {
    pub(super) fn new(from: usize, to: usize) -> Self {
        // The filter is as long in seconds whichever side is the slower one.
        let len = (256 * from.div_ceil(to)).min(16_384);
        let parameters = SincInterpolationParameters::new(len, WindowFunction::BlackmanHarris2)
            .oversampling_factor(256)
            .interpolation(SincInterpolationType::Cubic);
        let inner = Async::new_sinc(to as f64 / from as f64, 1.0, &parameters, CHUNK, 1, FixedAsync::Input);
        #[expect(
            clippy::expect_used,
            reason = "rubato refuses ratios and lengths that are not positive; ours are"
        )]
        let inner = inner.expect("a positive ratio and chunk");
        let answer = vec![0.0; inner.output_frames_max()];
        // Output 0 lies this many input samples before the first one.
        let early = len / 2;
        let zeros = (from - early % from) % from;
        let to_drop = (early + zeros) / from * to;
        Self {
            inner,
            from,
            to,
            waiting: vec![0.0; zeros],
            answer,
            to_drop: to_drop as u64,
            n_input: 0,
            n_output: 0,
        }
    }

    pub(super) fn push(&mut self, block: &[f32], output: &mut Vec<f32>) {
        self.n_input += block.len() as u64;
        for part in block.chunks(1 << 16) {
            self.waiting.extend_from_slice(part);
            self.run(u64::MAX, output);
        }
    }

    pub(super) fn finish(&mut self, output: &mut Vec<f32>) {
        let n_output = (u128::from(self.n_input) * self.to as u128).div_ceil(self.from as u128) as u64;
        while self.n_output < n_output {
            self.waiting.resize(self.waiting.len().next_multiple_of(CHUNK).max(CHUNK), 0.0);
            self.run(n_output, output);
        }
    }

    fn run(&mut self, limit: u64, output: &mut Vec<f32>) {
        let mut taken = 0;
        while let Some(chunk) = self.waiting.get(taken..taken + CHUNK) {
            taken += CHUNK;
            let n_answer = chunk_through(&mut self.inner, chunk, &mut self.answer);
            let dropped = self.to_drop.min(n_answer as u64);
            self.to_drop -= dropped;
            let wanted = (n_answer as u64 - dropped).min(limit - self.n_output);
            output.extend_from_slice(&self.answer[dropped as usize..(dropped + wanted) as usize]);
            self.n_output += wanted;
        }
        self.waiting.drain(..taken);
    }
}

#[expect(clippy::expect_used, reason = "the buffers have the sizes that rubato asked for")]
fn chunk_through(inner: &mut Async<f32>, chunk: &[f32], answer: &mut [f32]) -> usize {
    let n_answer = answer.len();
    let input = SequentialSlice::new(chunk, 1, CHUNK).expect("one channel of a chunk");
    let mut into = SequentialSlice::new_mut(answer, 1, n_answer).expect("one channel of an answer");
    let (_, n_written) =
        inner.process_into_buffer(&input, &mut into, None).expect("buffers of the right size");
    n_written
}

//! A low-pass filter evaluated only where an output sample lies.
//!
//! With coprime `from` (o) and `to` (n), output `m = q·n + j` is `Σ_i taps[j][i]·x[q·o + first[j] + i]`: one short filter for each
//! of the n phases. `x` is zero outside the signal. Pure but for the samples it holds back, at most one filter and one block.

/// The filters of all phases.
pub(super) struct Kernel {
    /// Input step of one round of phases.
    pub(super) from: usize,
    /// Number of phases.
    pub(super) to: usize,
    /// Taps of a phase.
    pub(super) len: usize,
    /// Input offset of each phase's first tap, `[to]`.
    pub(super) first: Vec<isize>,
    /// `[to, len]`.
    pub(super) taps: Vec<f32>,
}

pub(super) struct Polyphase {
    kernel: Kernel,
    /// Input from position `start` on; positions before 0 are the zeros in front of the signal.
    held: Vec<f32>,
    start: isize,
    n_input: u64,
    round: usize,
    phase: usize,
    n_output: u64,
}

impl Polyphase {
    pub(super) fn new(kernel: Kernel) -> Self {
        let start = kernel.first.iter().copied().min().unwrap_or(0).min(0);
        let held = vec![0.0; start.unsigned_abs()];
        Self { kernel, held, start, n_input: 0, round: 0, phase: 0, n_output: 0 }
    }

    pub(super) fn push(&mut self, block: &[f32], output: &mut Vec<f32>) {
        // Blocks beyond this size would make the held samples grow with them.
        for part in block.chunks(1 << 16) {
            self.held.extend_from_slice(part);
            self.n_input += part.len() as u64;
            self.run(u64::MAX, output);
            self.forget();
        }
    }

    pub(super) fn finish(&mut self, output: &mut Vec<f32>) {
        let (from, to) = (self.kernel.from as u128, self.kernel.to as u128);
        let n_output = (u128::from(self.n_input) * to).div_ceil(from) as u64;
        while self.n_output < n_output {
            let padded = self.held.len() + self.kernel.len + self.kernel.from.min(1 << 16);
            self.held.resize(padded, 0.0);
            self.run(n_output, output);
            self.forget();
        }
    }

    fn run(&mut self, limit: u64, output: &mut Vec<f32>) {
        let Kernel { from, to, len, first, taps } = &self.kernel;
        while self.n_output < limit {
            let begin = (self.round * from) as isize + first[self.phase] - self.start;
            // `start` never passes the next window, see `forget`.
            let begin = begin as usize;
            let Some(window) = self.held.get(begin..begin + len) else { break };
            output.push(dot(&taps[self.phase * len..(self.phase + 1) * len], window));
            self.n_output += 1;
            self.phase += 1;
            if self.phase == *to {
                self.phase = 0;
                self.round += 1;
            }
        }
    }

    /// Drops the samples that no later window reads, and counts positions from the current round on.
    fn forget(&mut self) {
        self.start -= (self.round * self.kernel.from) as isize;
        self.round = 0;
        // The next windows begin at `first[phase..]` or, a round later, at `from + first[..]`; `first` never falls.
        let next = self.kernel.first[self.phase];
        let spent = (next - self.start).clamp(0, self.held.len() as isize);
        self.held.drain(..spent as usize);
        self.start += spent;
    }
}

/// Sums in eight fixed lanes, so that the order of additions never depends on the machine or the block.
fn dot(taps: &[f32], window: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (tap_rows, tap_rest) = taps.as_chunks::<8>();
    let (window_rows, window_rest) = window.as_chunks::<8>();
    for (tap, x) in tap_rows.iter().zip(window_rows) {
        for lane in 0..8 {
            lanes[lane] += tap[lane] * x[lane];
        }
    }
    for (lane, (tap, x)) in lanes.iter_mut().zip(tap_rest.iter().zip(window_rest)) {
        *lane += tap * x;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

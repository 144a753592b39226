//! A low-pass filter evaluated only where an output sample lies.
//!
//! With coprime `from` (o) and `to` (n), output `m = q·n + j` is `Σ_i taps[j][i]·x[q·o + first[j] + i]`: one short filter for each
//! of the n phases. `x` is zero outside the signal. Pure but for the samples it holds back, at most one filter and one block.

/// Taps that are summed side by side; a phase has a multiple of them.
pub(super) const LANES: usize = 8;

/// The filters of all phases.
pub(super) struct Kernel {
    /// Input step of one round of phases.
    pub(super) from: usize,
    /// Number of phases.
    pub(super) to: usize,
    /// Taps of a phase, a multiple of [`LANES`].
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
        let Self { kernel, held, start, round, phase, n_output, .. } = self;
        simd::vectorised(
            #[inline(always)]
            || {
                while *n_output < limit {
                    // `start` never passes the next window, see `forget`.
                    let begin = ((*round * kernel.from) as isize + kernel.first[*phase] - *start) as usize;
                    let Some(window) = held.get(begin..begin + kernel.len) else { break };
                    output.push(dot(&kernel.taps[*phase * kernel.len..][..kernel.len], window));
                    *n_output += 1;
                    *phase += 1;
                    if *phase == kernel.to {
                        *phase = 0;
                        *round += 1;
                    }
                }
            },
        );
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
#[inline(always)]
fn dot(taps: &[f32], window: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    for (tap, x) in taps.as_chunks::<LANES>().0.iter().zip(window.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] += tap[lane] * x[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

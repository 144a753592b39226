//! One block of the signal: its spectrum, and all bins of its frames.
//!
//! A block has `N = hop·M` samples, so the frames' positions divide its circle: with spectrum `X` and a kernel's band `R`,
//! `c[t] = Σ_f X(f)·R(f)·e^{2πi f t/M}`. The sum over `f` is folded modulo `M` and transformed back by `M` points, for all frames at
//! once. Frames whose window would wrap around the block's end are left to the next block. Pure.

use std::f64::consts::PI;
use std::sync::Arc;

use rayon::prelude::*;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use simd::vectorised;

use super::kernels::{Kernel, Kernels};

/// How blocks lie over the signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) hop: usize,
    /// Frame positions on the block's circle, M.
    n_circle: usize,
    /// Frame positions in front of the block's first frame, for its longest window.
    pub(super) n_before: usize,
    /// Frames a block yields.
    pub(super) n_frames: usize,
}

impl Layout {
    pub(super) fn new(hop: usize, longest: usize, sample_rate: u32) -> Self {
        let n_before = longest.div_ceil(2).div_ceil(hop);
        // The crops that training reads, 5 s, fit one block; longer windows need longer blocks to be worth their margins.
        let wanted = (5 * sample_rate as usize / hop + 1).max(2 * n_before);
        let n_circle = smooth(wanted + 2 * n_before);
        Self { hop, n_circle, n_before, n_frames: n_circle - 2 * n_before }
    }

    /// Samples of a block, N.
    pub(super) fn n_samples(&self) -> usize {
        self.hop * self.n_circle
    }
}

/// The least even product of 2, 3 and 5 that is not below `least`.
fn smooth(least: usize) -> usize {
    let mut n = least.max(2).next_multiple_of(2);
    while !is_smooth(n) {
        n += 2;
    }
    n
}

fn is_smooth(mut n: usize) -> bool {
    for prime in [2, 3, 5] {
        while n.is_multiple_of(prime) {
            n /= prime;
        }
    }
    n == 1
}

/// What all blocks of a transform share beside the kernels.
pub(super) struct Plans {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn Fft<f32>>,
    /// `e^{−πi f/N}` of every line that the bands read: half a sample, by which windows of odd length lie early. Real and imaginary parts.
    turns: [Vec<f32>; 2],
}

impl Plans {
    pub(super) fn new(layout: Layout, kernels: &Kernels) -> Self {
        let angle = -PI / layout.n_samples() as f64;
        let turn = |line: isize| (angle * line as f64).sin_cos();
        let (cos, sin) = kernels.lines.clone().map(turn).map(|(sin, cos)| (cos as f32, sin as f32)).unzip();
        Self {
            forward: RealFftPlanner::new().plan_fft_forward(layout.n_samples()),
            backward: FftPlanner::new().plan_fft_inverse(layout.n_circle),
            turns: [cos, sin],
        }
    }
}

/// Buffers of one caller.
pub(super) struct Block<'a> {
    layout: Layout,
    kernels: &'a Kernels,
    plans: &'a Plans,
    samples: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// Real and imaginary parts of the lines that the bands read, for windows of even and of odd length.
    even: [Vec<f32>; 2],
    odd: [Vec<f32>; 2],
    /// `[bins, frames]`.
    magnitudes: Vec<f32>,
}

impl<'a> Block<'a> {
    pub(super) fn new(layout: Layout, kernels: &'a Kernels, plans: &'a Plans) -> Self {
        let lines = || vec![0.0; kernels.lines.len()];
        Self {
            layout,
            kernels,
            plans,
            samples: plans.forward.make_input_vec(),
            spectrum: plans.forward.make_output_vec(),
            scratch: plans.forward.make_scratch_vec(),
            even: [lines(), lines()],
            odd: [lines(), lines()],
            magnitudes: Vec::new(),
        }
    }

    /// Frames from `first_frame` on.
    ///
    /// # Shapes
    /// - `signal`: `[n]`, `rows`: `[frames, bins]`, at most as many frames as a block yields
    pub(super) fn transform(&mut self, signal: &[f32], first_frame: usize, rows: &mut [f32]) {
        self.load(signal, first_frame);
        #[expect(clippy::expect_used, reason = "the plan made the buffers")]
        self.plans
            .forward
            .process_with_scratch(&mut self.samples, &mut self.spectrum, &mut self.scratch)
            .expect("buffers of the plan's lengths");
        self.lay_out_lines();
        let n_bins = self.kernels.bins.len();
        let n_frames = rows.len() / n_bins;
        self.magnitudes.resize(n_frames * n_bins, 0.0);
        let mut magnitudes = std::mem::take(&mut self.magnitudes);
        magnitudes.par_chunks_mut(n_frames).zip(&self.kernels.bins).for_each_init(
            || Folded::new(self),
            |folded, (magnitudes, kernel)| folded.bin(self, kernel, magnitudes),
        );
        for (frame, row) in rows.chunks_exact_mut(n_bins).enumerate() {
            for (value, bin) in row.iter_mut().zip(magnitudes.chunks_exact(n_frames)) {
                *value = bin[frame];
            }
        }
        self.magnitudes = magnitudes;
    }

    /// Copies the block's part of the signal between zeros.
    fn load(&mut self, signal: &[f32], first_frame: usize) {
        let before = self.layout.n_before * self.layout.hop;
        let at = first_frame * self.layout.hop;
        let skipped = before.saturating_sub(at);
        let from = signal.len().min(at.saturating_sub(before));
        let to = signal.len().min(at + self.samples.len() - before);
        self.samples.fill(0.0);
        self.samples[skipped..skipped + to - from].copy_from_slice(&signal[from..to]);
    }

    fn lay_out_lines(&mut self) {
        let n = self.layout.n_samples() as isize;
        let [even_re, even_im] = &mut self.even;
        let lines = self.kernels.lines.clone();
        for (line, (re, im)) in lines.zip(even_re.iter_mut().zip(even_im.iter_mut())) {
            let folded = line.rem_euclid(n);
            let x = if folded <= n / 2 {
                self.spectrum[folded as usize]
            } else {
                self.spectrum[(n - folded) as usize].conj()
            };
            (*re, *im) = (x.re, x.im);
        }
        let [cos, sin] = &self.plans.turns;
        let [odd_re, odd_im] = &mut self.odd;
        let turned =
            odd_re.iter_mut().zip(odd_im).zip(even_re.iter().zip(even_im.iter()).zip(cos.iter().zip(sin)));
        for ((odd_re, odd_im), ((re, im), (cos, sin))) in turned {
            *odd_re = re * cos - im * sin;
            *odd_im = re * sin + im * cos;
        }
    }
}

/// A bin's products folded to the frame rate, and room for their transform.
struct Folded {
    re: Vec<f32>,
    im: Vec<f32>,
    values: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Folded {
    fn new(block: &Block<'_>) -> Self {
        let n = block.layout.n_circle;
        let scratch = vec![Complex::default(); block.plans.backward.get_inplace_scratch_len()];
        Self { re: vec![0.0; n], im: vec![0.0; n], values: vec![Complex::default(); n], scratch }
    }

    fn bin(&mut self, block: &Block<'_>, kernel: &Kernel, magnitudes: &mut [f32]) {
        self.re.fill(0.0);
        self.im.fill(0.0);
        let [re, im] = if kernel.odd { &block.odd } else { &block.even };
        let n_circle = block.layout.n_circle;
        let mut line = (kernel.first - block.kernels.lines.start) as usize;
        let mut at = kernel.first.rem_euclid(n_circle as isize) as usize;
        let mut taps = &kernel.taps[..];
        while !taps.is_empty() {
            let (now, later) = taps.split_at(taps.len().min(n_circle - at));
            let sums = [&mut self.re[at..], &mut self.im[at..]];
            add_products(sums, now, [&re[line..], &im[line..]]);
            line += now.len();
            at = 0;
            taps = later;
        }
        for (value, (&re, &im)) in self.values.iter_mut().zip(self.re.iter().zip(&self.im)) {
            *value = Complex::new(re, im);
        }
        block.plans.backward.process_with_scratch(&mut self.values, &mut self.scratch);
        for (magnitude, value) in magnitudes.iter_mut().zip(&self.values[block.layout.n_before..]) {
            *magnitude = (value.re * value.re + value.im * value.im).sqrt();
        }
    }
}

/// Adds `taps · lines` to real and imaginary sums.
fn add_products([re_sums, im_sums]: [&mut [f32]; 2], taps: &[f32], [re_lines, im_lines]: [&[f32]; 2]) {
    let n = taps.len();
    let (re_sums, im_sums, re_lines, im_lines) =
        (&mut re_sums[..n], &mut im_sums[..n], &re_lines[..n], &im_lines[..n]);
    vectorised(
        #[inline(always)]
        || {
            for i in 0..n {
                re_sums[i] += taps[i] * re_lines[i];
                im_sums[i] += taps[i] * im_lines[i];
            }
        },
    );
}

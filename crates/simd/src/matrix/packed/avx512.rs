//! Inner loops for AVX-512: twelve rows by two vectors of sums stay in registers while the inner dimension passes.

use std::arch::x86_64::{
    __cpuid, __m512, __m512bh, __m512i, __mmask16, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps,
};

use super::kernel::{Blocks, Kernel, ONE_TERM, Step};
use super::pack::Words;
use crate::matrix::Instructions;

/// Rows of a step: 24 sums, two vectors of the right operand and one number of the left fill the 32 registers.
pub(super) const ROWS: usize = 12;

const LANES: usize = 16;

/// Columns of a panel.
pub(super) const PANEL: usize = 2 * LANES;

/// How much is kept: a panel of the deepest block is 96 KiB, four of them stay in the second cache beside 360 KiB of the left operand.
pub(super) const BLOCKS: Blocks = Blocks { depth: 768, rows: 120, panels: 4 };

/// A kernel for operands of one term.
pub(super) fn kernel(words: &'static [Words], run: unsafe fn(&Step)) -> Kernel {
    let (instructions, terms) = (Instructions::Avx512, ONE_TERM);
    Kernel { instructions, words, terms, rows: ROWS, panel: PANEL, blocks: BLOCKS, depth_multiple: 1, run }
}

/// Whether the processor has what this loop and its packing are compiled for.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

/// Whether a product of pairs saves anything. Intel's cores with AVX512-BF16 begin one every other cycle and two float32 products a cycle:
/// 160 against 280 GFLOP/s on two cores of an Emerald Rapids, where torch reaches 167 and 330. AMD's begin as many of either.
pub(super) fn multiplies_pairs_fast() -> bool {
    is_x86_feature_detected!("avx512bf16") && !is_intel()
}

fn is_intel() -> bool {
    let vendor = __cpuid(0);
    [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() == b"GenuineIntel"
}

/// Calls the loop compiled for this many rows and vectors.
macro_rules! by_size {
    ($step:ident, $loop:ident, $($rows:literal)*) => {
        match ($step.rows, $step.columns.div_ceil(LANES)) {
            $(($rows, 1) => $loop::<$rows, 1>($step), ($rows, _) => $loop::<$rows, 2>($step),)*
            _ => unreachable!("a step has one to twelve rows"),
        }
    };
}

/// A word is a float32.
#[expect(unsafe_code, reason = "the target feature was detected when the kernel was chosen")]
pub(super) unsafe fn float32(step: &Step) {
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { by_size!(step, float32_loop, 1 2 3 4 5 6 7 8 9 10 11 12) }
}

/// A word is two bfloat16 numbers, neighbours along the inner dimension.
#[expect(unsafe_code, reason = "the target feature was detected when the kernel was chosen")]
pub(super) unsafe fn bfloat16(step: &Step) {
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { by_size!(step, bfloat16_loop, 1 2 3 4 5 6 7 8 9 10 11 12) }
}

#[expect(unsafe_code, reason = "reads packed operands by pointer")]
#[expect(clippy::needless_range_loop, reason = "indices are rows and vectors")]
#[target_feature(enable = "avx512f")]
unsafe fn float32_loop<const ROWS: usize, const VECTORS: usize>(step: &Step) {
    let (left, right) = (step.left.cast::<f32>(), step.right.cast::<f32>());
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    for k in 0..step.depth {
        let mut vectors = [_mm512_setzero_ps(); VECTORS];
        for v in 0..VECTORS {
            // SAFETY: a panel holds `depth · PANEL` words.
            vectors[v] = unsafe { _mm512_loadu_ps(right.add(k * PANEL + v * LANES)) };
        }
        for row in 0..ROWS {
            // SAFETY: every row of the left operand holds `depth` words.
            let number = _mm512_set1_ps(unsafe { *left.add(row * step.left_stride + k) });
            for v in 0..VECTORS {
                sums[row][v] = _mm512_fmadd_ps(number, vectors[v], sums[row][v]);
            }
        }
    }
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { store(&sums, step) }
}

#[expect(unsafe_code, reason = "reads packed operands by pointer")]
#[expect(clippy::needless_range_loop, reason = "indices are rows and vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn bfloat16_loop<const ROWS: usize, const VECTORS: usize>(step: &Step) {
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    for k in 0..step.depth {
        let mut vectors = [_mm512_setzero_ps(); VECTORS];
        for v in 0..VECTORS {
            // SAFETY: a panel holds `depth · PANEL` words.
            vectors[v] = unsafe { _mm512_loadu_ps(step.right.add(k * PANEL + v * LANES).cast()) };
        }
        for row in 0..ROWS {
            // SAFETY: every row of the left operand holds `depth` words.
            let pair = unsafe { *step.left.add(row * step.left_stride + k) };
            // SAFETY: these are different names of 64 bytes.
            let pair = unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi32(pair as i32)) };
            for v in 0..VECTORS {
                // SAFETY: as above.
                let vector = unsafe { std::mem::transmute::<__m512, __m512bh>(vectors[v]) };
                sums[row][v] = _mm512_dpbf16_ps(sums[row][v], pair, vector);
            }
        }
    }
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { store(&sums, step) }
}

#[expect(unsafe_code, reason = "writes rows of the target by pointer")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn store<const ROWS: usize, const VECTORS: usize>(sums: &[[__m512; VECTORS]; ROWS], step: &Step) {
    for (row, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let columns = (step.columns - v * LANES).min(LANES);
            let mask: __mmask16 = if columns == LANES { !0 } else { (1 << columns) - 1 };
            // SAFETY: the target has these rows and columns.
            unsafe {
                let place = step.target.add(row * step.target_stride + v * LANES);
                let scale = _mm512_set1_ps(step.alpha);
                let value = if step.keep {
                    _mm512_fmadd_ps(sum, scale, _mm512_maskz_loadu_ps(mask, place))
                } else {
                    _mm512_mul_ps(sum, scale)
                };
                _mm512_mask_storeu_ps(place, mask, value);
            }
        }
    }
}

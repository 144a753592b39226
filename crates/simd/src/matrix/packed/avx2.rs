//! The inner loop for AVX2 with FMA: six rows by two vectors of sums stay in registers while the inner dimension passes.

use std::arch::x86_64::{
    __m256, __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256,
    _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_storeu_ps,
};

use super::kernel::{Blocks, Kernel, ONE_TERM, Step};
use super::pack::Words;
use crate::matrix::Instructions;

/// Rows of a step: 12 sums, two vectors of the right operand and one number of the left fill 15 of the 16 registers.
pub(super) const ROWS: usize = 6;

/// Numbers of a vector.
pub(super) const LANES: usize = 8;

/// Columns of a panel.
pub(super) const PANEL: usize = 2 * LANES;

/// Whether the processor has what this loop and its packing are compiled for.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// The kernel for operands of one number a word.
///
/// 72 rows of the deepest block are 216 KiB and a panel 48 KiB: both stay in a second cache of 512 KiB, six rows in the first.
pub(super) fn kernel(words: &'static [Words]) -> Kernel {
    Kernel {
        instructions: Instructions::Avx2,
        words,
        terms: ONE_TERM,
        rows: ROWS,
        panel: PANEL,
        blocks: Blocks { depth: 768, rows: 72, panels: 1 },
        depth_multiple: 1,
        run: float32,
    }
}

/// Selects the first `n` of eight numbers.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn below(n: usize) -> __m256i {
    const EDGE: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    #[expect(unsafe_code, reason = "loads by pointer")]
    // SAFETY: the eight words from `LANES - n` on lie in the array.
    unsafe {
        _mm256_loadu_si256(EDGE.as_ptr().add(LANES - n.min(LANES)).cast())
    }
}

/// A word is a float32.
#[expect(unsafe_code, reason = "the target features were detected when the kernel was chosen")]
pub(super) unsafe fn float32(step: &Step) {
    macro_rules! by_size {
        ($($rows:literal)*) => {
            match (step.rows, step.columns.div_ceil(LANES)) {
                // SAFETY: the caller keeps the contract of `Kernel::run`.
                $(($rows, 1) => unsafe { float32_loop::<$rows, 1>(step) },
                ($rows, _) => unsafe { float32_loop::<$rows, 2>(step) },)*
                _ => unreachable!("a step has one to six rows"),
            }
        };
    }
    by_size!(1 2 3 4 5 6);
}

#[expect(unsafe_code, reason = "reads packed operands by pointer")]
#[expect(clippy::needless_range_loop, reason = "indices are rows and vectors")]
#[target_feature(enable = "avx2,fma")]
unsafe fn float32_loop<const ROWS: usize, const VECTORS: usize>(step: &Step) {
    let (left, right) = (step.left.cast::<f32>(), step.right.cast::<f32>());
    for row in 0..ROWS {
        // The target is met at the end, a line of memory a row, which no processor foresees.
        let place = step.target.wrapping_add(row * step.target_stride);
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
        _mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(PANEL - 1).cast());
    }
    let mut sums = [[_mm256_setzero_ps(); VECTORS]; ROWS];
    for k in 0..step.depth {
        let mut vectors = [_mm256_setzero_ps(); VECTORS];
        for v in 0..VECTORS {
            // SAFETY: a panel holds `depth · PANEL` words.
            vectors[v] = unsafe { _mm256_loadu_ps(right.add(k * PANEL + v * LANES)) };
        }
        for row in 0..ROWS {
            // SAFETY: every row of the left operand holds `depth` words.
            let number = _mm256_set1_ps(unsafe { *left.add(row * step.left_stride + k) });
            for v in 0..VECTORS {
                sums[row][v] = _mm256_fmadd_ps(number, vectors[v], sums[row][v]);
            }
        }
    }
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { store(&sums, step) }
}

#[expect(unsafe_code, reason = "writes rows of the target by pointer")]
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn store<const ROWS: usize, const VECTORS: usize>(sums: &[[__m256; VECTORS]; ROWS], step: &Step) {
    let scale = _mm256_set1_ps(step.alpha);
    for (row, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let n = step.columns - v * LANES;
            // SAFETY: the target has these rows and columns.
            unsafe {
                let place = step.target.add(row * step.target_stride + v * LANES);
                // Masked stores are slow where half a dozen instructions do their work (Zen): only the edges pay for them.
                if n >= LANES {
                    let value = if step.keep {
                        _mm256_fmadd_ps(sum, scale, _mm256_loadu_ps(place))
                    } else {
                        _mm256_mul_ps(sum, scale)
                    };
                    _mm256_storeu_ps(place, value);
                    continue;
                }
                let mask = below(n);
                let value = if step.keep {
                    _mm256_fmadd_ps(sum, scale, _mm256_maskload_ps(place, mask))
                } else {
                    _mm256_mul_ps(sum, scale)
                };
                _mm256_maskstore_ps(place, mask, value);
            }
        }
    }
}

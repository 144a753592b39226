//! Operands in the order the kernels read them, by AVX2: words of one number, in blocks of 8 by 8.

use std::arch::x86_64::{
    __m256, _CMP_UNORD_Q, _MM_FROUND_TO_NEAREST_INT, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32,
    _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps,
    _mm256_cvtph_ps, _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_maskstore_ps,
    _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_srli_epi32,
    _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::super::View;
use super::avx2::below;
use super::pack::{BFLOAT16, FLOAT16, Job, Place};

/// Words a side of a block: the numbers of a vector.
const BLOCK: usize = super::avx2::LANES;
type Block = [__m256; BLOCK];

/// Packs words of one number, rounded as `KIND` says.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn run<const KIND: usize>(job: &Job<'_>, out: &mut [u32]) {
    let outer = || job.outer.clone().step_by(BLOCK);
    let inner = || job.inner.clone().step_by(BLOCK);
    // Numbers are read in the order in which they lie in memory.
    if job.view.column_stride == 1 {
        outer().for_each(|first| inner().for_each(|word| block::<KIND>(job, first, word, out)));
    } else {
        inner().for_each(|word| outer().for_each(|first| block::<KIND>(job, first, word, out)));
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn block<const KIND: usize>(job: &Job<'_>, first: usize, word: usize, out: &mut [u32]) {
    let n_words = (job.inner.end - word).min(BLOCK);
    let n_outer = (job.outer.end - first).min(BLOCK);
    let at = (first - job.outer.start, word - job.inner.start);
    let along_inner = job.view.column_stride == 1;
    let mut block = if along_inner {
        along_inner_block(job.view, first, word)
    } else {
        along_outer_block(job.view, first, word)
    };
    for line in &mut block {
        *line = rounded::<KIND>(*line);
    }
    match job.place {
        Place::Rows { stride } => {
            let block = if along_inner { block } else { turned(&block) };
            copy(&block, n_outer, n_words, &mut out[at.0 * stride + at.1..], stride);
        }
        Place::Panel { width } => {
            let block = if along_inner { turned(&block) } else { block };
            copy(&block, n_words, n_outer, &mut out[at.1 * width + at.0..], width);
        }
    }
}

/// `block[outer][word]` of a view whose numbers are neighbours along the inner dimension.
#[target_feature(enable = "avx2")]
#[inline]
fn along_inner_block(view: View<'_>, first: usize, word: usize) -> Block {
    let mut block = [_mm256_setzero_ps(); BLOCK];
    let n = view.columns.saturating_sub(word);
    for (row, line) in block.iter_mut().enumerate().take(view.rows.saturating_sub(first)) {
        *line = load(view.data, (first + row) * view.row_stride + word, n);
    }
    block
}

/// `block[word][outer]` of any view; fast where the numbers are neighbours along the outer dimension.
#[target_feature(enable = "avx2")]
#[inline]
fn along_outer_block(view: View<'_>, first: usize, word: usize) -> Block {
    let mut block = [_mm256_setzero_ps(); BLOCK];
    let n = view.rows.saturating_sub(first).min(BLOCK);
    if n == 0 {
        return block;
    }
    for (index, line) in block.iter_mut().enumerate().take(view.columns.saturating_sub(word)) {
        let at = first * view.row_stride + (word + index) * view.column_stride;
        if view.row_stride == 1 {
            // The next block's lines lie far from each other, where the processor does not look ahead.
            let ahead = view.data.as_ptr().wrapping_add(at + BLOCK * view.column_stride);
            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
            *line = load(view.data, at, n);
        } else {
            let mut scattered = [0.0; BLOCK];
            for (outer, number) in scattered.iter_mut().enumerate().take(n) {
                *number = view.data[at + outer * view.row_stride];
            }
            *line = load(&scattered, 0, BLOCK);
        }
    }
    block
}

/// The first `n` (at most eight) numbers from `at`, zeros after them.
#[target_feature(enable = "avx2")]
#[inline]
fn load(data: &[f32], at: usize, n: usize) -> __m256 {
    if n == 0 {
        return _mm256_setzero_ps();
    }
    assert!(at + n.min(BLOCK) <= data.len(), "a block lies in its view");
    #[expect(unsafe_code, reason = "loads by pointer")]
    // SAFETY: the numbers that are read were just found to be in the slice.
    unsafe {
        let place = data.as_ptr().add(at);
        if n >= BLOCK { _mm256_loadu_ps(place) } else { _mm256_maskload_ps(place, below(n)) }
    }
}

#[target_feature(enable = "avx2,f16c")]
#[inline]
fn rounded<const KIND: usize>(numbers: __m256) -> __m256 {
    match KIND {
        BFLOAT16 => {
            let bits = _mm256_castps_si256(numbers);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let raised = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(numbers, numbers);
            let nearest = _mm256_blendv_ps(_mm256_castsi256_ps(raised), numbers, nan);
            let upper = _mm256_set1_epi32(0xFFFF_0000_u32 as i32);
            _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(nearest), upper))
        }
        FLOAT16 => _mm256_cvtph_ps(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(numbers)),
        _ => numbers,
    }
}

/// Lines become columns.
#[target_feature(enable = "avx2")]
#[inline]
fn turned(block: &Block) -> Block {
    // Three rounds exchange blocks of 1, 2 and 4 words.
    let mut pairs = [_mm256_setzero_ps(); BLOCK];
    for i in (0..BLOCK).step_by(2) {
        pairs[i] = _mm256_unpacklo_ps(block[i], block[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(block[i], block[i + 1]);
    }
    let mut fours = [_mm256_setzero_ps(); BLOCK];
    for i in (0..BLOCK).step_by(4) {
        for j in 0..2 {
            fours[i + 2 * j] = _mm256_shuffle_ps::<0x44>(pairs[i + j], pairs[i + j + 2]);
            fours[i + 2 * j + 1] = _mm256_shuffle_ps::<0xEE>(pairs[i + j], pairs[i + j + 2]);
        }
    }
    let mut columns = [_mm256_setzero_ps(); BLOCK];
    for j in 0..4 {
        columns[j] = _mm256_permute2f128_ps::<0x20>(fours[j], fours[j + 4]);
        columns[j + 4] = _mm256_permute2f128_ps::<0x31>(fours[j], fours[j + 4]);
    }
    columns
}

/// Copies the first `n_lines` lines of `n` words of a block to lines `stride` apart.
#[target_feature(enable = "avx2")]
#[inline]
fn copy(block: &Block, n_lines: usize, n: usize, out: &mut [u32], stride: usize) {
    assert!((n_lines - 1) * stride + n <= out.len(), "packed words fit");
    let mask = below(n);
    for (index, &line) in block.iter().enumerate().take(n_lines) {
        #[expect(unsafe_code, reason = "stores by pointer")]
        // SAFETY: the words that are written were just found to be in the slice.
        unsafe {
            let place = out.as_mut_ptr().add(index * stride).cast();
            if n == BLOCK { _mm256_storeu_ps(place, line) } else { _mm256_maskstore_ps(place, mask, line) }
        }
    }
}

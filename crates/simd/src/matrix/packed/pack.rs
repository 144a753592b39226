//! Operands in the order the kernels read them.
//!
//! Both operands are seen as `[outer, inner]`: rows of the left one, columns of the right one, along the inner dimension. Words go either
//! row after row (`outer · stride + word`, the left operand) or into a panel (`word · width + outer`, the right one). What lies beyond the
//! matrix is zero. Blocks of 16 by 16 words are read along the direction in which the numbers are neighbours, and turned where needed.

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_EQ_OQ, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT,
    _MM_HINT_T0, _mm_prefetch, _mm512_abs_ps, _mm512_add_epi32, _mm512_and_si512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtph_ps, _mm512_cvtps_ph, _mm512_loadu_si512,
    _mm512_mask_blend_epi16, _mm512_mask_blend_epi32, _mm512_mask_storeu_epi32, _mm512_mask_sub_ps,
    _mm512_maskz_loadu_ps, _mm512_permutex2var_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::ops::Range;

use super::super::View;
use super::{avx512, pack_avx2};
use crate::Precision;

/// What a word of a packed operand holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Words {
    /// One float32, rounded.
    One(Precision),
    /// Term 0, 1 or 2 of two neighbours along the inner dimension as bfloat16, the first in the low half. Term 0 is the nearest bfloat16,
    /// term 1 the nearest to what is left, and so on; an infinity has no other terms.
    Pair(usize),
}

impl Words {
    /// Numbers in a word.
    pub(super) fn numbers(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Pair(_) => 2,
        }
    }
}

/// Where words go.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `outer · stride + word`.
    Rows { stride: usize },
    /// `word · width + outer`.
    Panel { width: usize },
}

const BLOCK: usize = 16;
type Block = [__m512i; BLOCK];

/// Packs `outer` and `inner` (in words) of `view [outer, inner]` to `out`, which begins with the first of both.
///
/// # Panics
/// When `out` is too small.
pub(super) fn pack(
    view: View<'_>,
    outer: Range<usize>,
    inner: Range<usize>,
    words: Words,
    out: &mut [u32],
    place: Place,
) {
    if outer.is_empty() || inner.is_empty() {
        return;
    }
    let needed = match place {
        Place::Rows { stride } => (outer.len() - 1) * stride + inner.len(),
        Place::Panel { width } => (inner.len() - 1) * width + outer.len(),
    };
    assert!(needed <= out.len(), "packed words fit");
    let job = Job { view, outer, inner, place };
    if avx512::is_there() { job.pack_by_avx512(words, out) } else { job.pack_by_avx2(words, out) }
}

/// Kinds of words, as the loops are compiled for each: one number, as it is or rounded; from [`PAIR`] on, terms of two numbers.
const PLAIN: usize = 0;
pub(super) const BFLOAT16: usize = 1;
pub(super) const FLOAT16: usize = 2;
const PAIR: usize = 3;

/// What is packed, and where it goes.
pub(super) struct Job<'a> {
    pub(super) view: View<'a>,
    pub(super) outer: Range<usize>,
    pub(super) inner: Range<usize>,
    pub(super) place: Place,
}

impl Job<'_> {
    #[expect(unsafe_code, reason = "compiled for AVX-512")]
    fn pack_by_avx512(&self, words: Words, out: &mut [u32]) {
        // SAFETY: called only where AVX-512 (F and BW) was found.
        unsafe {
            match words {
                Words::One(Precision::Bfloat16) => self.run::<BFLOAT16>(out),
                Words::One(Precision::Float16) => self.run::<FLOAT16>(out),
                Words::One(_) => self.run::<PLAIN>(out),
                Words::Pair(0) => self.run::<PAIR>(out),
                Words::Pair(1) => self.run::<{ PAIR + 1 }>(out),
                Words::Pair(_) => self.run::<{ PAIR + 2 }>(out),
            }
        }
    }

    #[expect(unsafe_code, reason = "compiled for AVX2")]
    fn pack_by_avx2(&self, words: Words, out: &mut [u32]) {
        // SAFETY: kernels, and so their layouts, are used only where AVX-512 or all that AVX2's kernel wants was found.
        unsafe {
            match words {
                Words::One(Precision::Bfloat16) => pack_avx2::run::<BFLOAT16>(self, out),
                Words::One(Precision::Float16) => pack_avx2::run::<FLOAT16>(self, out),
                Words::One(_) => pack_avx2::run::<PLAIN>(self, out),
                Words::Pair(term) => self.pack_pairs_plainly(term, out),
            }
        }
    }

    /// One pair after the other: no kernel below AVX-512 reads pairs, but the tiles' emulation does.
    fn pack_pairs_plainly(&self, term: usize, out: &mut [u32]) {
        let half = |outer: usize, inner: usize| {
            if outer >= self.view.rows || inner >= self.view.columns {
                return 0;
            }
            let mut rest = self.view.data[outer * self.view.row_stride + inner * self.view.column_stride];
            for _ in 0..term {
                let upper = Precision::Bfloat16.round(rest);
                rest = if upper.is_infinite() && rest.is_infinite() { 0.0 } else { rest - upper };
            }
            Precision::Bfloat16.round(rest).to_bits() >> 16
        };
        for (i, outer) in self.outer.clone().enumerate() {
            for (j, word) in self.inner.clone().enumerate() {
                let at = match self.place {
                    Place::Rows { stride } => i * stride + j,
                    Place::Panel { width } => j * width + i,
                };
                out[at] = half(outer, 2 * word) | half(outer, 2 * word + 1) << 16;
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn run<const KIND: usize>(&self, out: &mut [u32]) {
        let outer = || self.outer.clone().step_by(BLOCK);
        let inner = || self.inner.clone().step_by(BLOCK);
        // Numbers are read in the order in which they lie in memory.
        if self.view.column_stride == 1 {
            outer().for_each(|first| inner().for_each(|word| self.block::<KIND>(first, word, out)));
        } else {
            inner().for_each(|word| outer().for_each(|first| self.block::<KIND>(first, word, out)));
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn block<const KIND: usize>(&self, first: usize, word: usize, out: &mut [u32]) {
        let n_words = (self.inner.end - word).min(BLOCK);
        let n_outer = (self.outer.end - first).min(BLOCK);
        let at = (first - self.outer.start, word - self.inner.start);
        let along_inner = self.view.column_stride == 1;
        let block = if along_inner {
            along_inner_block::<KIND>(self.view, first, word)
        } else {
            along_outer_block::<KIND>(self.view, first, word)
        };
        match self.place {
            Place::Rows { stride } => {
                let block = if along_inner { block } else { turned(block) };
                copy(&block, n_outer, n_words, &mut out[at.0 * stride + at.1..], stride);
            }
            Place::Panel { width } => {
                let block = if along_inner { turned(block) } else { block };
                copy(&block, n_words, n_outer, &mut out[at.1 * width + at.0..], width);
            }
        }
    }
}

/// Of 16 places those below `n`.
fn below(n: usize) -> __mmask16 {
    if n >= BLOCK { !0 } else { (1 << n) - 1 }
}

/// The first `n` (at most 16) numbers from `at`, zeros after them.
#[target_feature(enable = "avx512f")]
#[inline]
fn load(data: &[f32], at: usize, n: usize) -> __m512 {
    if n == 0 {
        return _mm512_setzero_ps();
    }
    assert!(at + n.min(BLOCK) <= data.len(), "a block lies in its view");
    #[expect(unsafe_code, reason = "loads by pointer")]
    // SAFETY: the numbers that the mask selects were just found to be in the slice.
    unsafe {
        _mm512_maskz_loadu_ps(below(n), data.as_ptr().add(at))
    }
}

/// `block[outer][word]` of a view whose numbers are neighbours along the inner dimension.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn along_inner_block<const KIND: usize>(view: View<'_>, first: usize, word: usize) -> Block {
    let numbers = if KIND < PAIR { 1 } else { 2 };
    let mut block = [_mm512_setzero_si512(); BLOCK];
    let n = view.columns.saturating_sub(word * numbers);
    for (row, words) in block.iter_mut().enumerate().take(view.rows.saturating_sub(first)) {
        let at = (first + row) * view.row_stride + word * numbers;
        let (one, two) = (load(view.data, at, n), load(view.data, at + BLOCK, n.saturating_sub(BLOCK)));
        *words = match KIND {
            PLAIN | BFLOAT16 | FLOAT16 => rounded::<KIND>(one),
            _ => {
                // The upper halves of all 32, in order.
                let (one, two) = (term::<KIND>(one), term::<KIND>(two));
                _mm512_permutex2var_epi16(one, upper_halves(), two)
            }
        };
    }
    block
}

/// `block[word][outer]` of any view; fast where the numbers are neighbours along the outer dimension.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn along_outer_block<const KIND: usize>(view: View<'_>, first: usize, word: usize) -> Block {
    let numbers = if KIND < PAIR { 1 } else { 2 };
    let mut block = [_mm512_setzero_si512(); BLOCK];
    let n = view.rows.saturating_sub(first);
    let line = |inner: usize| {
        if inner >= view.columns || n == 0 {
            return _mm512_setzero_ps();
        }
        let at = first * view.row_stride + inner * view.column_stride;
        if view.row_stride == 1 {
            // The next block's lines lie far from each other, where the processor does not look ahead.
            let ahead = view.data.as_ptr().wrapping_add(at + BLOCK * numbers * view.column_stride);
            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
            return load(view.data, at, n);
        }
        let mut scattered = [0.0; BLOCK];
        for (outer, number) in scattered.iter_mut().enumerate().take(n) {
            *number = view.data[at + outer * view.row_stride];
        }
        load(&scattered, 0, BLOCK)
    };
    for (index, words) in block.iter_mut().enumerate() {
        let inner = (word + index) * numbers;
        *words = match KIND {
            PLAIN | BFLOAT16 | FLOAT16 => rounded::<KIND>(line(inner)),
            _ => {
                let (one, two) = (term::<KIND>(line(inner)), term::<KIND>(line(inner + 1)));
                _mm512_mask_blend_epi16(0xAAAA_AAAA, _mm512_srli_epi32::<16>(one), two)
            }
        };
    }
    block
}

/// Positions of the upper halves of the words of two vectors.
#[target_feature(enable = "avx512f")]
#[inline]
fn upper_halves() -> __m512i {
    const POSITIONS: [u32; BLOCK] = {
        let mut positions = [0; BLOCK];
        let mut word = 0;
        while word < BLOCK {
            let half = 4 * word as u32 + 1;
            positions[word] = half | (half + 2) << 16;
            word += 1;
        }
        positions
    };
    #[expect(unsafe_code, reason = "loads by pointer")]
    // SAFETY: the array has the 64 bytes of a vector.
    unsafe {
        _mm512_loadu_si512(POSITIONS.as_ptr().cast())
    }
}

/// Words of one number each.
#[target_feature(enable = "avx512f")]
#[inline]
fn rounded<const KIND: usize>(numbers: __m512) -> __m512i {
    match KIND {
        BFLOAT16 => _mm512_and_si512(to_bfloat16(numbers), _mm512_set1_epi32(0xFFFF_0000_u32 as i32)),
        FLOAT16 => {
            let half = _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(numbers);
            _mm512_castps_si512(_mm512_cvtph_ps(half))
        }
        _ => _mm512_castps_si512(numbers),
    }
}

/// The nearest bfloat16 in the upper half of each word (the lower half is anything), ties to even; a NaN stays one.
#[target_feature(enable = "avx512f")]
#[inline]
fn to_bfloat16(numbers: __m512) -> __m512i {
    let bits = _mm512_castps_si512(numbers);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(numbers, numbers);
    _mm512_mask_blend_epi32(nan, rounded, bits)
}

/// Term `KIND - PAIR` of each number, in the upper half of its word.
#[target_feature(enable = "avx512f")]
#[inline]
fn term<const KIND: usize>(numbers: __m512) -> __m512i {
    let mut rest = numbers;
    for _ in PAIR..KIND {
        let upper = _mm512_and_si512(to_bfloat16(rest), _mm512_set1_epi32(0xFFFF_0000_u32 as i32));
        let infinite = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(_mm512_abs_ps(rest), _mm512_set1_ps(f32::INFINITY));
        rest = _mm512_mask_sub_ps(_mm512_setzero_ps(), !infinite, rest, _mm512_castsi512_ps(upper));
    }
    to_bfloat16(rest)
}

/// Lines become columns.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned(mut block: Block) -> Block {
    // Four rounds exchange blocks of 1, 2, 4 and 8 words.
    let mut other = block;
    for i in (0..BLOCK).step_by(2) {
        other[i] = _mm512_unpacklo_epi32(block[i], block[i + 1]);
        other[i + 1] = _mm512_unpackhi_epi32(block[i], block[i + 1]);
    }
    for i in (0..BLOCK).step_by(4) {
        for j in 0..2 {
            block[i + 2 * j] = _mm512_unpacklo_epi64(other[i + j], other[i + j + 2]);
            block[i + 2 * j + 1] = _mm512_unpackhi_epi64(other[i + j], other[i + j + 2]);
        }
    }
    for i in (0..BLOCK).step_by(8) {
        for j in 0..4 {
            other[i + j] = _mm512_shuffle_i32x4::<0x88>(block[i + j], block[i + j + 4]);
            other[i + j + 4] = _mm512_shuffle_i32x4::<0xDD>(block[i + j], block[i + j + 4]);
        }
    }
    for j in 0..8 {
        block[j] = _mm512_shuffle_i32x4::<0x88>(other[j], other[j + 8]);
        block[j + 8] = _mm512_shuffle_i32x4::<0xDD>(other[j], other[j + 8]);
    }
    block
}

/// Copies the first `n_lines` lines of `n` words of a block to lines `stride` apart.
#[target_feature(enable = "avx512f")]
#[inline]
fn copy(block: &Block, n_lines: usize, n: usize, out: &mut [u32], stride: usize) {
    assert!((n_lines - 1) * stride + n <= out.len(), "packed words fit");
    for (index, &line) in block.iter().enumerate().take(n_lines) {
        #[expect(unsafe_code, reason = "stores by pointer")]
        // SAFETY: the words that the mask selects were just found to be in the slice.
        unsafe {
            _mm512_mask_storeu_epi32(out.as_mut_ptr().add(index * stride).cast(), below(n), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANEL: usize = 32;

    type PackJob = fn(&Job<'_>, Words, &mut [u32]);

    const KINDS: [Words; 6] = [
        Words::One(Precision::Float32),
        Words::One(Precision::Bfloat16),
        Words::One(Precision::Float16),
        Words::Pair(0),
        Words::Pair(1),
        Words::Pair(2),
    ];

    /// The ways of packing that this processor has.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the methods are not general enough over lifetimes"
    )]
    fn ways() -> Vec<PackJob> {
        let mut ways: Vec<PackJob> = Vec::new();
        if avx512::is_there() {
            ways.push(|job, words, out| job.pack_by_avx512(words, out));
        }
        if super::super::avx2::is_there() {
            ways.push(|job, words, out| job.pack_by_avx2(words, out));
        }
        ways
    }

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.37).sin() * 3.0).collect()
    }

    /// A word by its definition.
    fn expected(view: View<'_>, outer: usize, word: usize, words: Words) -> u32 {
        let number = |inner: usize| {
            if outer < view.rows && inner < view.columns {
                view.data[outer * view.row_stride + inner * view.column_stride]
            } else {
                0.0
            }
        };
        match words {
            Words::One(precision) => precision.round(number(word)).to_bits(),
            Words::Pair(term) => {
                let half = |x: f32| {
                    let rest = (0..term).fold(x, |rest, _| rest - Precision::Bfloat16.round(rest));
                    Precision::Bfloat16.round(rest).to_bits() >> 16
                };
                half(number(2 * word)) | half(number(2 * word + 1)) << 16
            }
        }
    }

    #[test]
    fn words_lie_where_the_kernels_read_them() {
        let data = numbers(41 * 53);
        let plain = View::dense(&data, 41, 53);
        let overlapping = View::new(&data, 70, 53, 7);
        let strided = View { column_stride: 2, columns: 20, ..overlapping };
        for pack in ways() {
            for view in [plain, plain.transposed(), overlapping, overlapping.transposed(), strided] {
                for words in KINDS {
                    let n_words = view.columns.div_ceil(words.numbers()) + 3;
                    for (outer, inner) in [(0..32, 0..n_words), (5..view.rows + 2, 3..n_words)] {
                        lies_right(pack, view, outer, inner, words);
                    }
                }
            }
        }
    }

    fn lies_right(pack: PackJob, view: View<'_>, outer: Range<usize>, inner: Range<usize>, words: Words) {
        let stride = inner.end + 1;
        let mut rows = vec![7; outer.len() * stride];
        let job = Job { view, outer: outer.clone(), inner: inner.clone(), place: Place::Rows { stride } };
        pack(&job, words, &mut rows);
        let mut panel = vec![7; inner.end * PANEL];
        let columns = outer.start..outer.end.min(outer.start + PANEL);
        let job =
            Job { view, outer: columns.clone(), inner: inner.clone(), place: Place::Panel { width: PANEL } };
        pack(&job, words, &mut panel);
        for (i, o) in outer.enumerate() {
            for (j, w) in inner.clone().enumerate() {
                let expected = expected(view, o, w, words);
                assert_eq!(rows[i * stride + j], expected, "{o} {w}");
                if i < columns.len() {
                    assert_eq!(panel[j * PANEL + i], expected, "{o} {w}");
                }
            }
        }
    }

    #[test]
    fn three_terms_hold_a_float32() {
        if ways().is_empty() {
            return;
        }
        let mut numbers = numbers(4000);
        numbers.extend([3e38, 1e-30, 1.0 + f32::EPSILON, f32::INFINITY]);
        let terms = [0, 1, 2].map(|term| {
            let mut words = vec![0; numbers.len().div_ceil(2)];
            let (view, inner) = (View::table(&numbers, numbers.len()), 0..words.len());
            pack(view, 0..1, inner, Words::Pair(term), &mut words, Place::Rows { stride: 1 });
            let halves = |pair| [pair << 16, pair & 0xFFFF_0000].map(f32::from_bits);
            words.into_iter().flat_map(halves).collect::<Vec<_>>()
        });
        for (index, &x) in numbers.iter().enumerate() {
            let sum: f64 = terms.iter().map(|term| f64::from(term[index])).sum();
            if x.is_finite() {
                assert!((sum - f64::from(x)).abs() <= f64::from(x.abs()) * 2f64.powi(-25), "{x:e}");
            } else {
                assert_eq!(sum, f64::from(x));
            }
        }
    }
}

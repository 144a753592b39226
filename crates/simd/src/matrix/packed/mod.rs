//! A product in blocks that stay in the caches.
//!
//! The inner dimension is cut into blocks of at most 768 words. Of a block the right operand is packed whole into panels of 32 columns, by
//! all threads; then blocks of rows, one task each, pack their part of the left operand and multiply it with four panels at a time. Which
//! numbers are added in which order depends on the sizes alone, so any number of threads gives the same bits.

mod amx;
mod avx2;
mod avx512;
mod kernel;
mod pack;
mod pack_avx2;
mod scratch;

use std::ops::Range;

use rayon::prelude::*;

pub(in crate::matrix) use self::kernel::best_for;
use self::kernel::{Kernel, Step};
use self::pack::{Place, Words, pack};
pub(in crate::matrix) use self::scratch::Aligned;
use self::scratch::with_words;
use super::{Finish, Product, Target, Threads, View};
use crate::Precision;

/// Most columns packed at once.
const MOST_COLUMNS: usize = 4096;

/// Below this many multiplications threads cost more than they save.
const SMALL: usize = 1 << 18;

/// How the inner dimension and the columns of a product are cut.
struct Cut {
    inner: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
}

impl Cut {
    fn new(kernel: &Kernel, n: usize, k: usize) -> Self {
        let depth = k.div_ceil(kernel.words[0].numbers()).next_multiple_of(kernel.depth_multiple);
        let n_blocks = depth.div_ceil(kernel.blocks.depth).max(1);
        let block = depth.div_ceil(n_blocks).next_multiple_of(kernel.depth_multiple);
        let starts = |end: usize, step: usize| (0..end.div_ceil(step).max(1)).map(move |i| i * step);
        Self {
            inner: starts(depth, block.max(1)).map(|first| first..depth.min(first + block)).collect(),
            columns: starts(n, MOST_COLUMNS).map(|first| first..n.min(first + MOST_COLUMNS)).collect(),
        }
    }

    /// Every part: its columns, its block, and the words of its right operand; in the order in which they are computed and packed.
    fn parts(&self, kernel: &Kernel) -> impl Iterator<Item = (Range<usize>, usize, usize)> {
        let n_terms = kernel.words.len();
        self.columns.iter().flat_map(move |columns| {
            self.inner.iter().enumerate().map(move |(block, inner)| {
                let n_words = n_terms * columns.len().next_multiple_of(kernel.panel) * inner.len();
                (columns.clone(), block, n_words)
            })
        })
    }
}

/// Computes `product` with `kernel`; `m` and `n` are not 0. The right operand may be `packed` already, by [`pack_right`].
pub(super) fn run(
    kernel: &Kernel,
    product: &Product<'_>,
    packed: Option<&[u32]>,
    target: Target<'_>,
    keep: bool,
    finish: Option<Finish<'_>>,
) {
    let Target { data, row_stride } = target;
    let (m, n, k) = (product.left.rows, product.right.columns, product.left.columns);
    let threads = if m * n * k < SMALL { Threads::One } else { product.threads };
    let target = &mut data[..(m - 1) * row_stride + n];
    let cut = Cut::new(kernel, n, k);
    let mut at = 0;
    for (columns, block, n_words) in cut.parts(kernel) {
        let part = Part {
            kernel,
            product,
            inner: cut.inner[block].clone(),
            columns,
            row_stride,
            keep: keep || block > 0,
            finish: finish.filter(|_| block + 1 == cut.inner.len()),
        };
        if let Some(packed) = packed {
            part.multiply(&packed[at..at + n_words], target, threads);
            at += n_words;
        } else {
            with_words(n_words, |right| {
                pack_part(kernel, product.right, &part.columns, &part.inner, right, threads);
                part.multiply(right, target, threads);
            });
        }
    }
}

/// Packs all of a right operand, part after part.
pub(super) fn pack_right(kernel: &Kernel, right: View<'_>, threads: Threads) -> Aligned {
    let cut = Cut::new(kernel, right.columns, right.rows);
    let mut packed = Aligned::zeros(cut.parts(kernel).map(|(.., n_words)| n_words).sum());
    let mut rest = packed.words_mut();
    for (columns, block, n_words) in cut.parts(kernel) {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(n_words);
        pack_part(kernel, right, &columns, &cut.inner[block], part, threads);
        rest = after;
    }
    packed
}

/// Packs some columns and a block of the inner dimension: term after term, panel after panel.
fn pack_part(
    kernel: &Kernel,
    right: View<'_>,
    columns: &Range<usize>,
    inner: &Range<usize>,
    out: &mut [u32],
    threads: Threads,
) {
    if out.is_empty() {
        return;
    }
    let term_size = out.len() / kernel.words.len();
    for (&words, out) in kernel.words.iter().zip(out.chunks_exact_mut(term_size)) {
        let width = kernel.panel;
        each_chunk(out, inner.len() * width, threads, |index, panel| {
            let first = columns.start + index * width;
            let place = Place::Panel { width };
            pack(right.transposed(), first..first + width, inner.clone(), words, panel, place);
        });
    }
}

/// A block of the inner dimension and a range of columns.
struct Part<'a> {
    kernel: &'a Kernel,
    product: &'a Product<'a>,
    inner: Range<usize>,
    columns: Range<usize>,
    row_stride: usize,
    keep: bool,
    finish: Option<Finish<'a>>,
}

impl Part<'_> {
    fn multiply(&self, right: &[u32], target: &mut [f32], threads: Threads) {
        let rows = self.rows_of_a_task();
        each_chunk(target, rows * self.row_stride, threads, |index, target| {
            let first = index * rows;
            self.rows(first..self.product.left.rows.min(first + rows), right, target);
        });
    }

    /// Enough tasks for a few threads, unless there are few rows.
    fn rows_of_a_task(&self) -> usize {
        self.product
            .left
            .rows
            .div_ceil(8)
            .next_multiple_of(self.kernel.rows)
            .min(self.kernel.blocks.rows.next_multiple_of(self.kernel.rows))
    }

    /// One task: the product of some rows with all packed columns.
    fn rows(&self, rows: Range<usize>, right: &[u32], target: &mut [f32]) {
        if let Some(view) = self.readable_left() {
            let left = view.data[rows.start * view.row_stride + self.inner.start..].as_ptr().cast();
            return self.steps(&rows, &[left], view.row_stride, right, target);
        }
        let stride = self.inner.len() + 16;
        let n_rows = rows.len().next_multiple_of(self.kernel.rows);
        with_words(self.kernel.words.len() * n_rows * stride, |packed| {
            let mut terms = Vec::with_capacity(self.kernel.words.len());
            for (&words, packed) in self.kernel.words.iter().zip(packed.chunks_exact_mut(n_rows * stride)) {
                let outer = rows.start..rows.start + n_rows;
                pack(self.product.left, outer, self.inner.clone(), words, packed, Place::Rows { stride });
                terms.push(packed.as_ptr());
            }
            self.steps(&rows, &terms, stride, right, target);
        });
    }

    /// The left operand itself, where the kernel can read it in place: plain float32, rows contiguous, and not so far apart that they fall
    /// into the same sets of the first cache.
    fn readable_left(&self) -> Option<View<'_>> {
        let view = self.product.left;
        let plain = self.kernel.words == [Words::One(Precision::Float32)] && self.kernel.depth_multiple == 1;
        (plain && view.column_stride == 1 && !view.row_stride.is_multiple_of(512) && !self.inner.is_empty())
            .then_some(view)
    }

    fn steps(
        &self,
        rows: &Range<usize>,
        left: &[*const u32],
        left_stride: usize,
        right: &[u32],
        target: &mut [f32],
    ) {
        let (kernel, width, depth) = (self.kernel, self.kernel.panel, self.inner.len());
        let n_panels = self.columns.len().div_ceil(width);
        for chunk in (0..n_panels).step_by(kernel.blocks.panels) {
            let panels = chunk..n_panels.min(chunk + kernel.blocks.panels);
            for row in (0..rows.len()).step_by(kernel.rows) {
                for panel in panels.clone() {
                    let first = panel * width;
                    for (index, &(of_left, of_right)) in kernel.terms.iter().enumerate() {
                        let right = &right[(of_right * n_panels + panel) * depth * width..][..depth * width];
                        let target = &mut target[row * self.row_stride + self.columns.start + first..];
                        let step = Step {
                            left: left[of_left].wrapping_add(row * left_stride),
                            left_stride,
                            right: right.as_ptr(),
                            depth,
                            target: target.as_mut_ptr(),
                            target_stride: self.row_stride,
                            rows: (rows.len() - row).min(kernel.rows),
                            columns: (self.columns.len() - first).min(width),
                            keep: self.keep || index > 0,
                            alpha: self.product.alpha,
                        };
                        #[expect(unsafe_code, reason = "kernels read packed operands by pointer")]
                        // SAFETY: the left operand has these rows of `depth` words, packed or in a checked view; the panel was just cut to
                        // its size; `Target::check` saw that rows and columns lie in the target, and the rows are this task's alone.
                        unsafe {
                            (kernel.run)(&step);
                        }
                    }
                }
            }
            if let Some(finish) = self.finish {
                let first = self.columns.start + panels.start * width;
                let end = self.columns.end.min(self.columns.start + panels.end * width);
                for (index, row) in rows.clone().enumerate() {
                    finish(row, first, &mut target[index * self.row_stride..][first..end]);
                }
            }
        }
    }
}

/// Calls `body(index, chunk)` for equal chunks, on one thread or all.
fn each_chunk<T: Send>(
    data: &mut [T],
    size: usize,
    threads: Threads,
    body: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    match threads {
        Threads::One => data.chunks_mut(size).enumerate().for_each(|(index, chunk)| body(index, chunk)),
        Threads::All => data.par_chunks_mut(size).enumerate().for_each(|(index, chunk)| body(index, chunk)),
    }
}

#[cfg(test)]
mod tests {
    use super::pack::Words;
    use super::{avx2, avx512, run};
    use crate::Precision;
    use crate::matrix::{Product, Target, View};

    #[test]
    fn both_instruction_sets_give_the_product() {
        let plain: &'static [Words] = &[Words::One(Precision::Float32)];
        let mut kernels = Vec::new();
        if avx2::is_there() {
            kernels.push(avx2::kernel(plain));
        }
        if avx512::is_there() {
            kernels.push(avx512::kernel(plain, avx512::float32));
        }
        for [m, n, k] in [[1, 1, 1], [6, 16, 5], [7, 17, 800], [75, 40, 33], [150, 33, 1700]] {
            let numbers = |n: usize, salt: usize| -> Vec<f32> {
                (0..n).map(|i| ((i * salt) % 13) as f32 - 6.0).collect()
            };
            let (left, right) = (numbers(m * k, 7), numbers(k * n, 5));
            for kernel in &kernels {
                let mut found = vec![0.5; m * n];
                let product = Product::new(View::dense(&left, m, k), View::dense(&right, k, n));
                run(kernel, &product.scaled(0.5), None, Target::new(&mut found, n), true, None);
                for (at, &found) in found.iter().enumerate() {
                    // Whole numbers below 2²⁴ are exact in any order.
                    let sum: f32 = (0..k).map(|x| left[at / n * k + x] * right[x * n + at % n]).sum();
                    assert!((found - 0.5 - 0.5 * sum).abs() < 1e-3, "{m} {n} {k} [{at}]");
                }
            }
        }
    }
}

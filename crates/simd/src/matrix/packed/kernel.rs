//! Which inner loop multiplies: chosen once, by what the processor has.

use std::sync::OnceLock;

use super::pack::Words;
use crate::Precision;
use crate::matrix::Instructions;

/// One small product: `target [rows, columns] ← alpha · left · right` (plus what is there when `keep`).
pub(super) struct Step {
    /// First word of the first row; rows are `left_stride` words apart.
    pub(super) left: *const u32,
    pub(super) left_stride: usize,
    /// A panel: `depth` times [`Kernel::panel`] words.
    pub(super) right: *const u32,
    /// Words of the inner dimension.
    pub(super) depth: usize,
    pub(super) target: *mut f32,
    pub(super) target_stride: usize,
    /// At most [`Kernel::rows`].
    pub(super) rows: usize,
    /// At most [`Kernel::panel`].
    pub(super) columns: usize,
    pub(super) keep: bool,
    pub(super) alpha: f32,
}

/// An inner loop and the layout it wants.
#[derive(Clone, Copy)]
pub(in crate::matrix) struct Kernel {
    /// What the inner loop is made of.
    pub(in crate::matrix) instructions: Instructions,
    /// What a word of a packed operand holds, for each term of the operand.
    pub(super) words: &'static [Words],
    /// Terms of left and right that are multiplied, in this order.
    pub(super) terms: &'static [(usize, usize)],
    /// Rows of a step.
    pub(super) rows: usize,
    /// Columns of a panel of the right operand, and so of a step.
    pub(super) panel: usize,
    /// How much is kept in which cache.
    pub(super) blocks: Blocks,
    /// The inner dimension is filled with zeros up to a multiple of this many words, and rows up to [`Kernel::rows`].
    pub(super) depth_multiple: usize,
    /// The inner loop.
    ///
    /// # Safety
    /// The step's operands and target have to be there, and the processor has to have the kernel's instructions.
    pub(super) run: unsafe fn(&Step),
}

/// Sizes that decide what stays in the caches.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    /// Most words of the inner dimension in a block.
    pub(super) depth: usize,
    /// Most rows in a task.
    pub(super) rows: usize,
    /// Panels between which the left operand's rows are read again.
    pub(super) panels: usize,
}

/// The kernel for `precision` on this processor, if we have one.
///
/// The rule: bfloat16 by tiles (AMX) where the processor has them and a first product proves right, else by AVX512-BF16 where that is faster
/// than float32 (on AMD's processors; Intel's take twice as long for it), else rounded operands in float32. Split products by tiles only; elsewhere six bfloat16 products cost more than one of float32, which is then used. float16 as
/// rounded operands in float32. float32 by AVX-512 where it is, else by AVX2.
pub(in crate::matrix) fn best_for(precision: Precision) -> Option<Kernel> {
    static ALL: OnceLock<[Option<Kernel>; 4]> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        use Precision::{Bfloat16, Float16, Float32, Split};
        [Float32, Bfloat16, Float16, Split].map(choose)
    });
    match precision {
        Precision::Float32 => all[0],
        Precision::Bfloat16 => all[1],
        Precision::Float16 => all[2],
        Precision::Split => all[3],
    }
}

/// Terms of a float32 as bfloat16 numbers, largest first.
pub(super) const SPLIT: &[Words] = &[Words::Pair(0), Words::Pair(1), Words::Pair(2)];

/// Products of terms, smallest first: all that are not below the last place of a float32 product.
pub(super) const SPLIT_TERMS: &[(usize, usize)] = &[(0, 2), (2, 0), (1, 1), (0, 1), (1, 0), (0, 0)];

/// The only product of operands of one term.
pub(super) const ONE_TERM: &[(usize, usize)] = &[(0, 0)];

fn choose(precision: Precision) -> Option<Kernel> {
    use super::{amx, avx2, avx512};
    let float32 = |words| {
        if avx512::is_there() {
            Some(avx512::kernel(words, avx512::float32))
        } else if avx2::is_there() {
            Some(avx2::kernel(words))
        } else {
            None
        }
    };
    match precision {
        Precision::Bfloat16 if avx512::is_there() && amx::works() => {
            Some(amx::kernel(&[Words::Pair(0)], ONE_TERM, amx::step))
        }
        Precision::Split if avx512::is_there() && amx::works() => {
            Some(amx::kernel(SPLIT, SPLIT_TERMS, amx::step))
        }
        Precision::Bfloat16 if avx512::is_there() && avx512::multiplies_pairs_fast() => {
            let kernel = avx512::kernel(&[Words::Pair(0)], avx512::bfloat16);
            Some(Kernel { instructions: Instructions::Avx512Bf16, ..kernel })
        }
        Precision::Float32 | Precision::Split => float32(&[Words::One(Precision::Float32)]),
        Precision::Bfloat16 => float32(&[Words::One(Precision::Bfloat16)]),
        Precision::Float16 => float32(&[Words::One(Precision::Float16)]),
    }
}

//! Inner loop for AMX: a block of 32 by 32 sums in four tiles, two tiles of each operand.
//!
//! A tile is 16 rows of 64 bytes. `tdpbf16ps` adds to `C [16, 16]` the product of `A [16, 32]` and `B [32, 16]`, bfloat16, with pairs of the
//! inner dimension side by side: row `j` of the tile of B holds the pairs `(B[2j, n], B[2j + 1, n])`. That is how panels are packed.
//! The instructions are not in stable Rust, hence the assembly. Linux hands out tiles only to processes that ask.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::OnceLock;

use super::avx512::{BLOCKS, PANEL};
use super::kernel::{Kernel, ONE_TERM, Step};
use super::pack::Words;
use crate::matrix::Instructions;

/// Rows of a step.
pub(super) const ROWS: usize = 32;

/// Words of the inner dimension in a tile.
pub(super) const DEPTH: usize = 16;

/// A kernel for pairs, with the terms that are multiplied.
pub(super) fn kernel(
    words: &'static [Words],
    terms: &'static [(usize, usize)],
    run: unsafe fn(&Step),
) -> Kernel {
    let instructions = Instructions::Amx;
    Kernel {
        instructions,
        words,
        terms,
        rows: ROWS,
        panel: PANEL,
        blocks: BLOCKS,
        depth_multiple: DEPTH,
        run,
    }
}

/// Whether tiles are there, the kernel lets us use them, and a product comes out right.
pub(super) fn works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        cfg!(target_os = "linux") && has_instructions() && may_use_tiles() && proves_right(step)
    })
}

/// AMX-TILE and AMX-BF16 in the processor, tile state enabled by the operating system.
#[expect(unsafe_code, reason = "reads a control register")]
fn has_instructions() -> bool {
    const TILE_STATE: u32 = 0b11 << 17;
    const OSXSAVE: u32 = 1 << 27;
    const TILE_AND_BF16: u32 = 1 << 24 | 1 << 22;
    if __cpuid(0).eax < 7 || __cpuid(1).ecx & OSXSAVE == 0 {
        return false;
    }
    let enabled: u32;
    // SAFETY: the processor says that the operating system has enabled `xgetbv`.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") enabled, out("edx") _, options(nomem, nostack)) };
    enabled & TILE_STATE == TILE_STATE && __cpuid_count(7, 0).edx & TILE_AND_BF16 == TILE_AND_BF16
}

/// Asks Linux for tiles: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
#[expect(unsafe_code, reason = "a system call")]
fn may_use_tiles() -> bool {
    const ARCH_PRCTL: u64 = 158;
    const REQUEST_PERMISSION: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let mut result = ARCH_PRCTL;
    // SAFETY: this call changes nothing but a permission of this process.
    unsafe {
        asm!(
            "syscall", inout("rax") result, in("rdi") REQUEST_PERMISSION, in("rsi") TILE_DATA,
            out("rcx") _, out("r11") _, options(nostack)
        );
    }
    result == 0
}

/// Compares a product of small whole numbers, which bfloat16 and every order of additions keep exact, with plain loops.
fn proves_right(run: unsafe fn(&Step)) -> bool {
    const N: usize = 67;
    let numbers = |salt: usize| (0..N * N).map(|i| ((i * salt) % 17) as f32 - 8.0).collect::<Vec<f32>>();
    let (left, right) = (numbers(7), numbers(11));
    let kernel = kernel(&[Words::Pair(0)], ONE_TERM, run);
    let mut found = vec![1.0; N * N];
    let product = super::Product::new(super::View::dense(&left, N, N), super::View::dense(&right, N, N));
    super::run(&kernel, &product, None, super::Target::new(&mut found, N), true, None);
    (0..N * N).all(|at| {
        let sum: f32 = (0..N).map(|k| left[at / N * N + k] * right[k * N + at % N]).sum();
        (found[at] - sum - 1.0).abs() < 0.5
    })
}

/// Which tiles have which size: palette 1, all eight of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

static CONFIGURATION: Configuration = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    Configuration(bytes)
};

/// Sums of a step before they go to the target.
#[repr(C, align(64))]
struct Sums([[f32; PANEL]; ROWS]);

/// A word is two bfloat16 numbers; rows are filled up to 32, the inner dimension to whole tiles.
#[expect(unsafe_code, reason = "tiles exist in assembly only")]
pub(super) unsafe fn step(step: &Step) {
    let mut sums = Sums([[0.0; PANEL]; ROWS]);
    // SAFETY: `works` saw the instructions and the permission; both operands are filled to whole tiles; the sums are 32 by 32.
    unsafe {
        asm!(
            "ldtilecfg [{configuration}]",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "test {tiles}, {tiles}",
            "jz 3f",
            "2:",
            "tileloadd tmm4, [{left} + {left_stride}*1]",
            "tileloadd tmm5, [{lower} + {left_stride}*1]",
            "tileloadd tmm6, [{right} + {right_stride}*1]",
            "tileloadd tmm7, [{right} + {right_stride}*1 + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 64",
            "add {lower}, 64",
            "add {right}, 2048",
            "dec {tiles}",
            "jnz 2b",
            "3:",
            "tilestored [{sums} + {right_stride}*1], tmm0",
            "tilestored [{sums} + {right_stride}*1 + 64], tmm1",
            "tilestored [{sums} + {right_stride}*1 + 2048], tmm2",
            "tilestored [{sums} + {right_stride}*1 + 2112], tmm3",
            "tilerelease",
            configuration = in(reg) &raw const CONFIGURATION,
            tiles = inout(reg) step.depth / DEPTH => _,
            left = inout(reg) step.left => _,
            lower = inout(reg) step.left.add(16 * step.left_stride) => _,
            left_stride = in(reg) step.left_stride * 4,
            right = inout(reg) step.right => _,
            right_stride = in(reg) PANEL * 4,
            sums = in(reg) &raw mut sums,
            options(nostack)
        );
    }
    // SAFETY: the caller keeps the contract of `Kernel::run`.
    unsafe { store(&sums, step) }
}

#[expect(unsafe_code, reason = "writes rows of the target by pointer")]
unsafe fn store(sums: &Sums, step: &Step) {
    for (row, sums) in sums.0.iter().enumerate().take(step.rows) {
        // SAFETY: the target has these rows and columns.
        let target = unsafe {
            std::slice::from_raw_parts_mut(step.target.add(row * step.target_stride), step.columns)
        };
        for (target, sum) in target.iter_mut().zip(sums) {
            *target = if step.keep { sum.mul_add(step.alpha, *target) } else { sum * step.alpha };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{SPLIT, SPLIT_TERMS};
    use super::super::{Product, Target, View, run};
    use super::*;
    use crate::Precision;

    /// `step` with the tiles written out: 16 rows of 16 words, loaded, multiplied and stored as the manual says.
    #[expect(unsafe_code, reason = "a kernel reads packed operands by pointer")]
    unsafe fn emulated(step: &Step) {
        type Tile = [[u32; 16]; 16];
        let load = |from: *const u32, stride: usize| -> Tile {
            // SAFETY: both operands are filled to whole tiles.
            std::array::from_fn(|row| std::array::from_fn(|word| unsafe { *from.add(row * stride + word) }))
        };
        let half = |word: u32, which: usize| {
            f32::from_bits(if which == 0 { word << 16 } else { word & 0xFFFF_0000 })
        };
        let mut sums = Sums([[0.0; PANEL]; ROWS]);
        for tile in 0..step.depth / DEPTH {
            for lower in 0..2 {
                let left =
                    load(step.left.wrapping_add(tile * 16 + lower * 16 * step.left_stride), step.left_stride);
                for right_half in 0..2 {
                    let right = load(step.right.wrapping_add(tile * 16 * PANEL + right_half * 16), PANEL);
                    for (m, left) in left.iter().enumerate() {
                        let sums = &mut sums.0[lower * 16 + m][right_half * 16..][..16];
                        for (left, right) in left.iter().zip(&right) {
                            for (sum, right) in sums.iter_mut().zip(right) {
                                *sum += half(*left, 0) * half(*right, 0);
                                *sum += half(*left, 1) * half(*right, 1);
                            }
                        }
                    }
                }
            }
        }
        // SAFETY: the caller keeps the contract of `Kernel::run`.
        unsafe { store(&sums, step) }
    }

    fn numbers(n: usize, salt: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * salt).sin()).collect()
    }

    /// Worst error of `kernel` against float64, in units of the sum of the terms' sizes.
    fn worst_error(kernel: &Kernel, rounded: Precision, sizes: [usize; 3], transposed: bool) -> f64 {
        let [m, n, k] = sizes;
        let (left, right) = (numbers(m * k, 0.7), numbers(k * n, 1.3));
        let dense = |data, rows, columns| {
            if transposed {
                View::dense(data, columns, rows).transposed()
            } else {
                View::dense(data, rows, columns)
            }
        };
        let (a, b) = (dense(&left, m, k), dense(&right, k, n));
        let mut found = vec![0.5; m * n];
        run(kernel, &Product::new(a, b).scaled(0.5), None, Target::new(&mut found, n), true, None);
        let number = |view: View<'_>, i: usize, j: usize| {
            f64::from(rounded.round(view.data[i * view.row_stride + j * view.column_stride]))
        };
        let mut worst = 0.0f64;
        for i in 0..m {
            for j in 0..n {
                let terms = (0..k).map(|x| number(a, i, x) * number(b, x, j));
                let (sum, size) =
                    terms.fold((0.0, 1e-30), |(sum, size), term| (sum + term, size + term.abs()));
                worst = worst.max((f64::from(found[i * n + j]) - 0.5 - 0.5 * sum).abs() / size);
            }
        }
        worst
    }

    const SIZES: [[usize; 3]; 4] = [[1, 1, 1], [32, 32, 32], [45, 70, 131], [140, 33, 1700]];

    #[test]
    fn packing_and_blocking_feed_the_tiles_right() {
        let kernel = kernel(&[Words::Pair(0)], ONE_TERM, emulated);
        for sizes in SIZES {
            for transposed in [false, true] {
                let error = worst_error(&kernel, Precision::Bfloat16, sizes, transposed);
                assert!(error < 1e-6, "{sizes:?}: {error:e}");
            }
        }
        assert!(proves_right(emulated));
    }

    #[test]
    fn split_products_are_as_exact_as_float32() {
        let kernel = kernel(SPLIT, SPLIT_TERMS, emulated);
        for sizes in SIZES {
            let error = worst_error(&kernel, Precision::Float32, sizes, false);
            assert!(error < 1e-6, "{sizes:?}: {error:e}");
        }
    }

    /// A kernel that adds wrongly.
    #[expect(unsafe_code, reason = "a kernel reads packed operands by pointer")]
    unsafe fn broken(step: &Step) {
        // SAFETY: the caller keeps the contract of `Kernel::run`.
        unsafe { emulated(&Step { keep: false, ..*step }) }
    }

    #[test]
    fn a_wrong_product_is_not_trusted() {
        assert!(!proves_right(broken));
    }
}

//! Matrix products over strided views of slices.
//!
//! `target ← α · left · right`, or added to what is there. Operands are rounded to the numbers a [`Precision`] names, products are summed in
//! float32. The result does not depend on the number of threads.

mod check;
mod instructions;
#[cfg(target_arch = "x86_64")]
mod packed;
mod speed;

pub use check::largest_error;
pub use instructions::{Instructions, instructions};
pub use speed::{quick_product_gflops, square_product_gflops};

use gemm::Parallelism;

use crate::Precision;

/// A read-only matrix laid over a slice; rows may overlap, which is how a convolution is read without copying.
#[derive(Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// `rows × columns`, row `i` starting at `i · row_stride`.
    pub fn new(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        let view = Self { data, rows, columns, row_stride, column_stride: 1 };
        view.check();
        view
    }

    /// All of `data` in C order, as rows of `columns`.
    pub fn table(data: &'a [f32], columns: usize) -> Self {
        assert!(columns > 0 && data.len().is_multiple_of(columns), "a matrix has whole rows");
        Self::dense(data, data.len() / columns, columns)
    }

    /// A plain matrix in C order.
    pub fn dense(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, rows, columns, columns)
    }

    /// `n` rows from row `first` on.
    #[must_use]
    pub fn some_rows(self, first: usize, n: usize) -> Self {
        let data = self.data.get(first * self.row_stride..).unwrap_or_default();
        let view = Self { data, rows: n, ..self };
        view.check();
        view
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn check(&self) {
        assert!(self.extent() <= self.data.len(), "a matrix view stays inside its slice");
    }

    /// Elements of the slice from its first to the last that the matrix reads.
    fn extent(&self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return 0;
        }
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

/// Where a product goes: `rows × columns` over a mutable slice, row `i` starting at `i · row_stride`.
pub struct Target<'a> {
    data: &'a mut [f32],
    row_stride: usize,
}

impl<'a> Target<'a> {
    /// Rows start every `row_stride` elements of `data`.
    pub fn new(data: &'a mut [f32], row_stride: usize) -> Self {
        Self { data, row_stride }
    }

    fn check(&self, rows: usize, columns: usize) {
        if rows > 0 && columns > 0 {
            let extent = (rows - 1) * self.row_stride + columns;
            assert!(extent <= self.data.len(), "a product stays inside its target");
            assert!(rows == 1 || columns <= self.row_stride, "rows of a target do not overlap");
        }
    }
}

/// Called with a row, a first column and the finished values from there on.
type Finish<'a> = &'a (dyn Fn(usize, usize, &mut [f32]) + Sync);

#[cfg(target_arch = "x86_64")]
/// Rows and columns below which packing operands costs more than it saves.
const SMALLEST: (usize, usize) = (16, 8);

/// A product of two matrices, and how to compute it.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    left: View<'a>,
    right: View<'a>,
    alpha: f32,
    precision: Precision,
    threads: Threads,
    #[cfg(target_arch = "x86_64")]
    panels: Option<&'a [u32]>,
}

/// A right operand packed once for many products, where the processor has a kernel that wants it packed.
pub struct Panels<'a> {
    right: View<'a>,
    precision: Precision,
    #[cfg(target_arch = "x86_64")]
    words: Option<packed::Aligned>,
}

impl<'a> Panels<'a> {
    /// Packs `right` for products in `precision`, on the calling thread.
    pub fn new(right: View<'a>, precision: Precision) -> Self {
        Self {
            right,
            precision,
            #[cfg(target_arch = "x86_64")]
            words: packed::best_for(precision).map(|kernel| packed::pack_right(&kernel, right, Threads::One)),
        }
    }
}

impl<'a> Product<'a> {
    /// `left · right` with a packed right operand, in the precision it was packed for, on the calling thread.
    ///
    /// # Panics
    /// When the inner sizes differ.
    pub fn with_panels(left: View<'a>, panels: &'a Panels<'a>) -> Self {
        Self {
            precision: panels.precision,
            #[cfg(target_arch = "x86_64")]
            panels: panels.words.as_ref().map(packed::Aligned::words),
            ..Self::new(left, panels.right)
        }
    }

    /// `left · right` in float32 on the calling thread.
    ///
    /// # Panics
    /// When the inner sizes differ.
    pub fn new(left: View<'a>, right: View<'a>) -> Self {
        assert_eq!(left.columns, right.rows, "inner sizes agree");
        Self {
            left,
            right,
            alpha: 1.0,
            precision: Precision::Float32,
            threads: Threads::One,
            #[cfg(target_arch = "x86_64")]
            panels: None,
        }
    }

    /// Times `alpha`.
    #[must_use]
    pub fn scaled(self, alpha: f32) -> Self {
        Self { alpha, ..self }
    }

    /// With operands rounded to `precision`.
    #[must_use]
    pub fn with(self, precision: Precision) -> Self {
        Self {
            precision,
            #[cfg(target_arch = "x86_64")]
            panels: None,
            ..self
        }
    }

    /// On `threads`.
    #[must_use]
    pub fn on(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// Writes the product to `target`.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn write(self, target: Target<'_>) {
        self.run(target, false, None);
    }

    /// Adds the product to what is in `target`.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn add(self, target: Target<'_>) {
        self.run(target, true, None);
    }

    /// Writes the product to `target`, then calls `finish(row, first column, values)` for every stretch of a row while it is in cache:
    /// all stretches of all rows, each once, in no order.
    ///
    /// # Panics
    /// When it does not fit.
    pub fn write_then(self, target: Target<'_>, finish: impl Fn(usize, usize, &mut [f32]) + Sync) {
        self.run(target, false, Some(&finish));
    }

    fn run(mut self, target: Target<'_>, keep: bool, finish: Option<Finish<'_>>) {
        let (m, n) = (self.left.rows, self.right.columns);
        target.check(m, n);
        if m == 0 || n == 0 {
            return;
        }
        if m * n * self.left.columns <= WORTH_THREADS {
            self.threads = Threads::One;
        }
        #[cfg(target_arch = "x86_64")]
        if m >= SMALLEST.0
            && n >= SMALLEST.1
            && let Some(kernel) = packed::best_for(self.precision)
        {
            return packed::run(&kernel, &self, self.panels, target, keep, finish);
        }
        let Target { data, row_stride } = target;
        if self.precision.is_half() {
            let [left, right] = [self.left, self.right].map(|view| {
                let mut values = view.data[..view.extent()].to_vec();
                self.precision.round_all(&mut values);
                values
            });
            let left = View { data: &left, ..self.left };
            let right = View { data: &right, ..self.right };
            Product { left, right, ..self }.run_elsewhere(Target::new(data, row_stride), keep);
        } else {
            self.run_elsewhere(Target::new(data, row_stride), keep);
        }
        if let Some(finish) = finish {
            for (row, values) in data.chunks_mut(row_stride.max(n)).take(m).enumerate() {
                finish(row, 0, &mut values[..n]);
            }
        }
    }

    /// In float32 by the `gemm` crate: for processors we have no kernel for, and for products too thin to be packed.
    fn run_elsewhere(self, target: Target<'_>, keep: bool) {
        let Self { left, right, .. } = self;
        let Target { data: target, row_stride } = target;
        let (m, n, k) = (left.rows, right.columns, left.columns);
        let parallelism = match self.threads {
            Threads::All => Parallelism::Rayon(0),
            Threads::One => Parallelism::None,
        };
        #[expect(unsafe_code, reason = "the product works on raw pointers")]
        // SAFETY: both views were checked to lie inside their slices when made, the target by the caller, and its slice is exclusive.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                target.as_mut_ptr(),
                1,
                row_stride as isize,
                keep,
                left.data.as_ptr(),
                left.column_stride as isize,
                left.row_stride as isize,
                right.data.as_ptr(),
                right.column_stride as isize,
                right.row_stride as isize,
                1.0,
                self.alpha,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

/// `target = alpha · left · right` in float32, added to what is there when `keep`.
///
/// # Panics
/// When the sizes do not fit each other or the target.
pub fn multiply(
    target: Target<'_>,
    keep: bool,
    alpha: f32,
    left: View<'_>,
    right: View<'_>,
    threads: Threads,
) {
    Product::new(left, right).scaled(alpha).on(threads).run(target, keep, None);
}

/// Writes `left · right` to all of `out` in C order, or adds it when `keep`; on all threads where that is worth it.
///
/// # Panics
/// When the product does not fill `out`.
pub fn fill(out: &mut [f32], keep: bool, left: View<'_>, right: View<'_>) {
    assert_eq!(left.rows * right.columns, out.len(), "the product fills its target");
    multiply(Target::new(out, right.columns), keep, 1.0, left, right, Threads::All);
}

/// Multiplications below which waking other threads takes longer than they save.
const WORTH_THREADS: usize = 1 << 20;

/// Who may work on one product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// All threads of the pool, where the product is large enough to be worth waking them.
    All,
    /// The calling thread alone: the caller already runs many products at once.
    One,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_rows_make_a_convolution() {
        let signal = [1.0, 2.0, 3.0, 4.0, 5.0];
        let windows = View::new(&signal, 2, 3, 2);
        let taps = [1.0, 10.0, 100.0];
        let mut output = [7.0, 7.0];
        multiply(Target::new(&mut output, 1), false, 1.0, windows, View::dense(&taps, 3, 1), Threads::One);
        assert_eq!(output, [321.0, 543.0]);
        let mut gradient = [0.0; 3];
        multiply(
            Target::new(&mut gradient, 1),
            true,
            2.0,
            windows.transposed(),
            View::dense(&[1.0, 1.0], 2, 1),
            Threads::One,
        );
        assert_eq!(gradient, [8.0, 12.0, 16.0]);
    }

    const PRECISIONS: [Precision; 4] =
        [Precision::Float32, Precision::Bfloat16, Precision::Float16, Precision::Split];

    /// Rows, columns, inner size: thin, odd, several blocks of each.
    const SIZES: [[usize; 3]; 8] = [
        [1, 1, 1],
        [3, 200, 17],
        [17, 9, 1],
        [16, 8, 0],
        [29, 47, 63],
        [64, 512, 33],
        [150, 33, 1700],
        [250, 130, 512],
    ];

    fn numbers(n: usize, salt: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * salt).sin()).collect()
    }

    /// Both operands in both directions.
    fn each_layout(sizes: [usize; 3], check: impl Fn(View<'_>, View<'_>)) {
        let [m, n, k] = sizes;
        let (left, right) = (numbers(m * k, 0.7), numbers(k * n, 1.3));
        for left in [View::dense(&left, m, k), View::dense(&left, k, m).transposed()] {
            for right in [View::dense(&right, k, n), View::dense(&right, n, k).transposed()] {
                check(left, right);
            }
        }
    }

    #[test]
    fn products_equal_loops_over_rounded_operands() {
        for sizes in SIZES {
            each_layout(sizes, |left, right| {
                for precision in PRECISIONS {
                    let [m, n, k] = sizes;
                    let mut found = vec![2.0; m * (n + 3)];
                    let product = Product::new(left, right).with(precision).scaled(0.5).on(Threads::All);
                    product.add(Target::new(&mut found, n + 3));
                    let number = |view: View<'_>, i: usize, j: usize| {
                        f64::from(precision.round(view.data[i * view.row_stride + j * view.column_stride]))
                    };
                    for (i, row) in found.chunks(n + 3).enumerate() {
                        for (j, &found) in row[..n].iter().enumerate() {
                            let terms = (0..k).map(|x| number(left, i, x) * number(right, x, j));
                            let (sum, size) =
                                terms.fold((0.0, 2.0), |(sum, size), term| (sum + term, size + term.abs()));
                            let error = (f64::from(found) - 2.0 - 0.5 * sum).abs();
                            assert!(error < 1e-6 * size, "{precision} {sizes:?} [{i}, {j}]: {error:e}");
                        }
                        assert_eq!(row[n..], [2.0; 3], "beyond the target");
                    }
                }
            });
        }
    }

    #[test]
    fn a_packed_operand_changes_no_bit() {
        for sizes in SIZES {
            let [m, n, _] = sizes;
            each_layout(sizes, |left, right| {
                for precision in PRECISIONS {
                    let panels = Panels::new(right, precision);
                    let (mut plain, mut packed) = (vec![0.0; m * n], vec![0.0; m * n]);
                    Product::new(left, right).with(precision).write(Target::new(&mut plain, n));
                    Product::with_panels(left, &panels).write(Target::new(&mut packed, n));
                    assert_eq!(plain, packed);
                }
            });
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let (one, three) = (pool(1), pool(3));
        for sizes in SIZES {
            let [m, n, _] = sizes;
            each_layout(sizes, |left, right| {
                for precision in PRECISIONS {
                    let run = |threads| {
                        let mut found = vec![0.0; m * n];
                        Product::new(left, right)
                            .with(precision)
                            .on(threads)
                            .write(Target::new(&mut found, n));
                        found
                    };
                    let alone = run(Threads::One);
                    assert_eq!(alone, one.install(|| run(Threads::All)));
                    assert_eq!(alone, three.install(|| run(Threads::All)));
                }
            });
        }
    }

    #[test]
    fn every_number_is_finished_once() {
        for sizes in SIZES {
            let [m, n, _] = sizes;
            each_layout(sizes, |left, right| {
                let product = Product::new(left, right).on(Threads::All);
                let (mut plain, mut finished) = (vec![0.0; m * n], vec![0.0; m * n]);
                product.write(Target::new(&mut plain, n));
                product.write_then(Target::new(&mut finished, n), |row, first, values| {
                    for (column, value) in values.iter_mut().enumerate() {
                        *value += (row * n + first + column) as f32;
                    }
                });
                let expected = plain.iter().enumerate().map(|(i, x)| x + i as f32);
                assert!(finished.iter().copied().eq(expected));
            });
        }
    }

    #[test]
    fn infinities_and_nan_stay_in_their_rows() {
        let (m, n, k) = (40, 70, 37);
        for bad in [f32::NAN, f32::INFINITY] {
            let mut left = numbers(m * k, 0.7);
            left[5 * k + k - 1] = bad;
            let right = vec![1.0; n * k];
            for precision in PRECISIONS {
                let mut found = vec![0.0; m * n];
                let product = Product::new(View::dense(&left, m, k), View::dense(&right, k, n));
                product.with(precision).write(Target::new(&mut found, n));
                for (row, values) in found.chunks(n).enumerate() {
                    // The lower terms of a split infinity are zeros, and zero times infinity is no number.
                    let is_bad = |x: f32| {
                        if bad.is_nan() || precision == Precision::Split { !x.is_finite() } else { x == bad }
                    };
                    let is_expected = |&x: &f32| if row == 5 { is_bad(x) } else { x.is_finite() };
                    assert!(values.iter().all(is_expected), "{precision} {bad}: row {row}");
                }
            }
        }
    }
}

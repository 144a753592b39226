//! Matrix products over strided views of slices.

use gemm::Parallelism;

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
        if self.rows > 0 && self.columns > 0 {
            let last = (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride;
            assert!(last < self.data.len(), "a matrix view stays inside its slice");
        }
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
}

/// `target = alpha · left · right`, added to what is there when `keep`.
///
/// `threads` says whether this product may use all threads or runs inside a task already.
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
    let Target { data: target, row_stride } = target;
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner sizes agree");
    if m == 0 || n == 0 {
        return;
    }
    assert!((m - 1) * row_stride + n <= target.len(), "a product stays inside its target");
    assert!(m == 1 || n <= row_stride, "rows of a target do not overlap");
    let parallelism = match threads {
        Threads::All if m * n * k > 1 << 20 => Parallelism::Rayon(0),
        _ => Parallelism::None,
    };
    #[expect(unsafe_code, reason = "the product works on raw pointers")]
    // SAFETY: both views were checked to lie inside their slices when made, the target just now, and its slice is exclusive.
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
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Writes `left · right` to all of `out` in C order, or adds it when `keep`, on the calling thread.
///
/// # Panics
/// When the product does not fill `out`.
pub fn fill(out: &mut [f32], keep: bool, left: View<'_>, right: View<'_>) {
    assert_eq!(left.rows * right.columns, out.len(), "the product fills its target");
    multiply(Target::new(out, right.columns), keep, 1.0, left, right, Threads::One);
}

/// Who may work on one product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// All threads of the pool.
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
}

//! Matrix products over slices.
//!
//! `out[i, j] = keep · out[i, j] + α Σ_k left[i, k] · right[k, j]`, float32, on the calling thread: callers cut their work into blocks of
//! a fixed size, so that neither thread count nor the length of a recording changes how a sum is made.

/// A matrix laid over a slice: element `(i, j)` is `data[i · row_stride + j · column_stride]`. Rows may overlap: that is how a convolution
/// is read without copying.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    data: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    pub(crate) fn new(data: &'a [f32], [n_rows, n_columns]: [usize; 2], strides: [usize; 2]) -> Self {
        let [row_stride, column_stride] = strides;
        let empty = n_rows == 0 || n_columns == 0;
        assert!(
            empty || (n_rows - 1) * row_stride + (n_columns - 1) * column_stride < data.len(),
            "a view stays inside its slice"
        );
        Self { data, n_rows, n_columns, row_stride, column_stride }
    }

    /// All of `data` in C order.
    pub(crate) fn dense(data: &'a [f32], n_columns: usize) -> Self {
        Self::new(data, [data.len() / n_columns, n_columns], [n_columns, 1])
    }

    /// All of `data`, which holds the transpose in C order.
    pub(crate) fn transposed(data: &'a [f32], n_rows: usize) -> Self {
        Self::new(data, [n_rows, data.len() / n_rows], [1, n_rows])
    }
}

/// `out = out + alpha · left · right` when `keep`, else `out = alpha · left · right`; `out` in C order, at least as long as the product.
pub(crate) fn multiply(out: &mut [f32], keep: bool, alpha: f32, left: View<'_>, right: View<'_>) {
    let (m, n, k) = (left.n_rows, right.n_columns, left.n_columns);
    assert_eq!(k, right.n_rows, "inner sizes agree");
    assert!(m * n <= out.len(), "the product stays inside its target");
    if m == 0 || n == 0 {
        return;
    }
    #[expect(unsafe_code, reason = "the product works on raw pointers")]
    // SAFETY: both views lie inside their slices (checked when made), the target was checked just now and is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
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
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "sums of small whole numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_small_product_is_right() {
        let left = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let right_transposed = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let mut out = [1.0; 4];
        multiply(&mut out, true, -2.0, View::dense(&left, 3), View::transposed(&right_transposed, 3));
        assert_eq!(out, [-7.0, -3.0, -19.0, -9.0]);
    }

    #[test]
    fn overlapping_rows_read_windows() {
        let signal = [1.0, 2.0, 3.0, 4.0, 5.0];
        let mut out = [0.0; 2];
        multiply(
            &mut out,
            false,
            1.0,
            View::new(&signal, [2, 3], [2, 1]),
            View::dense(&[1.0, 10.0, 100.0], 1),
        );
        assert_eq!(out, [321.0, 543.0]);
    }
}

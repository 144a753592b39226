//! Matrix products of the probe: `out = [out +] left · right`, float32, on the calling thread.
//!
//! Seeds run beside each other, so one product keeps to one thread; the number of threads then cannot change a sum.

/// A matrix laid over a slice: `[rows, columns]` in C order, or the transpose of one.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// All of `data` as rows of `n_columns`.
    pub(super) fn new(data: &'a [f32], n_columns: usize) -> Self {
        assert!(n_columns > 0 && data.len().is_multiple_of(n_columns), "a matrix has whole rows");
        Self { data, n_rows: data.len() / n_columns, n_columns, row_stride: n_columns, column_stride: 1 }
    }

    /// Rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            n_rows: self.n_columns,
            n_columns: self.n_rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Writes `left · right` to `out` in C order, or adds it when `add`.
pub(super) fn multiply(out: &mut [f32], add: bool, left: Matrix<'_>, right: Matrix<'_>) {
    let (m, n, k) = (left.n_rows, right.n_columns, left.n_columns);
    assert_eq!(k, right.n_rows, "inner sizes agree");
    assert_eq!(m * n, out.len(), "the product fills its target");
    if out.is_empty() {
        return;
    }
    #[expect(unsafe_code, reason = "the product works on raw pointers")]
    // SAFETY: both matrices cover exactly their slices (checked when made), the target has m·n elements (checked just now) and is
    // borrowed mutably, so it overlaps neither.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
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
    fn a_small_product_is_right_plain_and_transposed() {
        let left = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let right = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let mut out = [1.0; 4];
        multiply(&mut out, true, Matrix::new(&left, 3), Matrix::new(&right, 3).transposed());
        assert_eq!(out, [5.0, 3.0, 11.0, 6.0]);
        let mut out = [9.0; 9];
        multiply(&mut out, false, Matrix::new(&left, 3).transposed(), Matrix::new(&right, 3));
        assert_eq!(out, [1.0, 4.0, 1.0, 2.0, 5.0, 2.0, 3.0, 6.0, 3.0]);
    }
}

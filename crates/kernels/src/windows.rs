//! Stretches of signals and what filters say of them: transforms whose kernels are given in time.

use burn::Tensor;

/// The stretches of `filters [size, N]` samples that begin every `hop` samples of `x [B, L]`, each times the filters: `[B, (L − size)/hop + 1, N]`.
///
/// # Panics
/// When `x` is shorter than the filters.
pub fn windowed_product(x: Tensor<2>, filters: Tensor<2>, hop: usize) -> Tensor<3> {
    let ([n_clips, n_samples], [size, n_filters]) = (x.dims(), filters.dims());
    assert!(n_samples >= size, "a signal holds a window at least");
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::windowed_product(x, filters, hop);
    }
    let n_windows = (n_samples - size) / hop + 1;
    let windows: Tensor<3> = x.unfold(1, size, hop);
    windows.reshape([n_clips * n_windows, size]).matmul(filters).reshape([n_clips, n_windows, n_filters])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_by_what_the_hop_leaves() {
        let device = burn::tensor::Device::flex();
        let x = Tensor::from_data([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0f32], [1.0; 7]], &device);
        // The first sample of every window, and its sum.
        let filters = Tensor::from_data([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0f32]], &device);
        let found = windowed_product(x, filters, 2);
        assert_eq!(found.dims(), [2, 3, 2]);
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(found, [0.0, 3.0, 2.0, 9.0, 4.0, 15.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0]);
    }
}

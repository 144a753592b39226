//! Stretches of a signal side by side, for products with kernels in time.

use burn::Tensor;

/// Stretches of `size` samples of `x [L]`, one every `hop` samples: `[(L − size)/hop + 1, size]`. On a card they are copied out, because
/// products there do not read rows that overlap.
///
/// # Panics
/// When `x` is shorter than `size`.
pub fn windows(x: Tensor<1>, size: usize, hop: usize) -> Tensor<2> {
    assert!(x.dims()[0] >= size, "a signal holds a window at least");
    let windows: Tensor<2> = x.unfold(0, size, hop);
    #[cfg(feature = "card")]
    if crate::card::on_card(&windows) {
        return crate::card::copied_out(windows);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_by_what_the_hop_leaves() {
        let x = Tensor::from_data([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0f32], &burn::tensor::Device::flex());
        let rows = windows(x, 3, 2).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(rows, [0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0]);
    }
}

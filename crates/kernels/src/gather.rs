//! `y[0, n, :] = x[b, t, :]` for a list of frames: what the losses read of the encoder's output. Each frame at most once.

use burn::Tensor;
use burn::tensor::{Int, TensorData};

use crate::memory::zeros;
use crate::operation::{Array, CpuOperation, apply, on_cpu};

/// Picks the rows `frames` (positions in `[B·T]`) of `x [B, T, D]`: `[1, N, D]`.
///
/// # Panics
/// When a position is outside, or no frame is asked for.
pub fn gather_frames(x: Tensor<3>, frames: &[usize]) -> Tensor<3> {
    let [n_clips, n_frames, width] = x.dims();
    assert!(frames.iter().all(|&frame| frame < n_clips * n_frames), "frames lie inside the batch");
    assert!(!frames.is_empty(), "a tensor without frames has no shape the engine knows");
    if on_cpu(&x) {
        return apply(Gather { frames: frames.to_vec() }, [x.into()]);
    }
    let positions: Vec<i32> = frames.iter().map(|&frame| frame as i32).collect();
    let positions = Tensor::<1, Int>::from_data(TensorData::new(positions, [frames.len()]), &x.device());
    x.reshape([n_clips * n_frames, width]).select(0, positions).unsqueeze()
}

#[derive(Clone, Debug)]
struct Gather {
    frames: Vec<usize>,
}

impl CpuOperation<1> for Gather {
    const READS: [bool; 1] = [false];

    fn forward(&self, [x]: &[Array; 1]) -> Array {
        let [_, _, width] = x.dims();
        let mut output = Vec::with_capacity(self.frames.len() * width);
        for &frame in &self.frames {
            output.extend_from_slice(&x.values()[frame * width..][..width]);
        }
        Array::new(output, &[1, self.frames.len(), width])
    }

    fn backward(&self, [x]: &[Array; 1], output_grad: &Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let [n_clips, n_frames, width] = x.dims();
        let mut values = zeros(n_clips * n_frames * width);
        for (&frame, grad) in self.frames.iter().zip(output_grad.values().chunks_exact(width)) {
            values[frame * width..][..width].copy_from_slice(grad);
        }
        [Some(Array::new(values, x.shape()))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(&Gather { frames: vec![5, 0, 3] }, [random(&[2, 3, 2], 1)]);
    }
}

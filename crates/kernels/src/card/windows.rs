//! Stretches of signals times filters on a card. Windows are copied out, because products there do not read rows that overlap, and their long sums are
//! cut in parts, which a card adds up side by side: few windows by few filters would keep a corner of it busy.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{grid, primitive, stretches, tensor, unset};

/// Samples of a part of a window.
const PART: usize = 1024;

/// [`crate::windowed_product`].
pub(crate) fn windowed_product(x: burn::Tensor<2>, filters: burn::Tensor<2>, hop: usize) -> burn::Tensor<3> {
    let ([n_clips, n_samples], [size, n_filters]) = (x.dims(), filters.dims());
    let n_windows = (n_samples - size) / hop + 1;
    let n_parts = size.div_ceil(PART);
    // The last part is filled up with zeros, which it meets behind the end of the filters.
    let behind = n_parts * PART - size;
    let x = primitive(x.pad([(0, 0), (0, behind)], 0.0));
    let filters: burn::Tensor<3> =
        filters.pad([(0, behind), (0, 0)], 0.0).reshape([n_parts, PART, n_filters]);
    let outputs = stretches(n_windows, n_clips * n_parts * PART).map(|(first, n)| {
        let windows = tensor::<3>(copied_out(&x, [n_parts, n_clips, n], first, hop));
        windows.matmul(filters.clone()).sum_dim(0).reshape([n_clips, n, n_filters])
    });
    burn::Tensor::cat(outputs.collect(), 1)
}

/// Windows of every clip from window `first` on, part by part: `[parts, B · n, PART]`.
fn copied_out(x: &CubeTensor, [n_parts, n_clips, n]: [usize; 3], first: usize, hop: usize) -> CubeTensor {
    let windows = unset(x, [n_parts, n_clips * n, PART].into());
    let (cube_count, cube_dim) = grid(&x.client, windows.meta.num_elements());
    windows_kernel::launch(
        &x.client,
        cube_count,
        cube_dim,
        x.clone().into_tensor_arg(),
        windows.clone().into_tensor_arg(),
        (first * hop) as u32,
        n as u32,
        hop as u32,
    );
    windows
}

#[cube(launch)]
fn windows_kernel(x: &Tensor<f32>, windows: &mut Tensor<f32>, first: u32, n_windows: u32, hop: u32) {
    let at = ABSOLUTE_POS;
    if at < windows.len() {
        let part = windows.shape(2);
        let row = at / part;
        let of_part = row / windows.shape(1);
        let of_clip = row % windows.shape(1);
        let clip = of_clip / n_windows as usize;
        let window = of_clip % n_windows as usize;
        let sample = first as usize + window * hop as usize + of_part * part + at % part;
        windows[at] = x[clip * x.shape(1) + sample];
    }
}

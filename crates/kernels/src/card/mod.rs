//! Kernels of our own for graphics cards, in CubeCL's dialect of Rust, for every interface alike.
//!
//! Only where the composed form would do something that a card is bad at: masks that the host would draw or compare and send, an update of
//! twelve passes over all parameters. The rest is composed of the engine's kernels.

mod adam;
mod code_loss;
mod dropout;
mod operation;

use burn::Tensor;
use burn::backend::{Cube, DispatchDevice};
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};

pub(crate) use adam::adam;
pub(crate) use code_loss::code_losses;
pub(crate) use dropout::dropout;

/// Whether `tensor` lives on a card in float32.
pub(crate) fn on_card<const D: usize>(tensor: &Tensor<D>) -> bool {
    matches!(tensor.device().inner().as_dispatch(), DispatchDevice::Cube(_)) && tensor.dtype() == DType::F32
}

/// The same elements in C order.
pub(crate) fn copied_out<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_primitive::<Cube>(contiguous(tensor))
}

/// What kernels read: elements in C order.
fn contiguous<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    into_contiguous(tensor.try_into_primitive::<Cube>().expect("the caller checked that it is on a card"))
}

/// How a kernel of `n_units` units, each for itself, is launched.
fn grid(client: &Client, n_units: usize) -> (CubeCount, CubeDim) {
    let cube_dim = CubeDim::new(client, n_units);
    (calculate_cube_count_elemwise(client, n_units, cube_dim), cube_dim)
}

/// Memory for a float32 result of `shape` beside `like`, not yet written.
fn unset(like: &CubeTensor, shape: Shape) -> CubeTensor {
    let handle = like.client.empty(shape.num_elements() * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, DType::F32)
}

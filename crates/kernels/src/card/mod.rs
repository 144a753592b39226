//! Kernels of our own for graphics cards, in CubeCL's dialect of Rust, for every interface alike.
//!
//! Products are the engine's, which tunes them to the card. Ours is what lies between them, where the composed form would read and write memory
//! many times over or hold what can be made again (norms, GELU, softmax, the front end's first block, Adam), draw or compare on the
//! host (dropout, the code loss), or convolve without the products (convolutions).

mod adam;
mod attention;
mod code_loss;
mod convolution;
mod dropout;
mod first_block;
mod gelu;
mod norm;
mod operation;
mod product;
mod rows;
mod windows;

use burn::Tensor;
use burn::backend::{Cube, DispatchDevice};
use burn::tensor::{DType, Int, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};

pub(crate) use adam::adam;
pub(crate) use attention::attention;
pub(crate) use code_loss::code_losses;
pub(crate) use convolution::Convolution;
pub(crate) use dropout::dropout;
pub(crate) use first_block::{first_block, first_block_moments};
pub(crate) use gelu::gelu;
pub(crate) use norm::{layer_norm, residual_norm};
pub(crate) use product::{Linear, similarities};
pub(crate) use windows::windowed_product;

/// Whether `tensor` lives on a card in float32.
pub(crate) fn on_card<const D: usize>(tensor: &Tensor<D>) -> bool {
    matches!(tensor.device().inner().as_dispatch(), DispatchDevice::Cube(_)) && tensor.dtype() == DType::F32
}

/// What kernels read: elements in C order.
fn primitive<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    into_contiguous(tensor.try_into_primitive::<Cube>().expect("the caller checked that it is on a card"))
}

/// The same for whole numbers.
fn integers<const D: usize>(tensor: Tensor<D, Int>) -> CubeTensor {
    into_contiguous(tensor.try_into_primitive::<Cube>().expect("the caller checked that it is on a card"))
}

/// What the engine's operations take.
fn tensor<const D: usize>(primitive: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<Cube>(primitive)
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

/// The same of the shape of `like`.
fn unset_like(like: &CubeTensor) -> CubeTensor {
    unset(like, like.meta.shape().clone())
}

/// Stretches of `n` things, each with `size` numbers made of it: where each begins, and how long it is. What is made of one is 128 MiB at most, which
/// every card takes as one piece, unless already a single thing is more.
fn stretches(n: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    const NUMBERS: usize = 1 << 25;
    let most = (NUMBERS / size.max(1)).max(1);
    (0..n).step_by(most).map(move |first| (first, most.min(n - first)))
}

/// Adds `part` to a sum that may not have begun.
fn add<const D: usize>(sum: &mut Option<Tensor<D>>, part: Tensor<D>) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + part,
        None => part,
    });
}

//! The passes over rows, a cube each, and over columns.

use cubecl::prelude::*;

use crate::card::dropout::{Mask, factor};
use crate::card::rows::{UNITS, sum_of_units};

#[cube(launch)]
pub(super) fn layer_norm_kernel(
    x: &Tensor<f32>,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
    output: &mut Tensor<f32>,
    statistics: &mut Tensor<f32>,
    epsilon: f32,
) {
    let row = CUBE_POS;
    let width = gamma.len();
    let first = row * width;
    if row < x.len() / width {
        let mut total = 0.0f32;
        let mut at = UNIT_POS as usize;
        while at < width {
            total += x[first + at];
            at += CUBE_DIM as usize;
        }
        normalise(x, row, total, gamma, beta, output, statistics, epsilon);
    }
}

#[cube(launch)]
pub(super) fn residual_norm_kernel(
    x: &Tensor<f32>,
    y: &Tensor<f32>,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
    sum: &mut Tensor<f32>,
    output: &mut Tensor<f32>,
    statistics: &mut Tensor<f32>,
    epsilon: f32,
    alpha: f32,
    mask: &Mask,
    #[comptime] drops: bool,
) {
    let row = CUBE_POS;
    let width = gamma.len();
    let first = row * width;
    if row < x.len() / width {
        let mut total = 0.0f32;
        let mut at = UNIT_POS as usize;
        while at < width {
            let mut added = y[first + at];
            if comptime!(drops) {
                added *= factor((first + at) as u32, mask);
            }
            let value = alpha * x[first + at] + added;
            sum[first + at] = value;
            total += value;
            at += CUBE_DIM as usize;
        }
        // Every unit reads back what it wrote itself.
        normalise(&*sum, row, total, gamma, beta, output, statistics, epsilon);
    }
}

/// Normalises a row, of whose numbers each unit has added its own to `total`.
#[cube]
fn normalise(
    x: &Tensor<f32>,
    row: usize,
    total: f32,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
    output: &mut Tensor<f32>,
    statistics: &mut Tensor<f32>,
    epsilon: f32,
) {
    let mut partial = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let width = gamma.len();
    let first = row * width;
    let mean = sum_of_units(total, &mut partial) / width as f32;
    let mut squares = 0.0f32;
    let mut at = UNIT_POS as usize;
    while at < width {
        let centred = x[first + at] - mean;
        squares += centred * centred;
        at += CUBE_DIM as usize;
    }
    let rate = 1.0f32 / (sum_of_units(squares, &mut partial) / width as f32 + epsilon).sqrt();
    let mut at = UNIT_POS as usize;
    while at < width {
        output[first + at] = (x[first + at] - mean) * rate * gamma[at] + beta[at];
        at += CUBE_DIM as usize;
    }
    if UNIT_POS == 0 {
        statistics[2 * row] = mean;
        statistics[2 * row + 1] = rate;
    }
}

/// `dx = rate (g − mean(g) − x̂ mean(g x̂))`, `g = γ dy`.
#[cube(launch)]
pub(super) fn layer_norm_backward_kernel(
    x: &Tensor<f32>,
    statistics: &Tensor<f32>,
    gamma: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    grads: &mut Tensor<f32>,
) {
    let row = CUBE_POS;
    let mut partial = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let width = gamma.len();
    let first = row * width;
    if row < x.len() / width {
        let mean = statistics[2 * row];
        let rate = statistics[2 * row + 1];
        let mut plain = 0.0f32;
        let mut product = 0.0f32;
        let mut at = UNIT_POS as usize;
        while at < width {
            let g = gamma[at] * output_grad[first + at];
            plain += g;
            product += g * (x[first + at] - mean) * rate;
            at += CUBE_DIM as usize;
        }
        let plain = sum_of_units(plain, &mut partial) / width as f32;
        let product = sum_of_units(product, &mut partial) / width as f32;
        let mut at = UNIT_POS as usize;
        while at < width {
            let g = gamma[at] * output_grad[first + at];
            let normal = (x[first + at] - mean) * rate;
            grads[first + at] = rate * (g - plain - normal * product);
            at += CUBE_DIM as usize;
        }
    }
}

/// `partial[block, 0] = Σ dy x̂` and `partial[block, 1] = Σ dy` over the rows of a block; a unit a column.
#[cube(launch)]
pub(super) fn parameter_gradients_kernel(
    x: &Tensor<f32>,
    statistics: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    partial: &mut Tensor<f32>,
    #[comptime] block_rows: usize,
) {
    let width = partial.shape(2);
    let column = CUBE_POS_X as usize * CUBE_DIM as usize + UNIT_POS as usize;
    let block = CUBE_POS_Y as usize;
    if column < width {
        let n_rows = x.len() / width;
        let mut row = block * block_rows;
        let mut end = row + block_rows;
        if end > n_rows {
            end = n_rows;
        }
        let mut product = 0.0f32;
        let mut plain = 0.0f32;
        while row < end {
            let grad = output_grad[row * width + column];
            product += grad * (x[row * width + column] - statistics[2 * row]) * statistics[2 * row + 1];
            plain += grad;
            row += 1;
        }
        partial[2 * block * width + column] = product;
        partial[(2 * block + 1) * width + column] = plain;
    }
}

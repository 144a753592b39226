//! Softmax of rows of scores and its gradient, scale, padding and dropout included; a cube a row.

use cubecl::prelude::*;

use crate::card::dropout::{Mask, factor};
use crate::card::rows::{UNITS, largest_of_units, sum_of_units};

/// A row of scores as its softmax is made of it.
#[derive(CubeType)]
struct Row {
    /// Where it begins.
    first: usize,
    /// Its first weight among all `[B, H, T, T]`, which dropout counts.
    drawn: u32,
    /// Its real keys.
    n_valid: usize,
    /// The largest scaled score of them.
    largest: f32,
    /// The sum of `e^(score − largest)`.
    total: f32,
}

/// Reads row `row` of `scores [B, H, T, T]`.
#[cube]
fn read_row(
    scores: &Tensor<f32>,
    valid: &Tensor<i32>,
    row: usize,
    first_query: u32,
    scale: f32,
    partial: &mut Shared<[f32]>,
) -> Row {
    let n_frames = scores.shape(3);
    let n_queries = scores.shape(2);
    let first = row * n_frames;
    let clip = row / (scores.shape(1) * n_queries);
    let query = first_query as usize + row % n_queries;
    let drawn = ((row / n_queries * n_frames + query) * n_frames) as u32;
    let n_valid = valid[clip % valid.len()] as usize;
    let mut largest = f32::new(-3.0e38f32);
    let mut key = UNIT_POS as usize;
    while key < n_valid {
        largest = f32::max(largest, scale * scores[first + key]);
        key += CUBE_DIM as usize;
    }
    let largest = largest_of_units(largest, partial);
    let mut total = 0.0f32;
    let mut key = UNIT_POS as usize;
    while key < n_valid {
        total += (scale * scores[first + key] - largest).exp();
        key += CUBE_DIM as usize;
    }
    let total = sum_of_units(total, partial);
    Row { first, drawn, n_valid, largest, total }
}

#[cube(launch)]
pub(super) fn softmax_kernel(
    scores: &Tensor<f32>,
    valid: &Tensor<i32>,
    weights: &mut Tensor<f32>,
    first_query: u32,
    scale: f32,
    mask: &Mask,
    #[comptime] drops: bool,
) {
    let row = CUBE_POS;
    let mut partial = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let n_frames = scores.shape(3);
    if row < scores.len() / n_frames {
        let this = read_row(scores, valid, row, first_query, scale, &mut partial);
        let mut key = UNIT_POS as usize;
        while key < n_frames {
            let mut weight = 0.0f32;
            if key < this.n_valid {
                weight = (scale * scores[this.first + key] - this.largest).exp() / this.total;
                if comptime!(drops) {
                    weight *= factor(this.drawn + key as u32, mask);
                }
            }
            weights[this.first + key] = weight;
            key += CUBE_DIM as usize;
        }
    }
}

/// `dS = α P ∘ (dP − Σ dP∘P)`, `dP` the gradient of the dropped weights times the dropout's factors.
#[cube(launch)]
pub(super) fn softmax_backward_kernel(
    scores: &Tensor<f32>,
    valid: &Tensor<i32>,
    of_weights: &Tensor<f32>,
    grads: &mut Tensor<f32>,
    first_query: u32,
    scale: f32,
    mask: &Mask,
    #[comptime] drops: bool,
) {
    let row = CUBE_POS;
    let mut partial = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let n_frames = scores.shape(3);
    if row < scores.len() / n_frames {
        let this = read_row(scores, valid, row, first_query, scale, &mut partial);
        let mut product = 0.0f32;
        let mut key = UNIT_POS as usize;
        while key < this.n_valid {
            let at = this.first + key;
            let mut grad = of_weights[at];
            if comptime!(drops) {
                grad *= factor(this.drawn + key as u32, mask);
            }
            product += grad * (scale * scores[at] - this.largest).exp() / this.total;
            key += CUBE_DIM as usize;
        }
        let product = sum_of_units(product, &mut partial);
        let mut key = UNIT_POS as usize;
        while key < n_frames {
            let at = this.first + key;
            let mut of_score = 0.0f32;
            if key < this.n_valid {
                let mut grad = of_weights[at];
                if comptime!(drops) {
                    grad *= factor(this.drawn + key as u32, mask);
                }
                let weight = (scale * scores[at] - this.largest).exp() / this.total;
                of_score = scale * weight * (grad - product);
            }
            grads[at] = of_score;
            key += CUBE_DIM as usize;
        }
    }
}

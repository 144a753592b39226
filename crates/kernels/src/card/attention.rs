//! Attention on a card: the engine's products, and between them one kernel for scale, padding, softmax and dropout of every row of scores, as
//! one for their gradient; formulas in [`crate::attention`].
//!
//! The backward pass makes the scores again, so that no layer holds its `B·H·T²` weights, 243 MB for a clip of 30 s at 12 heads; and of
//! long clips some queries at a time meet all keys.

mod softmax;

use burn::tensor::{Int, IntDType, TensorData};
use burn_cubecl::tensor::CubeTensor;

use super::dropout::mask_of;
use super::operation::{CardOperation, apply};
use super::product::product;
use super::rows::a_cube_a_row;
use super::{add, integers, primitive, stretches, tensor, unset_like};
use crate::attention::Attention;
use crate::precision::{operand, result};

/// [`crate::attention`]; all tensors are `[B, T, D]`.
pub(crate) fn attention(inputs: [burn::Tensor<3>; 3], settings: Attention) -> burn::Tensor<3> {
    apply(settings, inputs.map(Into::into))
}

impl CardOperation<3> for Attention {
    type Kept = [CubeTensor; 3];

    fn forward(&self, inputs: [CubeTensor; 3]) -> (CubeTensor, [CubeTensor; 3]) {
        let [query, key, value] = inputs.each_ref().map(|input| self.split(input));
        let valid = self.valid(&key);
        let parts = stretches_of_queries(&query).map(|(first, n)| {
            let rows = Rows { scores: scores(&query, &key, first, n), valid: valid.clone(), first };
            operand(tensor::<4>(self.softmax(&rows)), self.precision).matmul(value.clone())
        });
        (self.joined(burn::Tensor::cat(parts.collect(), 2)), inputs)
    }

    fn backward(
        &self,
        inputs: [CubeTensor; 3],
        output_grad: CubeTensor,
        wanted: [bool; 3],
    ) -> [Option<CubeTensor>; 3] {
        let [query, key, value] = inputs.each_ref().map(|input| self.split(input));
        let output_grad = self.split(&output_grad);
        let valid = self.valid(&key);
        let mut query_grads = Vec::new();
        let [mut key_grad, mut value_grad]: [Option<burn::Tensor<4>>; 2] = [None, None];
        for (first, n) in stretches_of_queries(&query) {
            let rows = Rows { scores: scores(&query, &key, first, n), valid: valid.clone(), first };
            let output_grad: burn::Tensor<4> = output_grad.clone().narrow(2, first, n);
            if wanted[2] {
                let weights = operand(tensor::<4>(self.softmax(&rows)), self.precision);
                add(&mut value_grad, weights.transpose().matmul(output_grad.clone()));
            }
            if wanted[0] || wanted[1] {
                let of_weights = product(output_grad, value.clone().transpose());
                let of_scores = self.through_softmax(rows, primitive(of_weights));
                let of_scores = operand(tensor::<4>(of_scores), self.precision);
                if wanted[0] {
                    query_grads.push(of_scores.clone().matmul(key.clone()));
                }
                if wanted[1] {
                    add(&mut key_grad, of_scores.transpose().matmul(query.clone().narrow(2, first, n)));
                }
            }
        }
        let query_grad = wanted[0].then(|| burn::Tensor::cat(query_grads, 2));
        [query_grad, key_grad, value_grad].map(|grad| grad.map(|grad| self.joined(grad)))
    }
}

/// Stretches of queries whose scores are there at a time: where each begins, and how long it is.
fn stretches_of_queries(query: &burn::Tensor<4>) -> impl Iterator<Item = (usize, usize)> {
    let [n_clips, n_heads, n_frames, _] = query.dims();
    stretches(n_frames, n_clips * n_heads * n_frames)
}

/// Scores of some queries with all keys, `[B, H, n, T]`, not yet scaled.
struct Rows {
    scores: CubeTensor,
    /// Real frames of every clip, or one number for all.
    valid: CubeTensor,
    /// The first query.
    first: usize,
}

impl Attention {
    /// `[B, T, D]` as `[B, H, T, d]`, in the type that products compute in.
    fn split(&self, x: &CubeTensor) -> burn::Tensor<4> {
        let [n_clips, n_frames, width] = x.meta.shape().dims();
        let x = operand(tensor::<3>(x.clone()), self.precision);
        x.reshape([n_clips, n_frames, self.n_heads, width / self.n_heads]).swap_dims(1, 2)
    }

    /// The way back.
    fn joined(&self, x: burn::Tensor<4>) -> CubeTensor {
        let [n_clips, n_heads, n_frames, width] = x.dims();
        primitive(result(x.swap_dims(1, 2).reshape([n_clips, n_frames, n_heads * width]), self.precision))
    }

    /// Real frames of every clip, or one number for all.
    fn valid(&self, key: &burn::Tensor<4>) -> CubeTensor {
        let valid: Vec<i32> = match &self.n_valid {
            Some(valid) => valid.iter().map(|&n| n as i32).collect(),
            None => vec![key.dims()[2] as i32],
        };
        let n = valid.len();
        let valid = burn::Tensor::<1, Int>::from_data(TensorData::new(valid, [n]), &key.device());
        integers(valid.cast(IntDType::I32))
    }

    /// Softmax of scaled scores, dropped.
    fn softmax(&self, rows: &Rows) -> CubeTensor {
        let scores = &rows.scores;
        let weights = unset_like(scores);
        let client = scores.client.clone();
        let (cube_count, cube_dim) = a_cube_a_row(&client, n_rows(scores));
        softmax::softmax_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            scores.clone().into_tensor_arg(),
            rows.valid.clone().into_tensor_arg(),
            weights.clone().into_tensor_arg(),
            rows.first as u32,
            self.scale,
            mask_of(self.dropout),
            self.dropout.is_some(),
        );
        weights
    }

    /// The gradient of scores from that of the dropped weights.
    fn through_softmax(&self, rows: Rows, of_weights: CubeTensor) -> CubeTensor {
        let scores = rows.scores;
        let grads = unset_like(&scores);
        let client = scores.client.clone();
        let (cube_count, cube_dim) = a_cube_a_row(&client, n_rows(&scores));
        softmax::softmax_backward_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            scores.into_tensor_arg(),
            rows.valid.into_tensor_arg(),
            of_weights.into_tensor_arg(),
            grads.clone().into_tensor_arg(),
            rows.first as u32,
            self.scale,
            mask_of(self.dropout),
            self.dropout.is_some(),
        );
        grads
    }
}

/// `Q Kᵀ` of `n` queries from `first` on.
fn scores(query: &burn::Tensor<4>, key: &burn::Tensor<4>, first: usize, n: usize) -> CubeTensor {
    let query: burn::Tensor<4> = query.clone().narrow(2, first, n);
    primitive(product(query, key.clone().transpose()))
}

fn n_rows(scores: &CubeTensor) -> usize {
    let [n_clips, n_heads, n_queries, _] = scores.meta.shape().dims();
    n_clips * n_heads * n_queries
}

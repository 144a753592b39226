//! Multi-head self-attention on projected frames: `softmax(α · Q Kᵀ) V` for every clip and head (Vaswani et al. 2017).
//!
//! Q, K, V are `[B, T, D]`; head `h` is the columns `h·d .. (h+1)·d`, read in place by strided products. Padded keys get weight 0.
//! Dropout acts on the weights. Forward, a few queries at a time meet all keys, so that their scores stay in cache; keys and values are
//! packed once a head, and rows are divided by their sums after the second product, where they are short.
//! The backward pass computes the weights again, which costs one small product and saves `B·H·T²` numbers.
//! With `P` the weights, `M` the dropout factors: `dV = (P∘M)ᵀ dO`, `dP = M∘(dO Vᵀ)`, `dS = P∘(dP − rowsum(dP∘P))`, `dQ = α dS K`, `dK = α dSᵀ Q`.

use burn::Tensor;
use burn::tensor::{Bool, TensorData, activation};
use rayon::prelude::*;

use crate::dropout::{DropoutKey, dropped};
use crate::elementary::exp;
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::precision::{operand, result};
use simd::Precision;
use simd::matrix::{Panels, Product, Target, View};

/// Settings of one attention.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Number of heads; divides the width.
    pub n_heads: usize,
    /// Factor of the scores, `1/√d`.
    pub scale: f32,
    /// Frames of each clip that are real; the keys after them are ignored. `None`: all are.
    pub n_valid: Option<Vec<usize>>,
    /// Dropout on the weights.
    pub dropout: Option<DropoutKey>,
    /// Of the products.
    pub precision: Precision,
}

/// Attends from every frame to every real frame of its clip; all tensors are `[B, T, D]`.
pub fn attention(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, settings: Attention) -> Tensor<3> {
    if on_cpu(&query) {
        return apply(settings, [query.into(), key.into(), value.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&query) {
        return crate::card::attention([query, key, value], settings);
    }
    composed([query, key, value], &settings)
}

fn composed([query, key, value]: [Tensor<3>; 3], settings: &Attention) -> Tensor<3> {
    let precision = settings.precision;
    let [n_clips, n_frames, width] = query.dims();
    let n_heads = settings.n_heads;
    let split = |x: Tensor<3>| {
        operand(x, precision).reshape([n_clips, n_frames, n_heads, width / n_heads]).swap_dims(1, 2)
    };
    let device = query.device();
    let mut scores = result(split(query).matmul(split(key).transpose()), precision) * settings.scale;
    if let Some(n_valid) = &settings.n_valid {
        let padded: Vec<bool> =
            n_valid.iter().flat_map(|&n| (0..n_frames).map(move |frame| frame >= n)).collect();
        let padded =
            Tensor::<4, Bool>::from_data(TensorData::new(padded, [n_clips, 1, 1, n_frames]), &device);
        scores = scores.mask_fill(padded.expand([n_clips, n_heads, n_frames, n_frames]), f32::NEG_INFINITY);
    }
    let mut weights = activation::softmax(scores, 3);
    if let Some(key) = settings.dropout {
        weights = dropped(weights, key);
    }
    let output = operand(weights, precision).matmul(split(value));
    result(output.swap_dims(1, 2).reshape([n_clips, n_frames, width]), precision)
}

/// Queries that meet the keys together: with 30 s of keys their scores are 430 KiB.
const QUERIES: usize = 48;

/// One head of one clip: where its columns lie.
struct Head<'a> {
    query: View<'a>,
    key: View<'a>,
    value: View<'a>,
    index: usize,
    n_valid: usize,
}

impl Attention {
    fn head<'a>(&self, inputs: &'a [Array; 3], index: usize) -> Head<'a> {
        let [_, n_frames, width] = inputs[0].dims();
        let (clip, head) = (index / self.n_heads, index % self.n_heads);
        let head_width = width / self.n_heads;
        let offset = clip * n_frames * width + head * head_width;
        let view = |array: &'a Array, n| View::new(&array.values()[offset..], n, head_width, width);
        let n_valid = self.n_valid.as_ref().map_or(n_frames, |valid| valid[clip]);
        // Keys and values past the real frames never enter a product.
        Head {
            query: view(&inputs[0], n_frames),
            key: view(&inputs[1], n_valid),
            value: view(&inputs[2], n_valid),
            index,
            n_valid,
        }
    }

    fn product<'a>(&self, left: View<'a>, right: View<'a>) -> Product<'a> {
        Product::new(left, right).with(self.precision)
    }

    /// The weights of one head before dropout, `[T, n_valid]`.
    fn weights(&self, head: &Head<'_>) -> Vec<f32> {
        let n_frames = head.query.rows;
        let mut scores = vec![0.0; n_frames * head.n_valid];
        self.product(head.query, head.key.transposed())
            .scaled(self.scale)
            .write(Target::new(&mut scores, head.n_valid));
        simd::vectorised(
            #[inline(always)]
            || {
                // A loop: `for_each` is a function of its own, compiled for the smallest vectors.
                for row in scores.chunks_exact_mut(head.n_valid.max(1)) {
                    softmax(row);
                }
            },
        );
        scores
    }

    /// Multiplies `values`, rows of `n_valid` weights from query `first` on, by the dropout factors of the head.
    fn drop(&self, values: &mut [f32], first: usize, head: &Head<'_>) {
        let Some(key) = self.dropout else { return };
        let n_frames = head.query.rows;
        for (row, values) in values.chunks_exact_mut(head.n_valid.max(1)).enumerate() {
            key.multiply(((head.index * n_frames + first + row) * n_frames) as u64, values);
        }
    }

    /// Attention of one head, `[T, d]`.
    fn attend(&self, head: &Head<'_>) -> Vec<f32> {
        let (n_frames, width, n_valid) = (head.query.rows, head.query.columns, head.n_valid);
        let keys = Panels::new(head.key.transposed(), self.precision);
        let values = Panels::new(head.value, self.precision);
        let mut output = vec![0.0; n_frames * width];
        let mut scores = vec![0.0; QUERIES.min(n_frames) * n_valid];
        for (block, output) in output.chunks_mut(QUERIES * width).enumerate() {
            let (first, n_rows) = (block * QUERIES, output.len() / width);
            let scores = &mut scores[..n_rows * n_valid];
            Product::with_panels(head.query.some_rows(first, n_rows), &keys)
                .scaled(self.scale)
                .write(Target::new(scores, n_valid));
            let mut rates = [0.0; QUERIES];
            simd::vectorised(
                #[inline(always)]
                || {
                    for (row, rate) in scores.chunks_exact_mut(n_valid.max(1)).zip(&mut rates) {
                        *rate = 1.0 / exponentials(row);
                    }
                },
            );
            self.drop(scores, first, head);
            Product::with_panels(View::dense(scores, n_rows, n_valid), &values).write_then(
                Target::new(output, width),
                |row, _, values| {
                    for value in values.iter_mut() {
                        *value *= rates[row];
                    }
                    self.precision.round_all(values);
                },
            );
        }
        output
    }

    /// Runs `task` for every head and puts its `n` results of `[T, d]` into their columns of `n` arrays `[B, T, D]`.
    fn each_head<const M: usize>(
        &self,
        inputs: &[Array; 3],
        task: impl Fn(&Head<'_>) -> [Vec<f32>; M] + Sync,
    ) -> [Array; M] {
        let [n_clips, n_frames, width] = inputs[0].dims();
        let head_width = width / self.n_heads;
        let parts: Vec<[Vec<f32>; M]> = (0..n_clips * self.n_heads)
            .into_par_iter()
            .map(|index| task(&self.head(inputs, index)))
            .collect();
        std::array::from_fn(|which| {
            let mut output = unset(n_clips * n_frames * width);
            output.par_chunks_mut(n_frames * width).enumerate().for_each(|(clip, values)| {
                for head in 0..self.n_heads {
                    let part = &parts[clip * self.n_heads + head][which];
                    for (frame, row) in values.chunks_exact_mut(width).zip(part.chunks_exact(head_width)) {
                        frame[head * head_width..][..head_width].copy_from_slice(row);
                    }
                }
            });
            Array::new(output, inputs[0].shape())
        })
    }
}

/// Softmax of one row, in place.
#[inline(always)]
fn softmax(row: &mut [f32]) {
    let rate = 1.0 / exponentials(row);
    for score in row {
        *score *= rate;
    }
}

/// `e^(s − largest)` of one row, in place, and their sum.
#[inline(always)]
fn exponentials(row: &mut [f32]) -> f32 {
    let mut highest = [f32::NEG_INFINITY; 16];
    let chunks = row.chunks_exact(16);
    let mut largest = f32::NEG_INFINITY;
    for &score in chunks.remainder() {
        largest = larger(largest, score);
    }
    for chunk in chunks {
        for (highest, &score) in highest.iter_mut().zip(chunk) {
            *highest = larger(*highest, score);
        }
    }
    for highest in highest {
        largest = larger(largest, highest);
    }
    let mut lanes = [0.0f32; 16];
    let mut chunks = row.chunks_exact_mut(16);
    for chunk in &mut chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *score = exp(*score - largest);
            *lane += *score;
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for score in chunks.into_remainder() {
        *score = exp(*score - largest);
        total += *score;
    }
    total
}

/// The larger of two numbers, in one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl CpuOperation<3> for Attention {
    fn forward(&self, inputs: &[Array; 3]) -> Array {
        let [output] = self.each_head(inputs, |head| [self.attend(head)]);
        output
    }

    fn backward(&self, inputs: &[Array; 3], output_grad: &Array, _wanted: [bool; 3]) -> [Option<Array>; 3] {
        let [_, n_frames, width] = inputs[0].dims();
        let head_width = width / self.n_heads;
        let grads = self.each_head(inputs, |head| {
            let (clip, column) = (head.index / self.n_heads, head.index % self.n_heads * head_width);
            let output_grad = &output_grad.values()[clip * n_frames * width + column..];
            let output_grad = View::new(output_grad, n_frames, head_width, width);
            let weights = self.weights(head);
            let mut dropped = weights.clone();
            self.drop(&mut dropped, 0, head);
            let zeros = || vec![0.0; n_frames * head_width];
            let (mut query_grad, mut key_grad, mut value_grad) = (zeros(), zeros(), zeros());
            let dropped_view = View::dense(&dropped, n_frames, head.n_valid);
            self.product(dropped_view.transposed(), output_grad)
                .write(Target::new(&mut value_grad, head_width));
            let mut score_grad = dropped;
            self.product(output_grad, head.value.transposed())
                .write(Target::new(&mut score_grad, head.n_valid));
            self.drop(&mut score_grad, 0, head);
            simd::vectorised(
                #[inline(always)]
                || {
                    let rows = score_grad.chunks_exact_mut(head.n_valid.max(1));
                    for (grad, weights) in rows.zip(weights.chunks_exact(head.n_valid.max(1))) {
                        softmax_gradient(grad, weights);
                    }
                },
            );
            let score_grad = View::dense(&score_grad, n_frames, head.n_valid);
            self.product(score_grad, head.key)
                .scaled(self.scale)
                .write(Target::new(&mut query_grad, head_width));
            self.product(score_grad.transposed(), head.query)
                .scaled(self.scale)
                .write(Target::new(&mut key_grad, head_width));
            let mut grads = [query_grad, key_grad, value_grad];
            for grad in &mut grads {
                self.precision.round_all(grad);
            }
            grads
        });
        grads.map(Some)
    }
}

/// `g ← w ∘ (g − Σ g∘w)`, the gradient of a softmax row.
#[inline(always)]
fn softmax_gradient(grad: &mut [f32], weights: &[f32]) {
    let mut lanes = [0.0f32; 16];
    let (g, w) = (grad.chunks_exact(16), weights.chunks_exact(16));
    let mut total = 0.0;
    for (a, b) in g.remainder().iter().zip(w.remainder()) {
        total += a * b;
    }
    for (g, w) in g.zip(w) {
        for lane in 0..16 {
            lanes[lane] += g[lane] * w[lane];
        }
    }
    total += lanes.iter().sum::<f32>();
    for (g, &w) in grad.iter_mut().zip(weights) {
        *g = w * (*g - total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, each_precision, random, rounded};

    fn settings(n_valid: Option<Vec<usize>>, dropout: f64) -> Attention {
        let dropout = (dropout > 0.0).then(|| DropoutKey::new(9, &[1], dropout));
        Attention { n_heads: 2, scale: 0.6, n_valid, dropout, precision: Precision::Float32 }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let inputs = || [random(&[2, 5, 6], 1), random(&[2, 5, 6], 2), random(&[2, 5, 6], 3)];
        differentiate(&settings(None, 0.0), inputs());
        differentiate(&settings(None, 0.4), inputs());
        differentiate(&settings(Some(vec![5, 3]), 0.2), inputs());
    }

    #[test]
    fn equals_the_composition() {
        each_precision(|precision, tolerance| {
            for (n_valid, dropout) in [(None, 0.0), (Some(vec![37, 20]), 0.3)] {
                let ours = Attention { precision, ..settings(n_valid, dropout) };
                let theirs = Attention { precision: Precision::Float32, ..ours.clone() };
                compare(
                    [1, 2, 3].map(|seed| rounded(&random(&[2, 37, 10], seed), precision)),
                    move |[q, k, v]: [Tensor<3>; 3]| attention(q, k, v, ours.clone()),
                    move |inputs| composed(inputs, &theirs),
                    tolerance,
                );
            }
        });
    }

    #[test]
    fn a_padded_key_has_no_influence() {
        let mut inputs = [random(&[1, 4, 4], 1), random(&[1, 4, 4], 2), random(&[1, 4, 4], 3)];
        let attention = settings(Some(vec![3]), 0.0);
        let before = attention.forward(&inputs);
        for array in &mut inputs[1..] {
            let mut values = array.values().to_vec();
            values[12..].fill(1e3);
            *array = Array::new(values, &[1, 4, 4]);
        }
        assert_eq!(before.values(), attention.forward(&inputs).values());
    }

    #[test]
    fn constant_values_come_out_unchanged() {
        let inputs =
            [random(&[1, 40, 4], 1), random(&[1, 40, 4], 2), Array::new(vec![2.5; 160], &[1, 40, 4])];
        let output = settings(None, 0.0).forward(&inputs);
        assert!(output.values().iter().all(|x| (x - 2.5).abs() < 1e-5));
    }
}

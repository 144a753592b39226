//! Cross entropy of code logits on a card. Classes whose embedding is the target's are found there: only where a logit equals the target's,
//! which theirs do, are embeddings compared.

#![allow(clippy::float_cmp, reason = "twins are classes whose numbers are the same")]

use burn::tensor::{Int, IntDType, TensorData};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::operation::{CardOperation, apply};
use super::rows::{UNITS, a_cube_a_row, largest_of_units, sum_of_units};
use super::{grid, integers, primitive, tensor, unset, unset_like};

/// Losses `[K, N, 1]` of `logits [K, N, V]` against `targets [K, N]`, and how many frames of each codebook are found; `embeddings [K·V, F]`.
pub(crate) fn code_losses(
    logits: burn::Tensor<3>,
    embeddings: burn::Tensor<2>,
    targets: Vec<i32>,
) -> (burn::Tensor<3>, burn::Tensor<1>) {
    let [n_codebooks, n_frames, _] = logits.dims();
    let device = logits.device().inner();
    let n_rows = targets.len();
    let targets =
        burn::Tensor::<1, Int>::from_data(TensorData::new(targets, [n_rows]), &device).cast(IntDType::I32);
    let found = burn::Tensor::<2>::zeros([n_codebooks, n_frames], &device);
    let operation = CrossEntropy {
        targets: integers(targets),
        embeddings: primitive(embeddings.inner()),
        found: primitive(found),
    };
    let losses = apply(operation.clone(), [logits.into()]);
    (losses, tensor::<2>(operation.found).sum_dim(1).reshape([n_codebooks]))
}

#[derive(Clone, Debug)]
struct CrossEntropy {
    /// Classes, `[K · N]`, 32-bit integers.
    targets: CubeTensor,
    /// `[K · V, F]`.
    embeddings: CubeTensor,
    /// 1 where the target has the largest logit, `[K, N]`; written by the forward pass.
    found: CubeTensor,
}

/// What the backward pass reads: the logits, and the logarithms of their sums.
type Kept = (CubeTensor, CubeTensor);

impl CardOperation<1> for CrossEntropy {
    type Kept = Kept;

    fn forward(&self, [logits]: [CubeTensor; 1]) -> (CubeTensor, Kept) {
        let [n_codebooks, n_frames, _] = logits.meta.shape().dims();
        let losses = unset(&logits, [n_codebooks, n_frames, 1].into());
        let normalisers = unset(&logits, [n_codebooks, n_frames].into());
        let n_rows = n_codebooks * n_frames;
        let client = logits.client.clone();
        let (cube_count, cube_dim) = a_cube_a_row(&client, n_rows);
        cross_entropy_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            logits.clone().into_tensor_arg(),
            self.embeddings.clone().into_tensor_arg(),
            self.targets.clone().into_tensor_arg(),
            losses.clone().into_tensor_arg(),
            normalisers.clone().into_tensor_arg(),
            self.found.clone().into_tensor_arg(),
        );
        (losses, (logits, normalisers))
    }

    fn backward(
        &self,
        (logits, normalisers): Kept,
        output_grad: CubeTensor,
        _wanted: [bool; 1],
    ) -> [Option<CubeTensor>; 1] {
        let grads = unset_like(&logits);
        let client = logits.client.clone();
        let (cube_count, cube_dim) = grid(&client, logits.meta.num_elements());
        cross_entropy_backward_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            logits.into_tensor_arg(),
            self.embeddings.clone().into_tensor_arg(),
            self.targets.clone().into_tensor_arg(),
            normalisers.into_tensor_arg(),
            output_grad.into_tensor_arg(),
            grads.clone().into_tensor_arg(),
        );
        [Some(grads)]
    }
}

/// A cube a row: `losses = ln Σ exp(logits) − logits[target]`, twins of the target left out.
#[cube(launch)]
fn cross_entropy_kernel(
    logits: &Tensor<f32>,
    embeddings: &Tensor<f32>,
    targets: &Tensor<i32>,
    losses: &mut Tensor<f32>,
    normalisers: &mut Tensor<f32>,
    found: &mut Tensor<f32>,
) {
    let row = CUBE_POS;
    let unit = UNIT_POS as usize;
    let units = CUBE_DIM as usize;
    let mut partial = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    if row < losses.len() {
        let n_classes = logits.shape(2);
        let first = row * n_classes;
        let target = targets[row] as usize;
        let of_target = logits[first + target];

        let mut largest = of_target;
        let mut n_larger = 0.0f32;
        let mut class = unit;
        while class < n_classes {
            let logit = logits[first + class];
            if !is_twin(logits, embeddings, row, class, target) {
                largest = f32::max(largest, logit);
                if logit > of_target || (logit == of_target && class < target) {
                    n_larger += 1.0f32;
                }
            }
            class += units;
        }
        let largest = largest_of_units(largest, &mut partial);
        let n_larger = sum_of_units(n_larger, &mut partial);

        let mut sum = 0.0f32;
        let mut class = unit;
        while class < n_classes {
            if !is_twin(logits, embeddings, row, class, target) {
                sum += (logits[first + class] - largest).exp();
            }
            class += units;
        }
        let sum = sum_of_units(sum, &mut partial);
        if unit == 0 {
            let normaliser = largest + sum.ln();
            normalisers[row] = normaliser;
            losses[row] = normaliser - of_target;
            found[row] = select(n_larger == 0.0f32, 1.0f32, 0.0f32);
        }
    }
}

/// `(softmax − onehot) · output_grad`; 0 for twins of the target.
#[cube(launch)]
fn cross_entropy_backward_kernel(
    logits: &Tensor<f32>,
    embeddings: &Tensor<f32>,
    targets: &Tensor<i32>,
    normalisers: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    grads: &mut Tensor<f32>,
) {
    let at = ABSOLUTE_POS;
    if at < grads.len() {
        let n_classes = logits.shape(2);
        let row = at / n_classes;
        let class = at % n_classes;
        let target = targets[row] as usize;
        let mut grad = 0.0f32;
        if !is_twin(logits, embeddings, row, class, target) {
            grad = (logits[at] - normalisers[row]).exp();
            if class == target {
                grad -= 1.0f32;
            }
        }
        grads[at] = grad * output_grad[row];
    }
}

/// Whether another class than the target has its embedding.
#[cube]
fn is_twin(logits: &Tensor<f32>, embeddings: &Tensor<f32>, row: usize, class: usize, target: usize) -> bool {
    let n_classes = logits.shape(2);
    let mut is_twin = false;
    if class != target && logits[row * n_classes + class] == logits[row * n_classes + target] {
        let n_features = embeddings.shape(1);
        let book = row / logits.shape(1) * n_classes;
        let mut n_equal = 0usize;
        for feature in 0..n_features {
            let of_class = embeddings[(book + class) * n_features + feature];
            let of_target = embeddings[(book + target) * n_features + feature];
            if of_class == of_target {
                n_equal += 1;
            }
        }
        is_twin = n_equal == n_features;
    }
    is_twin
}

//! Layer norm on a card, alone or as the end of a sublayer (`LN(α x + drop(y))`), forward and backward; formulas in [`crate::layer_norm`] and
//! [`crate::residual_norm`].
//!
//! A cube a row: the sum, its statistics and the normalised row are one pass over memory, where the composed form makes ten. Mean and rate
//! of every row are kept, beside the sum.

mod passes;

use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeCount, CubeDim};

use super::dropout::{mask_of, multiply_by_factors};
use super::operation::{CardOperation, apply};
use super::rows::{UNITS, a_cube_a_row};
use super::{primitive, tensor, unset, unset_like};
use crate::residual_norm::ResidualNorm;

/// [`crate::layer_norm`] of `x [B, T, D]`.
pub(crate) fn layer_norm(
    x: burn::Tensor<3>,
    gamma: burn::Tensor<1>,
    beta: burn::Tensor<1>,
    epsilon: f64,
) -> burn::Tensor<3> {
    apply(LayerNorm { epsilon: epsilon as f32 }, [x.into(), gamma.into(), beta.into()])
}

/// [`crate::residual_norm`] of `x` and `y`, both `[B, T, D]`.
pub(crate) fn residual_norm(
    [x, y]: [burn::Tensor<3>; 2],
    gamma: burn::Tensor<1>,
    beta: burn::Tensor<1>,
    settings: ResidualNorm,
) -> burn::Tensor<3> {
    apply(settings, [x.into(), y.into(), gamma.into(), beta.into()])
}

#[derive(Clone, Debug)]
struct LayerNorm {
    epsilon: f32,
}

/// What the backward pass reads.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// What was normalised, `[B, T, D]`.
    x: CubeTensor,
    /// Mean and reciprocal deviation of every row, `[B · T, 2]`.
    statistics: CubeTensor,
    /// `[D]`.
    gamma: CubeTensor,
}

impl CardOperation<3> for LayerNorm {
    type Kept = Kept;

    fn forward(&self, [x, gamma, beta]: [CubeTensor; 3]) -> (CubeTensor, Kept) {
        let (output, statistics) = unset_beside(&x, &gamma);
        let (cube_count, cube_dim) = a_cube_a_row(&x.client, n_rows(&statistics));
        passes::layer_norm_kernel::launch(
            &x.client,
            cube_count,
            cube_dim,
            x.clone().into_tensor_arg(),
            gamma.clone().into_tensor_arg(),
            beta.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            statistics.clone().into_tensor_arg(),
            self.epsilon,
        );
        (output, Kept { x, statistics, gamma })
    }

    fn backward(&self, kept: Kept, output_grad: CubeTensor, wanted: [bool; 3]) -> [Option<CubeTensor>; 3] {
        let [gamma_grad, beta_grad] = kept.of_parameters(&output_grad, [wanted[1], wanted[2]]);
        [wanted[0].then(|| kept.of_input(output_grad)), gamma_grad, beta_grad]
    }
}

impl CardOperation<4> for ResidualNorm {
    type Kept = Kept;

    fn forward(&self, [x, y, gamma, beta]: [CubeTensor; 4]) -> (CubeTensor, Kept) {
        let sum = unset_like(&x);
        let (output, statistics) = unset_beside(&x, &gamma);
        let client = x.client.clone();
        let (cube_count, cube_dim) = a_cube_a_row(&client, n_rows(&statistics));
        passes::residual_norm_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            x.into_tensor_arg(),
            y.into_tensor_arg(),
            gamma.clone().into_tensor_arg(),
            beta.into_tensor_arg(),
            sum.clone().into_tensor_arg(),
            output.clone().into_tensor_arg(),
            statistics.clone().into_tensor_arg(),
            self.epsilon as f32,
            self.alpha as f32,
            mask_of(self.dropout),
            self.dropout.is_some(),
        );
        (output, Kept { x: sum, statistics, gamma })
    }

    fn backward(&self, kept: Kept, output_grad: CubeTensor, wanted: [bool; 4]) -> [Option<CubeTensor>; 4] {
        let [gamma_grad, beta_grad] = kept.of_parameters(&output_grad, [wanted[2], wanted[3]]);
        if !wanted[0] && !wanted[1] {
            return [None, None, gamma_grad, beta_grad];
        }
        let sum_grad = kept.of_input(output_grad);
        let y_grad = wanted[1].then(|| match &self.dropout {
            Some(key) => multiply_by_factors(key, sum_grad.clone()),
            None => sum_grad.clone(),
        });
        #[allow(clippy::float_cmp, reason = "a factor of exactly 1 saves a pass")]
        let x_grad = wanted[0].then(|| {
            if self.alpha == 1.0 { sum_grad } else { primitive(tensor::<3>(sum_grad) * self.alpha) }
        });
        [x_grad, y_grad, gamma_grad, beta_grad]
    }
}

/// Memory for the normalised rows of `x`, and for what is kept of them.
fn unset_beside(x: &CubeTensor, gamma: &CubeTensor) -> (CubeTensor, CubeTensor) {
    let n_rows = x.meta.num_elements() / gamma.meta.num_elements();
    (unset_like(x), unset(x, [n_rows, 2].into()))
}

fn n_rows(statistics: &CubeTensor) -> usize {
    statistics.meta.num_elements() / 2
}

/// Rows that a unit adds up for the gradients of scale and shift.
const BLOCK_ROWS: usize = 64;

impl Kept {
    /// Of what was normalised.
    fn of_input(&self, output_grad: CubeTensor) -> CubeTensor {
        let grads = unset_like(&self.x);
        let client = self.x.client.clone();
        let (cube_count, cube_dim) = a_cube_a_row(&client, n_rows(&self.statistics));
        passes::layer_norm_backward_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            self.x.clone().into_tensor_arg(),
            self.statistics.clone().into_tensor_arg(),
            self.gamma.clone().into_tensor_arg(),
            output_grad.into_tensor_arg(),
            grads.clone().into_tensor_arg(),
        );
        grads
    }

    /// Of scale and shift, where `wanted`.
    fn of_parameters(&self, output_grad: &CubeTensor, wanted: [bool; 2]) -> [Option<CubeTensor>; 2] {
        if wanted == [false; 2] {
            return [None, None];
        }
        let width = self.gamma.meta.num_elements();
        let n_blocks = n_rows(&self.statistics).div_ceil(BLOCK_ROWS);
        let partial = unset(&self.x, [n_blocks, 2, width].into());
        let client = self.x.client.clone();
        let cube_dim = CubeDim::new_1d(UNITS);
        let cube_count = CubeCount::Static(width.div_ceil(UNITS as usize) as u32, n_blocks as u32, 1);
        passes::parameter_gradients_kernel::launch(
            &client,
            cube_count,
            cube_dim,
            self.x.clone().into_tensor_arg(),
            self.statistics.clone().into_tensor_arg(),
            output_grad.clone().into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            BLOCK_ROWS,
        );
        let sums = tensor::<3>(partial).sum_dim(0);
        [0, 1].map(|which| {
            wanted[which].then(|| {
                let sums: burn::Tensor<3> = sums.clone().narrow(1, which, 1);
                primitive(sums.reshape([width]))
            })
        })
    }
}

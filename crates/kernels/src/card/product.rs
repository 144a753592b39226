//! Products under a half precision on a card: operands are rounded, sums and what is not to be rounded again are float32. The engine's own product has
//! results of its operands' type, in which a gradient of weights, a sum over thousands of frames, overflows.

use burn::backend::Cube;
use burn::tensor::DType;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::tensor::CubeTensor;
use simd::Precision;

use super::operation::{CardOperation, apply};
use super::{primitive, tensor};
use crate::precision::{operand, result};

/// `left · right` in float32, whatever type they have.
pub(super) fn product<const D: usize>(left: burn::Tensor<D>, right: burn::Tensor<D>) -> burn::Tensor<D> {
    let [left, right] = [left, right]
        .map(|x| x.try_into_primitive::<Cube>().expect("the caller checked that it is on a card"));
    let product = matmul(left, right, None, MatmulStrategy::default(), DType::F32);
    tensor(product.expect("the caller asked whether the card computes in this type"))
}

/// A linear map without GELU, as [`crate::linear`] has it.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub(crate) precision: Precision,
}

impl Linear {
    /// Maps `x [B, T, I]` with `weight [O, I]` and `bias [O]`.
    pub(crate) fn run(
        self,
        x: burn::Tensor<3>,
        weight: burn::Tensor<2>,
        bias: burn::Tensor<1>,
    ) -> burn::Tensor<3> {
        apply(self, [x.into(), weight.into(), bias.into()])
    }

    /// All rows `[B · T, ·]` of a tensor, rounded.
    fn rows(&self, x: CubeTensor) -> burn::Tensor<2> {
        let [n_clips, n_frames, width] = x.meta.shape().dims();
        operand(tensor::<3>(x).reshape([n_clips * n_frames, width]), self.precision)
    }
}

impl CardOperation<3> for Linear {
    type Kept = [CubeTensor; 2];

    fn forward(&self, [x, weight, bias]: [CubeTensor; 3]) -> (CubeTensor, [CubeTensor; 2]) {
        let [n_clips, n_frames, _] = x.meta.shape().dims();
        let [n_outputs, _] = weight.meta.shape().dims();
        let taken = operand(tensor::<2>(weight.clone()), self.precision).transpose();
        let bias = operand(tensor::<1>(bias), self.precision).unsqueeze();
        let y = result(self.rows(x.clone()).matmul(taken) + bias, self.precision);
        (primitive(y.reshape([n_clips, n_frames, n_outputs])), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: [CubeTensor; 2],
        output_grad: CubeTensor,
        wanted: [bool; 3],
    ) -> [Option<CubeTensor>; 3] {
        let [n_clips, n_frames, n_inputs] = x.meta.shape().dims();
        let [n_outputs, _] = weight.meta.shape().dims();
        let bias_grad = wanted[2].then(|| {
            let rows = tensor::<3>(output_grad.clone()).reshape([n_clips * n_frames, n_outputs]);
            primitive(rows.sum_dim(0).reshape([n_outputs]))
        });
        let grads = self.rows(output_grad);
        let x_grad = wanted[0].then(|| {
            let weight = operand(tensor::<2>(weight), self.precision);
            let grads = result(grads.clone().matmul(weight), self.precision);
            primitive(grads.reshape([n_clips, n_frames, n_inputs]))
        });
        let weight_grad = wanted[1].then(|| primitive(product(grads.transpose(), self.rows(x))));
        [x_grad, weight_grad, bias_grad]
    }
}

/// `frames [K, N, F] · classesᵀ [K, F, V]`, not rounded, nor are its gradients.
pub(crate) fn similarities(
    frames: burn::Tensor<3>,
    classes: burn::Tensor<3>,
    precision: Precision,
) -> burn::Tensor<3> {
    apply(Similarities { precision }, [frames.into(), classes.into()])
}

#[derive(Clone, Debug)]
struct Similarities {
    precision: Precision,
}

impl CardOperation<2> for Similarities {
    type Kept = [CubeTensor; 2];

    fn forward(&self, [frames, classes]: [CubeTensor; 2]) -> (CubeTensor, [CubeTensor; 2]) {
        let [left, right] = [&frames, &classes].map(|x| operand(tensor::<3>(x.clone()), self.precision));
        (primitive(product(left, right.transpose())), [frames, classes])
    }

    fn backward(
        &self,
        [frames, classes]: [CubeTensor; 2],
        output_grad: CubeTensor,
        wanted: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let [grads, frames, classes] =
            [output_grad, frames, classes].map(|x| operand(tensor::<3>(x), self.precision));
        [
            wanted[0].then(|| primitive(product(grads.clone(), classes))),
            wanted[1].then(|| primitive(product(grads.transpose(), frames))),
        ]
    }
}

//! How an operation with kernels of our own on a card becomes part of the engine's graph, as [`crate::operation`] is for the processor.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Cube};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use crate::operation::Input;

/// An operation of `N` tensors on a card. The value holds its settings; tensors lie in C order.
pub(super) trait CardOperation<const N: usize>: Clone + Debug + Send + 'static {
    /// What the backward pass wants to see again.
    type Kept: Clone + Debug + Send;

    /// Computes the output.
    fn forward(&self, inputs: [CubeTensor; N]) -> (CubeTensor, Self::Kept);

    /// Gradients with respect to the inputs that are `wanted`, given the one with respect to the output.
    fn backward(
        &self,
        kept: Self::Kept,
        output_grad: CubeTensor,
        wanted: [bool; N],
    ) -> [Option<CubeTensor>; N];
}

/// Runs `operation` on tensors on a card, with or without a gradient tape.
pub(super) fn apply<const N: usize, const D: usize>(
    operation: impl CardOperation<N>,
    inputs: [Input; N],
) -> burn::Tensor<D> {
    if !inputs.iter().any(|input| input.autodiff) {
        let inputs = inputs.map(|input| into_contiguous(untracked(input)));
        return burn::Tensor::from_primitive::<Cube>(operation.forward(inputs).0);
    }
    let inputs = inputs.map(tracked);
    let nodes = inputs.each_ref().map(Tracked::node);
    let (output, kept) = operation.forward(inputs.map(|input| into_contiguous(input.into_primitive())));
    let output = match Step(operation).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(kept, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    burn::Tensor::from_primitive::<Autodiff<Cube>>(output)
}

type Tracked = FloatTensor<Autodiff<Cube>>;

const ON_CARD: &str = "the caller checked that it is on a card";

/// The rank of a bridge tensor is only a type; any `D` opens it.
fn tracked(input: Input) -> Tracked {
    let tensor = burn::Tensor::<1>::from_bridge(input.bridge);
    let tensor = if input.autodiff { tensor } else { tensor.autodiff() };
    tensor.try_into_primitive::<Autodiff<Cube>>().expect(ON_CARD)
}

fn untracked(input: Input) -> CubeTensor {
    burn::Tensor::<1>::from_bridge(input.bridge).try_into_primitive::<Cube>().expect(ON_CARD)
}

#[derive(Clone, Debug)]
struct Step<O>(O);

impl<const N: usize, O: CardOperation<N>> Backward<Cube, N> for Step<O> {
    type State = O::Kept;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let output_grad = into_contiguous(grads.consume::<Cube>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let input_grads = self.0.backward(ops.state, output_grad, wanted);
        for (parent, grad) in ops.parents.into_iter().zip(input_grads) {
            if let Some(parent) = parent {
                grads.register::<Cube>(parent.id, grad.expect("a wanted gradient is always made"));
            }
        }
    }
}

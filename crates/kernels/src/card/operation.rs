//! How a kernel with a backward pass of its own becomes part of the engine's graph; the card's counterpart of `operation::apply`.

use std::fmt::Debug;

use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Cube};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

/// An operation of one tensor on a card. The value holds its settings; tensors lie in C order.
pub(super) trait CardOperation: Clone + Debug + Send + 'static {
    /// What the backward pass wants to see again.
    type Kept: Clone + Debug + Send;

    /// Computes the output.
    fn forward(&self, x: CubeTensor) -> (CubeTensor, Self::Kept);

    /// The gradient with respect to the input, given the one with respect to the output.
    fn backward(&self, kept: Self::Kept, output_grad: CubeTensor) -> CubeTensor;
}

/// Runs `operation` on a tensor on a card, with or without a gradient tape.
pub(super) fn apply<const D: usize, const E: usize>(
    operation: impl CardOperation,
    x: Tensor<D>,
) -> Tensor<E> {
    const ON_CARD: &str = "the caller checked that it is on a card";
    if !x.is_autodiff() {
        let x = into_contiguous(x.try_into_primitive::<Cube>().expect(ON_CARD));
        return Tensor::from_primitive::<Cube>(operation.forward(x).0);
    }
    let x = x.try_into_primitive::<Autodiff<Cube>>().expect(ON_CARD);
    let node = x.node();
    let x = into_contiguous(x.into_primitive());
    let (output, kept) = operation.forward(x);
    let step = Step(operation).prepare::<NoCheckpointing>([node]).compute_bound().stateful();
    let output = match step {
        OpsKind::Tracked(step) => step.finish(kept, output),
        OpsKind::UnTracked(step) => step.finish(output),
    };
    Tensor::from_primitive::<Autodiff<Cube>>(output)
}

#[derive(Clone, Debug)]
struct Step<O>(O);

impl<O: CardOperation> Backward<Cube, 1> for Step<O> {
    type State = O::Kept;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let output_grad = into_contiguous(grads.consume::<Cube>(&ops.node));
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            grads.register::<Cube>(parent.id, self.0.backward(ops.state, output_grad));
        }
    }
}

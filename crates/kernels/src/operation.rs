//! How a hand-written operation becomes part of the engine's graph.
//!
//! An operation is a value that knows its forward and backward pass on contiguous float32 slices; [`apply`] runs it on the CPU backend,
//! with or without a gradient tape, and says no (returns the inputs) for tensors on any other device.

use std::sync::Arc;

use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::TensorData;
use burn_flex::FlexTensor;

use crate::device::is_processor;
use crate::memory;

/// A contiguous float32 array: what CPU operations read and make.
#[derive(Clone, Debug)]
pub struct Array {
    tensor: FlexTensor,
    shape: Vec<usize>,
}

impl Array {
    fn from_flex(tensor: FlexTensor) -> Self {
        let tensor = if tensor.is_contiguous() && tensor.layout().start_offset() == 0 {
            tensor
        } else {
            tensor.to_contiguous()
        };
        let shape = tensor.shape().to_vec();
        Self { tensor, shape }
    }

    /// Wraps `values` of `shape`.
    pub fn new(values: Vec<f32>, shape: &[usize]) -> Self {
        debug_assert_eq!(values.len(), shape.iter().product::<usize>());
        Self { tensor: FlexTensor::from_data(TensorData::new(values, shape.to_vec())), shape: shape.to_vec() }
    }

    /// Gives the memory back, unless somebody else holds it.
    fn recycle(self, most: usize) {
        let n = self.shape.iter().product::<usize>();
        let storage = self.tensor.data_arc();
        // One handle is the array's, one was just made.
        if Arc::strong_count(&storage) == 2 && storage.len() == n * size_of::<f32>() {
            drop(storage);
            if let Ok(values) = self.tensor.into_data().try_into_vec::<f32>() {
                memory::give_back(values, most);
            }
        }
    }

    /// The array of a tensor on the CPU, without a copy where its elements lie in C order.
    ///
    /// # Panics
    /// When the tensor lives elsewhere or is not float32: callers ask [`on_cpu`] first.
    pub fn from_tensor<const D: usize>(tensor: Tensor<D>) -> Self {
        let tensor = if tensor.is_autodiff() { tensor.inner() } else { tensor };
        Self::from_flex(untracked(tensor.into()))
    }

    /// The same elements as a tensor without a gradient tape; nothing is copied.
    pub fn tensor<const D: usize>(&self) -> Tensor<D> {
        Tensor::from_primitive::<Flex>(self.tensor.clone())
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Sizes of the axes of an array known to have `D` of them.
    pub fn dims<const D: usize>(&self) -> [usize; D] {
        self.shape.as_slice().try_into().expect("operations check the ranks of their inputs by type")
    }

    /// All elements in C order.
    pub fn values(&self) -> &[f32] {
        &self.tensor.storage::<f32>()[..self.shape.iter().product()]
    }
}

/// An operation of `N` inputs with a hand-written backward pass. The value holds its settings.
pub trait CpuOperation<const N: usize>: Clone + Send + std::fmt::Debug + 'static {
    /// Which inputs the backward pass reads beyond their shape; the memory of the others is not held for it.
    const READS: [bool; N] = [true; N];

    /// Computes the output.
    fn forward(&self, inputs: &[Array; N]) -> Array;

    /// Gradients with respect to the inputs that are `wanted`, given the gradient with respect to the output.
    fn backward(&self, inputs: &[Array; N], output_grad: &Array, wanted: [bool; N]) -> [Option<Array>; N];

    /// The output, and what the backward pass wants to see again besides the inputs.
    fn forward_kept(&self, inputs: &[Array; N]) -> (Array, Vec<Array>) {
        (self.forward(inputs), Vec::new())
    }

    /// The backward pass, given what [`CpuOperation::forward_kept`] kept.
    fn backward_kept(
        &self,
        inputs: &[Array; N],
        _kept: &[Array],
        output_grad: &Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N] {
        self.backward(inputs, output_grad, wanted)
    }
}

/// An input of any rank, taken out of the engine's typed tensors.
pub struct Input {
    pub(crate) bridge: burn::tensor::kind::BridgeTensor,
    pub(crate) autodiff: bool,
}

impl<const D: usize> From<Tensor<D>> for Input {
    fn from(tensor: Tensor<D>) -> Self {
        let autodiff = tensor.is_autodiff();
        Self { bridge: tensor.into_bridge(), autodiff }
    }
}

/// Whether `tensor` lives on the CPU backend, where the hand-written operations run.
pub fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> bool {
    is_processor(&tensor.device()) && tensor.dtype() == burn::tensor::DType::F32
}

/// Runs `operation` on tensors of the CPU backend.
///
/// # Panics
/// When an input lives elsewhere or is not float32: callers ask [`on_cpu`] first.
pub fn apply<const N: usize, const D: usize, O: CpuOperation<N>>(
    operation: O,
    inputs: [Input; N],
) -> Tensor<D> {
    if inputs.iter().any(|input| input.autodiff) {
        let inputs = inputs.map(tracked);
        let nodes = inputs.each_ref().map(Tracked::node);
        let arrays = inputs.map(|input| Array::from_flex(input.into_primitive()));
        let output = match (Step { operation: operation.clone() })
            .prepare::<Strategy>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(step) => {
                let (output, kept) = operation.forward_kept(&arrays);
                let mut arrays = arrays;
                for (array, reads) in arrays.iter_mut().zip(O::READS) {
                    if !reads {
                        let nothing = FlexTensor::from_data(TensorData::new(Vec::<f32>::new(), [0]));
                        let tensor = std::mem::replace(&mut array.tensor, nothing);
                        Array { tensor, shape: array.shape.clone() }.recycle(memory::MANY);
                    }
                }
                step.finish((arrays, kept), output.tensor)
            }
            OpsKind::UnTracked(step) => step.finish(operation.forward(&arrays).tensor),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    } else {
        let arrays = inputs.map(|input| Array::from_flex(untracked(input)));
        let output = operation.forward(&arrays).tensor;
        for array in arrays {
            array.recycle(memory::FEW);
        }
        Tensor::from_primitive::<Flex>(output)
    }
}

type Strategy = burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
type Tracked = FloatTensor<Autodiff<Flex>>;

/// The rank of a bridge tensor is only a type; any `D` opens it.
fn tracked(input: Input) -> Tracked {
    let tensor = Tensor::<1>::from_bridge(input.bridge);
    let tensor = if input.autodiff { tensor } else { tensor.autodiff() };
    tensor.try_into_primitive::<Autodiff<Flex>>().expect("the caller checked that the tensor is on the CPU")
}

fn untracked(input: Input) -> FlexTensor {
    Tensor::<1>::from_bridge(input.bridge)
        .try_into_primitive::<Flex>()
        .expect("the caller checked that the tensor is on the CPU")
}

#[derive(Clone, Debug)]
struct Step<O> {
    operation: O,
}

impl<const N: usize, O: CpuOperation<N>> Backward<Flex, N> for Step<O> {
    type State = ([Array; N], Vec<Array>);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let output_grad = Array::from_flex(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let (inputs, kept) = ops.state;
        let input_grads = self.operation.backward_kept(&inputs, &kept, &output_grad, wanted);
        inputs.into_iter().chain(kept).chain([output_grad]).for_each(|array| array.recycle(memory::MANY));
        for (parent, grad) in ops.parents.into_iter().zip(input_grads) {
            if let Some(parent) = parent {
                let grad = grad.expect("a wanted gradient is always made");
                grads.register::<Flex>(parent.id, grad.tensor);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod check {
    //! What every operation is tested with: finite differences, and a composition of the engine's operations.

    use draws::Draws;

    use super::{Array, CpuOperation, Tensor};

    /// Calls `check` with every precision and a tolerance for sums of a few hundred terms of size one, compared with float32 sums of
    /// [`rounded`] operands: there the gradient of the output is not rounded, nor are intermediate results.
    pub(crate) fn each_precision(check: impl Fn(simd::Precision, f32)) {
        use simd::Precision;
        for (precision, tolerance) in [
            (Precision::Float32, 1e-5),
            (Precision::Split, 1e-5),
            (Precision::Bfloat16, 0.1),
            (Precision::Float16, 0.0125),
        ] {
            check(precision, tolerance);
        }
    }

    /// The array with values that `precision` has.
    pub(crate) fn rounded(array: &Array, precision: simd::Precision) -> Array {
        let mut values = array.values().to_vec();
        precision.round_all(&mut values);
        Array::new(values, array.shape())
    }

    /// Normal values of `shape`, another set for another `seed`.
    pub(crate) fn random(shape: &[usize], seed: u64) -> Array {
        let mut draws = Draws::new(seed, "test", &[]);
        Array::new((0..shape.iter().product()).map(|_| draws.normal() as f32).collect(), shape)
    }

    /// Compares the backward pass with central differences of `Σ output · weight`, random weights.
    #[track_caller]
    pub(crate) fn differentiate<const N: usize>(operation: &impl CpuOperation<N>, inputs: [Array; N]) {
        const STEP: f32 = 1e-2;
        let output = operation.forward(&inputs);
        let weights = random(output.shape(), 99);
        let objective = |inputs: &[Array; N]| -> f64 {
            let output = operation.forward(inputs);
            output.values().iter().zip(weights.values()).map(|(&y, &w)| f64::from(y) * f64::from(w)).sum()
        };
        let grads = operation.backward(&inputs, &weights, [true; N]);
        for (which, grad) in grads.iter().enumerate() {
            let grad = grad.as_ref().expect("all gradients are wanted");
            assert_eq!(grad.shape(), inputs[which].shape());
            for element in 0..grad.values().len() {
                let moved = |by: f32| {
                    let mut inputs = inputs.clone();
                    let mut values = inputs[which].values().to_vec();
                    values[element] += by;
                    inputs[which] = Array::new(values, inputs[which].shape());
                    objective(&inputs)
                };
                let slope = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
                let ours = f64::from(grad.values()[element]);
                let error = (slope - ours).abs();
                assert!(
                    error < 2e-2 * slope.abs().max(1.0),
                    "input {which}, element {element}: {ours} against {slope}"
                );
            }
        }
    }

    /// Compares output and gradients of two forms of the same function.
    #[track_caller]
    pub(crate) fn compare<const N: usize, const D: usize, const E: usize>(
        inputs: [Array; N],
        ours: impl Fn([Tensor<D>; N]) -> Tensor<E>,
        theirs: impl Fn([Tensor<D>; N]) -> Tensor<E>,
        tolerance: f32,
    ) {
        let run = |function: &dyn Fn([Tensor<D>; N]) -> Tensor<E>| {
            let inputs = inputs.each_ref().map(|array| array.tensor::<D>().autodiff().require_grad());
            let output = function(inputs.clone());
            let weights = random(&output.dims(), 98).tensor::<E>().autodiff();
            let grads = (output.clone() * weights).sum().backward();
            let mut all = vec![output.inner().into_data().try_into_vec::<f32>().unwrap()];
            all.extend(
                inputs
                    .iter()
                    .map(|input| input.grad(&grads).unwrap().into_data().try_into_vec::<f32>().unwrap()),
            );
            all
        };
        for (ours, theirs) in run(&ours).iter().zip(&run(&theirs)) {
            assert_eq!(ours.len(), theirs.len());
            for (a, b) in ours.iter().zip(theirs) {
                assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} against {b}");
            }
        }
    }
}

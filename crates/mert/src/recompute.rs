//! Layers whose activations are not kept: the backward pass runs each layer's forward pass once more (Chen et al. 2016, "sublinear memory").
//!
//! Of a layer only its input stays, `4·B·T·D` bytes, instead of some twenty arrays of that size or more. It costs one more forward pass of
//! the layers and changes no bit: dropout is drawn by key, and the numbers of a layer are the same whenever it is computed.
//! On the CPU only; elsewhere layers keep what they keep.

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use kernels::Precision;
use kernels::operation::{Array, CpuOperation, Input, apply, on_cpu};

use crate::StepDraws;
use crate::encoder::silent;
use crate::transformer::{Layer, LayerContext};

/// Parameters of a layer: four projections of the attention, two norms, two maps, each a weight and a bias.
const N_PARAMETERS: usize = 16;

/// The input and the parameters.
const N_INPUTS: usize = 1 + N_PARAMETERS;

/// A layer and what it is told, with parameters to be put in.
#[derive(Clone, Debug)]
struct RecomputedLayer {
    /// Without gradients; its parameters' values are not read.
    template: Layer,
    index: usize,
    n_valid: Option<Vec<usize>>,
    draws: Option<StepDraws>,
    precision: Precision,
}

/// `layer` applied to `x [B, T, D]`, keeping nothing but `x`. The activations inside are not observed.
pub(crate) fn recomputed(layer: &Layer, x: Tensor<3>, context: &LayerContext<'_>) -> Tensor<3> {
    if !(on_cpu(&x) && x.is_autodiff()) {
        return layer.forward(x, context, &mut silent);
    }
    let mut inputs = Collect(vec![x.into()]);
    layer.visit(&mut inputs);
    let operation = RecomputedLayer {
        template: layer.clone(),
        index: context.index,
        n_valid: context.n_valid.map(<[usize]>::to_vec),
        draws: context.draws.copied(),
        precision: context.precision,
    };
    let inputs: [Input; N_INPUTS] =
        inputs.0.try_into().unwrap_or_else(|_| unreachable!("a layer has {N_PARAMETERS} parameters"));
    apply(operation, inputs)
}

impl RecomputedLayer {
    /// The layer's output for these tensors: the input, then the parameters in the order of [`Collect`].
    fn run(&self, x: Tensor<3>, layer: &Layer) -> Tensor<3> {
        let context = LayerContext {
            index: self.index,
            n_valid: self.n_valid.as_deref(),
            draws: self.draws.as_ref(),
            precision: self.precision,
        };
        layer.forward(x, &context, &mut silent)
    }

    /// The layer with the parameters of `arrays`; those `wanted` get gradients.
    fn filled(&self, arrays: &[Array], wanted: Option<&[bool]>) -> Layer {
        self.template.clone().map(&mut Fill { arrays, wanted, at: 0 })
    }
}

impl CpuOperation<N_INPUTS> for RecomputedLayer {
    fn forward(&self, inputs: &[Array; N_INPUTS]) -> Array {
        let layer = self.filled(&inputs[1..], None);
        Array::from_tensor(self.run(inputs[0].tensor(), &layer))
    }

    fn backward(
        &self,
        inputs: &[Array; N_INPUTS],
        output_grad: &Array,
        wanted: [bool; N_INPUTS],
    ) -> [Option<Array>; N_INPUTS] {
        let x = inputs[0].tensor::<3>().autodiff();
        let x = if wanted[0] { x.require_grad() } else { x };
        let layer = self.filled(&inputs[1..], Some(&wanted[1..]));
        let output = self.run(x.clone(), &layer);
        // The gradient of Σ y·g with respect to y is g.
        let tape = (output * output_grad.tensor::<3>().autodiff()).sum().backward();
        let mut gradients = Gradients { tape: &tape, found: Vec::with_capacity(N_INPUTS) };
        gradients.found.push(wanted[0].then(|| x.grad(&tape).map(Array::from_tensor)).flatten());
        layer.visit(&mut gradients);
        gradients.found.try_into().unwrap_or_else(|_| unreachable!("a layer has {N_PARAMETERS} parameters"))
    }
}

/// Takes the parameters in order.
struct Collect(Vec<Input>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into());
    }
}

/// Puts arrays in the place of the parameters, in the same order.
struct Fill<'a> {
    arrays: &'a [Array],
    /// Which get gradients; `None`: no tape at all.
    wanted: Option<&'a [bool]>,
    at: usize,
}

impl ModuleMapper for Fill<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let tensor = self.arrays[self.at].tensor::<D>();
        let tensor = match self.wanted.map(|wanted| wanted[self.at]) {
            None => tensor,
            Some(true) => tensor.autodiff().require_grad(),
            Some(false) => tensor.autodiff(),
        };
        self.at += 1;
        param.map(|_| tensor)
    }
}

/// Takes the gradients of the parameters in the same order.
struct Gradients<'a> {
    tape: &'a burn::tensor::Gradients,
    found: Vec<Option<Array>>,
}

impl ModuleVisitor for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let gradient = if tensor.is_require_grad() { tensor.grad(self.tape) } else { None };
        self.found.push(gradient.map(Array::from_tensor));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use draws::Draws;

    use crate::{EncoderConfig, Mert, Regularisation, StepDraws, parameters, silent};

    fn small(pre_norm: bool) -> EncoderConfig {
        EncoderConfig {
            hidden_size: 16,
            num_hidden_layers: 3,
            num_attention_heads: 2,
            intermediate_size: 24,
            conv_dim: vec![8; 2],
            conv_stride: vec![5, 4],
            conv_kernel: vec![10, 4],
            num_conv_pos_embeddings: 4,
            num_conv_pos_embedding_groups: 2,
            do_stable_layer_norm: pre_norm,
            ..EncoderConfig::v1_95m()
        }
    }

    /// Output and gradients of a pass with dropout over two clips, one of them padded.
    fn pass(config: &EncoderConfig, recomputes: bool, frozen: &str) -> Vec<Option<Vec<f32>>> {
        let model = Mert::from_scratch(config, None, 3, &Device::flex().autodiff()).unwrap();
        let model = parameters::set_trainable(model, &|name| !name.starts_with(frozen));
        let model = model.with_recomputation(recomputes);
        let mut draws = Draws::new(5, "recompute", &[]);
        let mut random = |shape: [usize; 3]| {
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| draws.normal() as f32).collect();
            burn::Tensor::<3>::from_data(TensorData::new(values, shape), &Device::flex()).autodiff()
        };
        let (x, weights) = (random([2, 11, 16]).require_grad(), random([2, 11, 16]));
        let regularisation =
            Regularisation { hidden: 0.1, attention: 0.2, activation: 0.1, input: 0.1, layer: 0.0 };
        let step = StepDraws { seed: 1, position: [0, 2, 0], regularisation };
        let output = model.encoder.contextualise(x.clone(), Some(&[11, 7]), Some(&step), &mut silent);
        let tape = (output.clone() * weights).sum().backward();
        let host = |tensor: burn::Tensor<3>| Some(tensor.into_data().try_into_vec::<f32>().unwrap());
        let mut found = vec![host(output.inner()), x.grad(&tape).and_then(host)];
        parameters::gradients(&model, tape, &mut |_, gradient| found.push(gradient.map(parameters::host)));
        found
    }

    #[test]
    fn recomputed_layers_give_the_same_bits() {
        for pre_norm in [false, true] {
            for frozen in ["nothing", "encoder.layers.1", "encoder.layers.2.attention.k_proj"] {
                let config = small(pre_norm);
                let (kept, again) = (pass(&config, false, frozen), pass(&config, true, frozen));
                assert!(kept.iter().filter(|gradient| gradient.is_some()).count() > 20);
                assert_eq!(kept, again, "pre-norm {pre_norm}, frozen {frozen}");
            }
        }
    }
}

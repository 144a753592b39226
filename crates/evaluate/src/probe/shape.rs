//! The parameters of a probe: which there are, how large, and how they start.
//!
//! All parameters lie in one flat list, in the order of [`Shape::tensors`]; weights are `[out, in]`, so `y = x Wᵀ + b`.
//! Start as torch: uniform ±1/√fan_in for weights and biases, the softmax weights of the layers standard normal (MARBLE v1).

use std::ops::Range;

use draws::Draws;
use serde::{Deserialize, Serialize};

use crate::EvaluateError;

/// The largest number of parameters a probe may have: far above any real one, far below what exhausts a machine.
const MAX_PARAMETERS: usize = 1 << 30;

/// How the encoder's layers become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// `Σ softmax(w)_l h_l` (MARBLE v1, the protocol of the published results).
    #[default]
    Softmax,
    /// `b + Σ w_l h_l`: a convolution over the layers with one output (MARBLE v1 without normalisation).
    Conv,
    /// A linear map of all layers side by side, layer-major, to one width (MARBLE 2025).
    Concat,
    /// One layer as it is.
    Single,
}

/// Sizes of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How layers are combined.
    pub mix: Mix,
    /// Layers combined, L.
    pub layers: usize,
    /// Width of a layer, D.
    pub width: usize,
    /// Width of the hidden layer, h.
    pub hidden: usize,
    /// Tags or classes, n.
    pub outputs: usize,
}

/// One named tensor in the flat list of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorPlace {
    /// Its name.
    pub name: &'static str,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
    /// Where it lies.
    pub range: Range<usize>,
    fan_in: usize,
}

impl Shape {
    /// Fails when a size is 0, too large, or several layers meet a mix of one.
    pub fn check(&self) -> Result<(), EvaluateError> {
        let refuse = |name, value: usize, requirement: &str| {
            Err(EvaluateError::Setting {
                name,
                value: value.to_string(),
                requirement: requirement.to_owned(),
            })
        };
        for (name, value) in [
            ("layers", self.layers),
            ("width", self.width),
            ("hidden", self.hidden),
            ("outputs", self.outputs),
        ] {
            if value == 0 || value > MAX_PARAMETERS {
                return refuse(name, value, "at least 1 and not beyond reason");
            }
        }
        if self.mix == Mix::Single && self.layers != 1 {
            return refuse("layers", self.layers, "1, because the mix is `single`");
        }
        let reduced = if self.mix == Mix::Concat { self.width.saturating_mul(self.width) } else { 1 };
        let sum = reduced
            .saturating_mul(self.layers)
            .saturating_add(self.hidden.saturating_mul(self.width))
            .saturating_add(self.outputs.saturating_mul(self.hidden));
        if sum > MAX_PARAMETERS { refuse("parameters", sum, "at most 2^30") } else { Ok(()) }
    }

    /// All tensors in their order.
    pub fn tensors(&self) -> Vec<TensorPlace> {
        let Self { mix, layers, width, hidden, outputs } = *self;
        let combining: &[(&'static str, &[usize], usize)] = match mix {
            Mix::Softmax => &[("aggregator", &[layers], layers)],
            Mix::Conv => &[("conv_weight", &[1, layers], layers), ("conv_bias", &[1], layers)],
            Mix::Concat => &[
                ("reduce_weight", &[width, layers * width], layers * width),
                ("reduce_bias", &[width], layers * width),
            ],
            Mix::Single => &[],
        };
        let head: [(&'static str, &[usize], usize); 4] = [
            ("hidden_weight", &[hidden, width], width),
            ("hidden_bias", &[hidden], width),
            ("output_weight", &[outputs, hidden], hidden),
            ("output_bias", &[outputs], hidden),
        ];
        let mut start = 0;
        let place = |&(name, dims, fan_in): &(&'static str, &[usize], usize)| {
            let end = start + dims.iter().product::<usize>();
            let range = std::mem::replace(&mut start, end)..end;
            TensorPlace { name, dims: dims.to_vec(), range, fan_in }
        };
        combining.iter().chain(&head).map(place).collect()
    }

    /// Length of the flat list.
    pub fn n_parameters(&self) -> usize {
        self.tensors().last().map_or(0, |last| last.range.end)
    }

    /// Starting values: a function of the seed.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut parameters = Vec::with_capacity(self.n_parameters());
        for (number, tensor) in self.tensors().iter().enumerate() {
            let mut draws = Draws::new(seed, "evaluate/probe/start", &[number as u64]);
            let bound = 1.0 / (tensor.fan_in as f64).sqrt();
            parameters.extend(tensor.range.clone().map(|_| {
                let value =
                    if tensor.name == "aggregator" { draws.normal() } else { draws.between(-bound, bound) };
                value as f32
            }));
        }
        parameters
    }

    /// Where the tensor `name` lies.
    pub(super) fn range(&self, name: &str) -> Range<usize> {
        let found = self.tensors().into_iter().find(|tensor| tensor.name == name);
        found.map_or(0..0, |tensor| tensor.range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_fill_the_flat_list_without_gaps() {
        for mix in [Mix::Softmax, Mix::Conv, Mix::Concat, Mix::Single] {
            let layers = if mix == Mix::Single { 1 } else { 3 };
            let shape = Shape { mix, layers, width: 4, hidden: 5, outputs: 2 };
            shape.check().unwrap();
            let mut end = 0;
            for tensor in shape.tensors() {
                assert_eq!((tensor.range.start, tensor.range.len()), (end, tensor.dims.iter().product()));
                end = tensor.range.end;
            }
            assert_eq!(shape.initial(1).len(), end);
            assert_ne!(shape.initial(1), shape.initial(2));
        }
    }

    #[test]
    fn weights_start_within_torchs_bounds_and_fill_them() {
        let shape = Shape { mix: Mix::Single, layers: 1, width: 100, hidden: 50, outputs: 2 };
        let largest = shape.initial(3)[..5000].iter().fold(0.0f32, |a, b| a.max(b.abs()));
        assert!(largest <= 0.1 && largest > 0.0995, "{largest}");
    }

    #[test]
    fn absurd_sizes_are_refused_before_anything_is_allocated() {
        let shape = Shape { mix: Mix::Concat, layers: 13, width: 1 << 20, hidden: 4, outputs: 2 };
        assert!(shape.check().is_err());
        assert!(Shape { width: 0, ..shape }.check().is_err());
        assert!(Shape { mix: Mix::Single, width: 4, ..shape }.check().is_err());
    }
}

//! Weights and moments to and from checkpoints: slices on the host, wherever they are kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use super::{Moments, Trained};
use crate::PretrainError;
use crate::tensor_file::{NamedTensor, TensorRef};

/// What the optimiser's tensors are called, before the parameter's name.
const MOMENTS: [&str; 3] = ["first_moment", "second_moment", "step"];

/// What the optimiser remembers of one parameter, while it is lent.
struct NamedMoments<'a> {
    shape: &'a [usize],
    names: [String; 3],
    moments: [Cow<'a, [f32]>; 2],
    step: [f32; 1],
}

impl Trained {
    /// Lends weights and moments for a checkpoint: `call(weights, optimizer)`. Those on a card are copied to the host for it.
    pub(crate) fn lend<R>(&self, call: impl FnOnce(&[TensorRef<'_>], &[TensorRef<'_>]) -> R) -> R {
        let weights: Vec<Cow<'_, [f32]>> =
            self.weights.iter().map(|weight| weight.values.on_host()).collect();
        let lent: Vec<TensorRef<'_>> = self
            .weights
            .iter()
            .zip(&weights)
            .map(|(weight, data)| TensorRef { name: &weight.name, shape: &weight.shape, data })
            .collect();
        let named: Vec<NamedMoments<'_>> = self
            .weights
            .iter()
            .filter_map(|weight| {
                let moments = weight.moments.as_ref()?;
                let name = |kind: &str| format!("{kind}.{}", weight.name);
                Some(NamedMoments {
                    shape: &weight.shape,
                    names: MOMENTS.map(name),
                    moments: [moments.first.on_host(), moments.second.on_host()],
                    step: [moments.step as f32],
                })
            })
            .collect();
        let optimizer: Vec<TensorRef<'_>> = named
            .iter()
            .flat_map(|NamedMoments { shape, names: [first, second, step], moments, step: count }| {
                [
                    TensorRef { name: first, shape, data: &moments[0] },
                    TensorRef { name: second, shape, data: &moments[1] },
                    TensorRef { name: step, shape: &[1], data: count },
                ]
            })
            .collect();
        call(&lent, &optimizer)
    }

    /// Hash of weights and moments.
    pub(crate) fn hash(&self) -> String {
        self.lend(|weights, optimizer| {
            let mut hasher = files::Hasher::default();
            for tensor in weights.iter().chain(optimizer) {
                hasher.part(tensor.name);
                hasher.part(bytemuck::cast_slice::<f32, u8>(tensor.data));
            }
            hasher.finish().to_string()
        })
    }

    /// Takes weights and moments from a checkpoint; every weight has to be there in its shape.
    pub(crate) fn restore(
        &mut self,
        weights: Vec<NamedTensor>,
        optimizer: Vec<NamedTensor>,
        path: &Path,
    ) -> Result<(), PretrainError> {
        let by_name = |tensors: Vec<NamedTensor>| -> HashMap<String, NamedTensor> {
            tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect()
        };
        let (mut weights, mut optimizer) = (by_name(weights), by_name(optimizer));
        for weight in &mut self.weights {
            let take = |from: &mut HashMap<String, NamedTensor>, name: &str, shape: &[usize]| {
                let found = from.remove(name).filter(|tensor| tensor.shape == shape);
                found.map(|tensor| tensor.data).ok_or_else(|| {
                    PretrainError::damaged(
                        path,
                        format!("`{name}` is missing or has another shape than {shape:?}"),
                    )
                })
            };
            weight.values = self.home.put(take(&mut weights, &weight.name, &weight.shape)?);
            let [first, second, step] = MOMENTS.map(|kind| format!("{kind}.{}", weight.name));
            weight.moments = if optimizer.contains_key(&step) {
                Some(Moments {
                    first: self.home.put(take(&mut optimizer, &first, &weight.shape)?),
                    second: self.home.put(take(&mut optimizer, &second, &weight.shape)?),
                    step: take(&mut optimizer, &step, &[1])?[0] as u64,
                })
            } else {
                None
            };
        }
        Ok(())
    }
}

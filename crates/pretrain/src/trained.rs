//! The weights a run changes, on the host in float32, with the optimiser's moments; the model on the device is a copy of them.

use mert::{Mert, parameters};

use crate::tensor_file::{NamedTensor, TensorRef};
use crate::{Adam, GradientSum, OptimizerState, Parameter, PretrainError, TrainableReport, trainable};

/// One parameter of the model.
struct Weight {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
    trains: bool,
    moments: Option<Moments>,
}

/// What Adam remembers of a parameter. fairseq counts steps by parameter: one without a gradient is not touched.
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
    step: u64,
}

/// All parameters of a model in training.
pub(crate) struct Trained {
    weights: Vec<Weight>,
}

impl Trained {
    pub(crate) fn of(model: &Mert) -> Self {
        let mut weights = Vec::new();
        parameters::export(model, &mut |name, shape, values| {
            weights.push(Weight {
                name: name.into(),
                shape: shape.to_vec(),
                values,
                trains: true,
                moments: None,
            });
        });
        Self { weights }
    }

    /// What a stage trains, in numbers.
    pub(crate) fn report(&self, stage: &crate::StagePlan) -> Result<TrainableReport, PretrainError> {
        self.choose(stage).map(|(_, report)| report)
    }

    /// Begins a stage: its parameters train, and the moments of the others are forgotten; all of them when `state` is fresh.
    pub(crate) fn begin_stage(
        &mut self,
        stage: &crate::StagePlan,
        state: OptimizerState,
    ) -> Result<TrainableReport, PretrainError> {
        let (chosen, report) = self.choose(stage)?;
        for (weight, trains) in self.weights.iter_mut().zip(chosen) {
            weight.trains = trains;
            if !trains || state == OptimizerState::Fresh {
                weight.moments = None;
            }
        }
        Ok(report)
    }

    fn choose(&self, stage: &crate::StagePlan) -> Result<(Vec<bool>, TrainableReport), PretrainError> {
        let names: Vec<&str> = self.weights.iter().map(|weight| weight.name.as_str()).collect();
        let sizes: Vec<usize> = self.weights.iter().map(|weight| weight.values.len()).collect();
        let chosen = trainable(&stage.name, &stage.trainable, &stage.frozen, &names)?;
        let report = TrainableReport::new(&stage.name, &names, &sizes, &chosen);
        Ok((chosen, report))
    }

    /// Sizes of the parameters that train, in the model's order.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.weights.iter().filter(|weight| weight.trains).map(|weight| weight.values.len()).collect()
    }

    /// The model with this stage's trainable parameters.
    pub(crate) fn freeze(&self, model: Mert) -> Mert {
        let trains: std::collections::HashMap<&str, bool> =
            self.weights.iter().map(|weight| (weight.name.as_str(), weight.trains)).collect();
        parameters::set_trainable(model, &|name| trains[name])
    }

    /// Adds the gradients of the parameters that train, of a loss over `frames` masked frames, and says which of them have one.
    pub(crate) fn add_gradients(
        &self,
        model: &Mert,
        tape: burn::tensor::Gradients,
        sum: &mut GradientSum,
        frames: usize,
    ) -> Vec<bool> {
        let mut weights = self.weights.iter();
        let mut present = Vec::new();
        sum.add(frames, |next| {
            parameters::gradients(model, tape, &mut |name, gradient| {
                let weight = weights.next().expect("the model's parameters come in one order");
                debug_assert_eq!(weight.name, name);
                if weight.trains {
                    present.push(gradient.is_some());
                    next(gradient.as_deref());
                }
            });
        });
        present
    }

    /// Takes a step with the summed gradients times `scale`; parameters that are not `present` stay as they are.
    pub(crate) fn step(&mut self, adam: &Adam, sum: &GradientSum, present: &[bool], rate: f64, scale: f64) {
        let sums = sum.sums();
        let training = self.weights.iter_mut().filter(|weight| weight.trains);
        // Parameters of one step count and as many axes have the same coefficients.
        let mut groups: std::collections::BTreeMap<(u64, usize), Vec<Parameter<'_>>> =
            std::collections::BTreeMap::new();
        for ((weight, &gradient), _) in training.zip(&sums).zip(present).filter(|(_, present)| **present) {
            let n = weight.values.len();
            let moments = weight.moments.get_or_insert_with(|| Moments {
                first: vec![0.0; n],
                second: vec![0.0; n],
                step: 0,
            });
            moments.step += 1;
            groups.entry((moments.step, weight.shape.len())).or_default().push(Parameter {
                value: &mut weight.values,
                gradient,
                first_moment: &mut moments.first,
                second_moment: &mut moments.second,
            });
        }
        for ((step, n_axes), mut parameters) in groups {
            adam.for_axes(n_axes).update(&mut parameters, rate, step, scale);
        }
    }

    /// Copies the parameters that train into the model.
    pub(crate) fn write_to(&self, model: Mert) -> Mert {
        let mut weights = self.weights.iter();
        parameters::replace(model, &mut |_, _| {
            let weight = weights.next().expect("the model's parameters come in one order");
            weight.trains.then(|| weight.values.clone())
        })
    }

    /// Most steps any parameter has taken.
    pub(crate) fn steps(&self) -> u64 {
        self.weights
            .iter()
            .filter_map(|weight| weight.moments.as_ref())
            .map(|moments| moments.step)
            .max()
            .unwrap_or(0)
    }

    /// Lends weights and moments for a checkpoint: `call(weights, optimizer)`.
    pub(crate) fn lend<R>(&self, call: impl FnOnce(&[TensorRef<'_>], &[TensorRef<'_>]) -> R) -> R {
        let lent: Vec<TensorRef<'_>> = self
            .weights
            .iter()
            .map(|weight| TensorRef { name: &weight.name, shape: &weight.shape, data: &weight.values })
            .collect();
        let named: Vec<NamedStep> = self
            .weights
            .iter()
            .filter_map(|weight| {
                let moments = weight.moments.as_ref()?;
                let name = |kind: &str| format!("{kind}.{}", weight.name);
                Some(NamedStep { weight, moments, names: MOMENTS.map(name), step: [moments.step as f32] })
            })
            .collect();
        let optimizer: Vec<TensorRef<'_>> = named
            .iter()
            .flat_map(|one| {
                let [first, second, step] = &one.names;
                [
                    TensorRef { name: first, shape: &one.weight.shape, data: &one.moments.first },
                    TensorRef { name: second, shape: &one.weight.shape, data: &one.moments.second },
                    TensorRef { name: step, shape: &[1], data: &one.step },
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
        path: &std::path::Path,
    ) -> Result<(), PretrainError> {
        let by_name = |tensors: Vec<NamedTensor>| -> std::collections::HashMap<String, NamedTensor> {
            tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect()
        };
        let (mut weights, mut optimizer) = (by_name(weights), by_name(optimizer));
        for weight in &mut self.weights {
            let take =
                |from: &mut std::collections::HashMap<String, NamedTensor>, name: &str, shape: &[usize]| {
                    let found = from.remove(name).filter(|tensor| tensor.shape == shape);
                    found.map(|tensor| tensor.data).ok_or_else(|| {
                        PretrainError::damaged(
                            path,
                            format!("`{name}` is missing or has another shape than {shape:?}"),
                        )
                    })
                };
            weight.values = take(&mut weights, &weight.name, &weight.shape)?;
            let [first, second, step] = MOMENTS.map(|kind| format!("{kind}.{}", weight.name));
            weight.moments = if optimizer.contains_key(&step) {
                Some(Moments {
                    first: take(&mut optimizer, &first, &weight.shape)?,
                    second: take(&mut optimizer, &second, &weight.shape)?,
                    step: take(&mut optimizer, &step, &[1])?[0] as u64,
                })
            } else {
                None
            };
        }
        Ok(())
    }
}

/// What the optimiser's tensors are called, before the parameter's name.
const MOMENTS: [&str; 3] = ["first_moment", "second_moment", "step"];

/// Names and step of one parameter while they are lent.
struct NamedStep<'a> {
    weight: &'a Weight,
    moments: &'a Moments,
    names: [String; 3],
    step: [f32; 1],
}

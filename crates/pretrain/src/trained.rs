//! The weights a run changes, in float32, with the optimiser's moments: in memory of the host, where the model has a copy of them, or on the
//! card, where they are the model's own. Checkpoints are the same either way.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use kernels::AdamState;
use mert::{Mert, parameters};

use crate::tensor_file::{NamedTensor, TensorRef};
use crate::values::{Home, Values};
use crate::{Adam, GradientSum, OptimizerState, Parameter, PretrainError, TrainableReport, trainable};

/// One parameter of the model.
struct Weight {
    name: String,
    shape: Vec<usize>,
    values: Values,
    trains: bool,
    moments: Option<Moments>,
}

impl Weight {
    fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Counts a step.
    fn begin_step(&mut self, home: &Home) {
        let n = self.n_elements();
        let new = || Moments { first: home.zeros(n), second: home.zeros(n), step: 0 };
        self.moments.get_or_insert_with(new).step += 1;
    }
}

/// What Adam remembers of a parameter. fairseq counts steps by parameter: one without a gradient is not touched.
struct Moments {
    first: Values,
    second: Values,
    step: u64,
}

/// All parameters of a model in training.
pub(crate) struct Trained {
    home: Home,
    weights: Vec<Weight>,
}

impl Trained {
    /// Those of `model`, kept where it computes.
    pub(crate) fn of(model: &Mert) -> Self {
        Self::at(Home::of(model), model)
    }

    /// Those of `model`, kept at `home`.
    pub(crate) fn at(home: Home, model: &Mert) -> Self {
        let mut weights = Vec::new();
        parameters::tensors(model, &mut |name, shape, tensor| {
            weights.push(Weight {
                name: name.into(),
                shape: shape.to_vec(),
                values: home.keep(tensor),
                trains: true,
                moments: None,
            });
        });
        Self { home, weights }
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
        let sizes: Vec<usize> = self.weights.iter().map(Weight::n_elements).collect();
        let chosen = trainable(&stage.name, &stage.trainable, &stage.frozen, &names)?;
        let report = TrainableReport::new(&stage.name, &names, &sizes, &chosen);
        Ok((chosen, report))
    }

    /// A sum for the gradients of the parameters that train, in the model's order.
    pub(crate) fn gradient_sum(&self) -> GradientSum {
        let training = self.weights.iter().filter(|weight| weight.trains);
        let sizes: Vec<usize> = training.map(Weight::n_elements).collect();
        match &self.home {
            Home::Host => GradientSum::new(&sizes),
            Home::Device(device) => GradientSum::on_device(&sizes, device.clone()),
        }
    }

    /// The model with this stage's trainable parameters.
    pub(crate) fn freeze(&self, model: Mert) -> Mert {
        let trains: HashMap<&str, bool> =
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
                    next(gradient);
                }
            });
        });
        present
    }

    /// Takes a step with the summed gradients times `scale`; parameters that are not `present` stay as they are.
    pub(crate) fn step(&mut self, adam: &Adam, sum: &GradientSum, present: &[bool], rate: f64, scale: f64) {
        match self.home {
            Home::Host => self.step_on_host(adam, sum, present, rate, scale),
            Home::Device(_) => self.step_on_device(adam, sum, present, rate, scale),
        }
    }

    fn step_on_host(&mut self, adam: &Adam, sum: &GradientSum, present: &[bool], rate: f64, scale: f64) {
        let sums = sum.on_host();
        let training = self.weights.iter_mut().filter(|weight| weight.trains);
        // Parameters of one step count and as many axes have the same coefficients.
        let mut groups: BTreeMap<(u64, usize), Vec<Parameter<'_>>> = BTreeMap::new();
        for ((weight, &gradient), _) in training.zip(&sums).zip(present).filter(|(_, present)| **present) {
            let n_axes = weight.shape.len();
            weight.begin_step(&self.home);
            let Weight { values, moments: Some(Moments { first, second, step }), .. } = weight else {
                continue;
            };
            let (Values::Host(value), Values::Host(first), Values::Host(second)) = (values, first, second)
            else {
                unreachable!("values stay where they were put");
            };
            groups.entry((*step, n_axes)).or_default().push(Parameter {
                value,
                gradient,
                first_moment: first,
                second_moment: second,
            });
        }
        for ((step, n_axes), mut parameters) in groups {
            adam.for_axes(n_axes).update(&mut parameters, rate, step, scale);
        }
    }

    fn step_on_device(&mut self, adam: &Adam, sum: &GradientSum, present: &[bool], rate: f64, scale: f64) {
        let training = self.weights.iter_mut().filter(|weight| weight.trains);
        for ((weight, gradient), _) in
            training.zip(sum.tensors()).zip(present).filter(|(_, present)| **present)
        {
            let (Some(gradient), n_axes) = (gradient, weight.shape.len()) else { continue };
            weight.begin_step(&self.home);
            // Taken out, so that nobody else holds their memory.
            let Some(Moments { first, second, step }) = weight.moments.take() else { continue };
            let (Values::Device(value), Values::Device(first_moment), Values::Device(second_moment)) =
                (&weight.values, first, second)
            else {
                unreachable!("values stay where they were put");
            };
            let state = AdamState { value: value.clone(), first_moment, second_moment };
            let state = adam.for_axes(n_axes).at(rate, step, scale).on_tensors(gradient.clone(), state);
            weight.values = Values::Device(state.value);
            let [first, second] = [state.first_moment, state.second_moment].map(Values::Device);
            weight.moments = Some(Moments { first, second, step });
        }
    }

    /// Gives the model the parameters that train.
    pub(crate) fn write_to(&self, model: Mert) -> Mert {
        let mut weights = self.weights.iter();
        parameters::place(model, &mut |_, _, device| {
            let weight = weights.next().expect("the model's parameters come in one order");
            weight.trains.then(|| weight.values.on_device(device))
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
        path: &std::path::Path,
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

/// What the optimiser's tensors are called, before the parameter's name.
const MOMENTS: [&str; 3] = ["first_moment", "second_moment", "step"];

/// What the optimiser remembers of one parameter, while it is lent.
struct NamedMoments<'a> {
    shape: &'a [usize],
    names: [String; 3],
    moments: [Cow<'a, [f32]>; 2],
    step: [f32; 1],
}

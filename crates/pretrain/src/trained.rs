//! The weights a run changes, in float32, with the optimiser's moments: in memory of the host, where the model has a copy of them, or on the
//! card, where they are the model's own. Checkpoints are the same either way.

use std::collections::HashMap;

use mert::{Mert, parameters};

use crate::values::{Home, Values};
use crate::{GradientSum, OptimizerState, PretrainError, TrainableReport, trainable};

mod saved;
mod step;

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
}

/// What Adam remembers of a parameter. fairseq counts steps by parameter: one without a gradient is not touched.
struct Moments {
    first: Values,
    second: Values,
    step: u64,
}

impl Moments {
    /// Those of `n` elements before the first step.
    fn zeros(home: &Home, n: usize) -> Self {
        Self { first: home.zeros(n), second: home.zeros(n), step: 0 }
    }
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
}

//! A step of the optimiser on all parameters that train, where they are.

use std::collections::BTreeMap;

use kernels::AdamState;

use super::{Moments, Trained};
use crate::values::{Home, Values};
use crate::{Adam, GradientSum, Parameter};

impl Trained {
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
            let (n_axes, n) = (weight.shape.len(), weight.n_elements());
            let Moments { first, second, step } =
                weight.moments.get_or_insert_with(|| Moments::zeros(&self.home, n));
            *step += 1;
            let (Values::Host(value), Values::Host(first), Values::Host(second)) =
                (&mut weight.values, first, second)
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
            let (Some(gradient), n) = (gradient, weight.n_elements()) else { continue };
            // Taken out, so that nobody else holds their memory.
            let before = weight.moments.take().unwrap_or_else(|| Moments::zeros(&self.home, n));
            let Moments { first, second, step } = Moments { step: before.step + 1, ..before };
            let (Values::Device(value), Values::Device(first_moment), Values::Device(second_moment)) =
                (&weight.values, first, second)
            else {
                unreachable!("values stay where they were put");
            };
            let state = AdamState { value: value.clone(), first_moment, second_moment };
            let state =
                adam.for_axes(weight.shape.len()).at(rate, step, scale).on_tensors(gradient.clone(), state);
            weight.values = Values::Device(state.value);
            let [first, second] = [state.first_moment, state.second_moment].map(Values::Device);
            weight.moments = Some(Moments { first, second, step });
        }
    }
}

//! A step of Adam in one kernel; an element of value, moments and gradient a unit.

use cubecl::prelude::*;

use super::{grid, primitive, tensor};
use crate::adam::{AdamState, AdamStep};

#[cube(launch)]
fn adam_kernel(
    gradient: &Tensor<f32>,
    value: &mut Tensor<f32>,
    first_moment: &mut Tensor<f32>,
    second_moment: &mut Tensor<f32>,
    gradient_scale: f32,
    keep_first: f32,
    add_first: f32,
    keep_second: f32,
    add_second: f32,
    decay: f32,
    rate: f32,
    root_scale: f32,
    epsilon: f32,
) {
    let at = ABSOLUTE_POS;
    if at < gradient.len() {
        let g = gradient[at] * gradient_scale;
        let m = keep_first * first_moment[at] + add_first * g;
        let v = keep_second * second_moment[at] + add_second * g * g;
        let root = v.sqrt() * root_scale + epsilon;
        let p = value[at];
        let decayed = p - decay * p;
        first_moment[at] = m;
        second_moment[at] = v;
        value[at] = decayed - rate * m / root;
    }
}

/// Takes `step`; the state's memory is written over where nobody else holds it.
pub(crate) fn adam(step: AdamStep, gradient: burn::Tensor<1>, state: AdamState) -> AdamState {
    let gradient = primitive(gradient);
    let [value, first_moment, second_moment] =
        [state.value, state.first_moment, state.second_moment].map(|tensor| {
            let tensor = primitive(tensor);
            if tensor.can_mut() { tensor } else { tensor.copy() }
        });
    let client = gradient.client.clone();
    let (cube_count, cube_dim) = grid(&client, gradient.meta.num_elements());
    adam_kernel::launch(
        &client,
        cube_count,
        cube_dim,
        gradient.into_tensor_arg(),
        value.clone().into_tensor_arg(),
        first_moment.clone().into_tensor_arg(),
        second_moment.clone().into_tensor_arg(),
        step.gradient_scale,
        step.first[0],
        step.first[1],
        step.second[0],
        step.second[1],
        step.decay,
        step.rate,
        step.root_scale,
        step.epsilon,
    );
    let [value, first_moment, second_moment] = [value, first_moment, second_moment].map(tensor::<1>);
    AdamState { value, first_moment, second_moment }
}

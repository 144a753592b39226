//! One step of Adam with decoupled weight decay: values and both moments in one pass over the gradient.
//!
//! `g = s · gradient`, `m = b₁ m + (1 − b₁) g`, `v = b₂ v + (1 − b₂) g²`, `p = p − d p`, `p = p − r m / (c √v + ε)`. What the coefficients are at a
//! step, and where ε stands, is the caller's (Kingma and Ba 2015; Loshchilov and Hutter 2019). Every element is updated by itself.

use burn::Tensor;

/// What a step multiplies with; the letters are those of the module's formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// `s`: loss scale, mean over frames and clipping.
    pub gradient_scale: f32,
    /// `b₁` and `1 − b₁`.
    pub first: [f32; 2],
    /// `b₂` and `1 − b₂`.
    pub second: [f32; 2],
    /// `d`, rate included.
    pub decay: f32,
    /// `r`, bias correction included.
    pub rate: f32,
    /// `c`, the correction of the root.
    pub root_scale: f32,
    /// `ε`.
    pub epsilon: f32,
}

/// A parameter where the model computes, flat: `[n]` each.
#[derive(Clone, Debug)]
pub struct AdamState {
    /// The weights, float32.
    pub value: Tensor<1>,
    /// Running mean of the gradient.
    pub first_moment: Tensor<1>,
    /// Running mean of its square.
    pub second_moment: Tensor<1>,
}

impl AdamStep {
    /// Takes the step on host slices, all of one length.
    #[inline(always)]
    pub fn on_slices(
        self,
        gradient: &[f32],
        value: &mut [f32],
        first_moment: &mut [f32],
        second_moment: &mut [f32],
    ) {
        let moments = first_moment.iter_mut().zip(second_moment);
        for ((p, &gradient), (m, v)) in value.iter_mut().zip(gradient).zip(moments) {
            let g = gradient * self.gradient_scale;
            *m = self.first[0] * *m + self.first[1] * g;
            *v = self.second[0] * *v + self.second[1] * g * g;
            let root = v.sqrt() * self.root_scale + self.epsilon;
            *p -= self.decay * *p;
            *p -= self.rate * *m / root;
        }
    }

    /// Takes the step where the tensors live; on a card in one kernel.
    pub fn on_tensors(self, gradient: Tensor<1>, state: AdamState) -> AdamState {
        #[cfg(feature = "card")]
        if crate::card::on_card(&gradient) {
            return crate::card::adam(self, gradient, state);
        }
        self.composed(gradient, state)
    }

    fn composed(self, gradient: Tensor<1>, state: AdamState) -> AdamState {
        let g = gradient * self.gradient_scale;
        let first_moment = state.first_moment * self.first[0] + g.clone() * self.first[1];
        let second_moment = state.second_moment * self.second[0] + g.clone() * g * self.second[1];
        let root = second_moment.clone().sqrt() * self.root_scale + self.epsilon;
        let decayed = state.value.clone() - state.value * self.decay;
        let value = decayed - first_moment.clone() * self.rate / root;
        AdamState { value, first_moment, second_moment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::random;

    #[test]
    fn tensors_step_like_slices() {
        let step = AdamStep {
            gradient_scale: 0.25,
            first: [0.9, 0.1],
            second: [0.999, 0.001],
            decay: 1e-3,
            rate: 2e-2,
            root_scale: 1.5,
            epsilon: 1e-5,
        };
        let [gradient, value, first, second] = [1, 2, 3, 4].map(|seed| random(&[1000], seed));
        let second_moment: Vec<f32> = second.values().iter().map(|x| x * x).collect();
        let mut ours = [value.values().to_vec(), first.values().to_vec(), second_moment.clone()];
        let [p, m, v] = &mut ours;
        step.on_slices(gradient.values(), p, m, v);
        let state = AdamState {
            value: value.tensor(),
            first_moment: first.tensor(),
            second_moment: Tensor::from_data(second_moment.as_slice(), &burn::tensor::Device::flex()),
        };
        let state = step.on_tensors(gradient.tensor(), state);
        for (ours, theirs) in ours.iter().zip([state.value, state.first_moment, state.second_moment]) {
            let theirs = theirs.into_data().try_into_vec::<f32>().unwrap();
            assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0)));
        }
    }
}

//! The plan in the words of the crates that carry it out. Pure.

use std::collections::BTreeSet;

use corpus::{Clip, SamplerPlan};
use mert::{Objective, Regularisation};

use crate::{StagePlan, TrainPlan};

/// What is predicted, in the model's words.
pub(crate) fn objective(plan: &TrainPlan) -> Objective {
    let objective = &plan.objective;
    let [masked, features_penalty, cqt] = objective.weights();
    Objective {
        masked,
        unmasked: objective.unmasked,
        features_penalty,
        cqt,
        temperature: objective.logit_temperature,
        feature_grad_mult: objective.front_end_gradient,
    }
}

/// What is dropped, in the model's words.
pub(crate) fn regularisation(plan: &TrainPlan) -> Regularisation {
    let dropout = &plan.dropout;
    Regularisation {
        hidden: dropout.hidden,
        attention: dropout.attention,
        activation: dropout.activation,
        input: dropout.input,
        layer: dropout.layer,
    }
}

/// What stage number `index` hears, in the corpus's words; cultures that are not named are those that `clips` have for training.
pub fn sampler_plan(plan: &TrainPlan, index: usize, stage: &StagePlan, clips: &[Clip]) -> SamplerPlan {
    let data = &stage.data;
    let trained = clips.iter().filter(|clip| clip.split == corpus::Split::Train);
    let present: BTreeSet<&str> = trained.map(|clip| clip.culture.as_str()).collect();
    let present: Vec<&str> = present.into_iter().collect();
    let mut sampler = SamplerPlan::new(plan.run.seed, index as u64, stage.batch(), plan.crop.samples());
    sampler.alignment = match plan.crop.alignment {
        crate::Alignment::Grid320 => corpus::Alignment::Grid320,
        crate::Alignment::OriginalRounding => corpus::Alignment::OriginalRounding,
    };
    sampler.cultures = data
        .cultures_of(&present)
        .into_iter()
        .map(|culture| corpus::CultureHours {
            culture: culture.culture,
            hours: culture.hours,
            weight: culture.weight,
        })
        .collect();
    sampler.hours = data.hours;
    sampler.mixture = match data.mixture {
        crate::Sharing::Proportional => corpus::Mixture::Proportional,
        crate::Sharing::Equal => corpus::Mixture::Equal,
        crate::Sharing::Weights => corpus::Mixture::Weights,
    };
    sampler.replay = data.replay.as_ref().map(|replay| corpus::Replay {
        cultures: replay.cultures.clone(),
        share: replay.share,
        hours: replay.hours,
    });
    sampler
}

//! The models of the study that are trained, in the order tables show them.

use pretrain::{TrainFile, TrainPlan};
use study::results::{ModelKind, Recipe};

use super::plan::StudyPlan;

/// The tradition the base model hears and that is replayed.
pub(crate) const WESTERN: &str = "western";

/// Traditions the base is adapted to, with the names their communities use.
pub(crate) const CULTURES: [&str; 4] = ["turkish-makam", "hindustani", "carnatic", "greek"];

/// A model to train.
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) kind: ModelKind,
    pub(crate) recipe: Recipe,
    pub(crate) trained_on: Vec<String>,
    pub(crate) plan: TrainPlan,
}

/// The base, and the models adapted from it.
pub(crate) struct Roster {
    pub(crate) base: Planned,
    pub(crate) adapted: Vec<Planned>,
}

impl Roster {
    pub(crate) fn new(study: &StudyPlan) -> anyhow::Result<Self> {
        let file = TrainFile::find(&study.training)?.with_overrides(&[
            format!("run.seed={}", study.seed),
            format!("objective.codebooks={}", study.codec.codebooks),
            format!("objective.entries={}", study.codec.entries),
        ])?;
        let plan = file.plan()?;
        let all = || CULTURES.map(str::to_owned).to_vec();
        let multi = plan.for_cultures(&CULTURES)?;
        let planned = |name: &str, kind, recipe, trained_on, plan: TrainPlan| {
            let mut plan = plan;
            plan.run.name = name.into();
            Planned { name: name.into(), kind, recipe, trained_on, plan }
        };
        let mut adapted = Vec::new();
        for culture in CULTURES {
            let plan = plan.for_cultures(&[culture])?;
            let trained_on = vec![culture.to_owned()];
            adapted.push(planned(culture, ModelKind::SingleCulture, Recipe::TwoStage, trained_on, plan));
        }
        let baselines = [
            ("single-stage", Recipe::SingleStage, multi.single_stage(true)),
            ("single-stage-not-rewarmed", Recipe::SingleStageNoRewarming, multi.single_stage(false)),
            ("replay-in-both-stages", Recipe::TwoStageReplayBoth, multi.replay_in_all_stages()),
        ];
        adapted.push(planned("multi-culture", ModelKind::MultiCulture, Recipe::TwoStage, all(), multi));
        for (name, recipe, plan) in baselines {
            adapted.push(planned(name, ModelKind::Baseline, recipe, all(), plan));
        }
        let base = plan.scratch_base(WESTERN, study.base.updates, study.base.peak);
        let base = planned("base", ModelKind::Base, Recipe::FromScratch, vec![WESTERN.into()], base);
        Ok(Self { base, adapted })
    }
}

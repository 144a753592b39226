//! Plans made from plans: what the paper's Table 1 compares, and the runs a study needs beside it.
//!
//! Table 1 (ROC-AUC, makam / MagnaTagATune): base 83.2 / 89.6; one stage with replay 83.8 / 86.0; one stage without re-warming 83.0 / 87.5;
//! two stages, replay in the first, 89.6 / 89.2; two stages, replay in both, 88.6 / 89.4.
//! The paper does not print the rates of its single-stage rows; each function says what is taken for them. Pure.

use crate::schedule::{Constant, Cosine, Polynomial, Schedule};
use crate::stage_data::{CultureHours, Replay, StageData};
use crate::{Adam, DecayOn, EpsPlacement, OptimizerState, PretrainError, StagePlan, StageTotals, TrainPlan};

impl TrainPlan {
    /// The baseline of one stage: everything trains from the first update, on the last stage's material, with the replay share of whichever
    /// stage has one, for as many updates as all stages together (of the last stage's size in crops, so that equally much audio is read).
    ///
    /// `rewarm`: the rate warms up as in the first stage, to its peak, and decays to the last stage's minimum: one curve over the range that
    /// the two stages cover together. Not `rewarm`: no warm-up, the rate stays at the last stage's minimum, where a base whose decay has
    /// ended would go on.
    #[must_use]
    pub fn single_stage(&self, rewarm: bool) -> Self {
        let (first, last) = (&self.stages[0], &self.stages[self.stages.len() - 1]);
        let crops: u64 = self.stages.iter().map(|stage| stage.updates * stage.batch() as u64).sum();
        let updates = (crops as f64 / last.batch() as f64).round().max(1.0) as u64;
        let schedule = if rewarm {
            let share = first.schedule.warmup_updates() as f64 / first.updates as f64;
            let min = last.schedule.floor();
            Schedule::Cosine(Cosine {
                peak: first.schedule.peak(),
                min,
                warmup_updates: (share * updates as f64).floor() as u64,
                warmup_init: min,
                total_updates: updates,
                period_updates: None,
                period_factor: 1.0,
                shrink: 0.1,
            })
        } else {
            Schedule::Constant(Constant { peak: last.schedule.floor(), warmup_updates: 0 })
        };
        let replay = self.stages.iter().find_map(|stage| stage.data.replay.clone());
        let name = if rewarm { "single-stage" } else { "single-stage-not-rewarmed" };
        let stage = StagePlan {
            name: name.into(),
            trainable: vec!["*".into()],
            frozen: vec![],
            updates,
            optimizer_state: OptimizerState::Fresh,
            data: with_replay(&last.data, replay),
            schedule,
            ..last.clone()
        };
        Self { stages: vec![stage], ..self.named(name) }
    }

    /// The row of Table 1 with replay in both stages: every stage replays what the first does that replays.
    #[must_use]
    pub fn replay_in_all_stages(&self) -> Self {
        let replay = self.stages.iter().find_map(|stage| stage.data.replay.clone());
        let stages = self
            .stages
            .iter()
            .map(|stage| StagePlan { data: with_replay(&stage.data, replay.clone()), ..stage.clone() });
        Self { stages: stages.collect(), ..self.named("replay-in-all-stages") }
    }

    /// The same plan for these cultures only; replay, lengths and rates stay. Hours and weights are kept for cultures the plan names.
    pub fn for_cultures(&self, cultures: &[&str]) -> Result<Self, PretrainError> {
        let stages = self.stages.iter().enumerate().map(|(index, stage)| {
            let mut data = StageData { except: vec![], ..stage.data.clone() };
            let known = |culture: &&str| {
                let stated = stage.data.cultures.iter().find(|stated| stated.culture == **culture);
                stated.cloned().unwrap_or_else(|| CultureHours::all_of(culture))
            };
            data.cultures = cultures.iter().map(known).collect();
            data.check(&format!("stage.{index}.data"))?;
            Ok(StagePlan { data, ..stage.clone() })
        });
        let stages = stages.collect::<Result<_, PretrainError>>()?;
        Ok(Self { stages, ..self.named(&cultures.join("+")) })
    }

    /// The same plan with other lengths, one a stage, and the schedules stretched or shrunk with them; material stays.
    pub fn with_updates(&self, updates: &[u64]) -> Result<Self, PretrainError> {
        if updates.len() != self.stages.len() || updates.contains(&0) {
            let message =
                format!("{} stages need as many lengths above 0, not {updates:?}", self.stages.len());
            return Err(PretrainError::plan("stage", message));
        }
        let mut plan = self.clone();
        for (stage, &updates) in plan.stages.iter_mut().zip(updates) {
            stage.schedule = stage.schedule.stretched(updates as f64 / stage.updates as f64, updates);
            stage.updates = updates;
        }
        Ok(plan)
    }

    /// The same plan with one pass over so many hours, one number a stage. The paper's single cultures: `for_cultures(&["carnatic"])` and
    /// then 60 and 200 h (1350 and 4500 updates); Lyra 20 and 50 h (450 and 1125).
    pub fn with_hours(&self, hours: &[f64]) -> Result<Self, PretrainError> {
        let totals = self.totals();
        let length =
            |(hours, total): (&f64, &StageTotals)| (hours * 3600.0 / total.seconds_per_update).round();
        let updates: Vec<u64> = hours.iter().zip(&totals).map(length).map(|updates| updates as u64).collect();
        let mut plan = self.with_updates(&updates)?;
        for (index, (stage, &hours)) in plan.stages.iter_mut().zip(hours).enumerate() {
            stage.data.cultures.iter_mut().for_each(|culture| culture.hours = None);
            stage.data.hours = Some(hours);
            stage.check(&format!("stage.{index}"))?;
        }
        Ok(plan)
    }

    /// Training a base from scratch on `culture` alone (Western music in the paper's case) by MERT's recipe: everything trains, polynomial
    /// decay to zero after 8 % of warm-up (32000 of 400000), betas 0.9 and 0.98, eps 1e-6, weight decay 0.01, no replay. Batch and clipping
    /// are the last stage's. MERT-95M's peak is 5e-4; smaller models bear more.
    #[must_use]
    pub fn scratch_base(&self, culture: &str, updates: u64, peak: f64) -> Self {
        let last = &self.stages[self.stages.len() - 1];
        let stage = StagePlan {
            name: "base".into(),
            trainable: vec!["*".into()],
            frozen: vec![],
            updates,
            optimizer_state: OptimizerState::Fresh,
            data: StageData { cultures: vec![CultureHours::all_of(culture)], ..StageData::default() },
            schedule: Schedule::Polynomial(Polynomial {
                peak,
                min: 0.0,
                warmup_updates: updates * 8 / 100,
                total_updates: updates,
                power: 1.0,
            }),
            adam: Adam {
                betas: [0.9, 0.98],
                eps: 1e-6,
                eps_placement: EpsPlacement::Fairseq,
                weight_decay: 0.01,
                decay_on: DecayOn::All,
            },
            ..last.clone()
        };
        Self { stages: vec![stage], ..self.named("base") }
    }

    fn named(&self, addition: &str) -> Self {
        let mut plan = self.clone();
        plan.run.name = format!("{}-{addition}", plan.run.name);
        plan
    }
}

/// `data` with `replay`; what is replayed is neither trained on nor excepted any more.
fn with_replay(data: &StageData, replay: Option<Replay>) -> StageData {
    let mut data = data.clone();
    if let Some(replay) = &replay {
        data.cultures.retain(|culture| !replay.cultures.contains(&culture.culture));
        data.except.retain(|culture| !replay.cultures.contains(culture));
    }
    // Hours of the replay follow its share, as those of the stage it comes from do.
    data.replay = replay;
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    fn paper() -> TrainPlan {
        preset("paper").unwrap().plan().unwrap()
    }

    #[test]
    fn one_stage_reads_as_much_as_two() {
        for rewarm in [true, false] {
            let (two, one) = (paper(), paper().single_stage(rewarm));
            let hours = |plan: &TrainPlan| plan.totals().iter().map(|stage| stage.hours).sum::<f64>();
            assert_eq!((one.stages.len(), one.updates(), hours(&one)), (1, 16875, hours(&two)));
            assert_eq!(one.stages[0].trainable, ["*"]);
            assert_eq!(one.stages[0].data.replay, two.stages[0].data.replay);
            assert_eq!(one.stages[0].data.cultures, two.stages[1].data.cultures);
            // It is a plan like any other.
            assert_eq!(TrainPlan::from_toml("x", &one.to_toml()).unwrap(), one);
        }
    }

    #[test]
    fn rewarming_covers_both_stages_and_not_rewarming_stays_at_the_floor() {
        let warm = &paper().single_stage(true).stages[0].schedule;
        assert_eq!((warm.rate(0), warm.rate(1687), warm.warmup_updates()), (5e-6, 5e-4, 1687));
        assert!((5e-6..5.001e-6).contains(&warm.rate(16_874)));
        let cold = &paper().single_stage(false).stages[0].schedule;
        assert!((0..16875).step_by(125).all(|n| cold.rate(n) == 5e-6));
    }

    #[test]
    fn replay_reaches_the_second_stage_and_leaves_the_exceptions() {
        let plan = preset("pocket").unwrap().plan().unwrap().replay_in_all_stages();
        assert_eq!(plan.stages[1].data.replay, plan.stages[0].data.replay);
        assert!(plan.stages[1].data.except.is_empty());
        assert_eq!(TrainPlan::from_toml("x", &plan.to_toml()).unwrap(), plan);
    }

    #[test]
    fn a_plan_for_one_culture_keeps_its_hours() {
        let plan = paper().for_cultures(&["greek"]).unwrap();
        assert_eq!(plan.run.name, "culturemert-95m-greek");
        assert_eq!(
            plan.stages[1].data.cultures,
            [CultureHours { hours: Some(50.0), ..CultureHours::all_of("greek") }]
        );
        assert!(paper().for_cultures(&["western"]).is_err(), "what is replayed cannot be trained on");
        let pocket = preset("pocket").unwrap().plan().unwrap().for_cultures(&["carnatic", "greek"]).unwrap();
        assert_eq!(pocket.stages[1].data.cultures.len(), 2);
        assert_eq!(TrainPlan::from_toml("x", &pocket.to_toml()).unwrap(), pocket);
    }

    #[test]
    fn single_cultures_have_the_papers_lengths() {
        for (culture, hours, updates) in
            [("carnatic", [60.0, 200.0], [1350, 4500]), ("greek", [20.0, 50.0], [450, 1125])]
        {
            let plan = paper().for_cultures(&[culture]).unwrap().with_hours(&hours).unwrap();
            assert_eq!([plan.stages[0].updates, plan.stages[1].updates], updates);
            assert_eq!(plan.totals().iter().map(|stage| stage.epochs).collect::<Vec<_>>(), [Some(1.0); 2]);
            assert_eq!(plan.stages[0].schedule.warmup_updates(), updates[0] / 10);
            let end = plan.stages[1].schedule.rate(updates[1] - 1);
            assert!((5e-6..5.001e-6).contains(&end), "{end}");
            assert_eq!(TrainPlan::from_toml("x", &plan.to_toml()).unwrap(), plan);
        }
        assert!(paper().with_updates(&[1]).is_err() && paper().with_hours(&[1.0, 0.0]).is_err());
        assert!(paper().with_updates(&[1, 2]).unwrap().stages.iter().all(|stage| stage.check("x").is_ok()));
    }

    #[test]
    fn a_base_is_trained_by_merts_recipe() {
        let base = paper().scratch_base("western", 400_000, 5e-4);
        let stage = &base.stages[0];
        assert_eq!((stage.schedule.warmup_updates(), stage.schedule.rate(32_000)), (32_000, 5e-4));
        assert_eq!((stage.schedule.rate(400_000), stage.adam.betas), (0.0, [0.9, 0.98]));
        assert_eq!(stage.data.replay, None);
        assert_eq!(TrainPlan::from_toml("x", &base.to_toml()).unwrap(), base);
    }
}

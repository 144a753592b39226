//! A rehearsal: the whole of a study with at most so much of everything, to see that it runs from end to end.
//!
//! Its numbers say nothing, and its results say that.

use codec::FitSettings;
use corpus::Recording;
use evaluate::ProbeConfig;
use pretrain::TrainPlan;

/// Crops that go through a model together in a rehearsal, at most.
const MICRO_BATCH: usize = 2;

/// A rehearsal with at most `limit` recordings of a split of a culture or set, updates of a stage, epochs of a probe, held-out crops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rehearsal {
    pub(crate) limit: u64,
}

impl Rehearsal {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit }
    }

    fn most(self, n: usize) -> usize {
        n.min(usize::try_from(self.limit).unwrap_or(usize::MAX))
    }

    /// Few updates of small batches.
    pub(crate) fn training(self, plan: &TrainPlan) -> anyhow::Result<TrainPlan> {
        let updates: Vec<u64> = plan.stages.iter().map(|stage| stage.updates.min(self.limit)).collect();
        let mut plan = plan.with_updates(&updates)?;
        plan.held_out.crops = self.most(plan.held_out.crops);
        for stage in &mut plan.stages {
            stage.micro_batch = stage.micro_batch.min(MICRO_BATCH);
            stage.accumulation = 1;
        }
        Ok(plan)
    }

    /// Few frames: as many as the entries need to be told apart.
    pub(crate) fn fit(self, settings: FitSettings) -> FitSettings {
        let most = self.most(usize::MAX).saturating_mul(settings.entries * 8);
        FitSettings { max_frames: settings.max_frames.min(most.max(settings.entries * 8)), ..settings }
    }

    /// Few epochs and two seeds.
    pub(crate) fn probe(self, config: ProbeConfig) -> ProbeConfig {
        let seeds = config.seeds.iter().copied().take(2).collect();
        ProbeConfig { epochs: self.most(config.epochs), seeds, ..config }
    }

    /// Minutes of a tradition that hold as many pieces as three splits take.
    pub(crate) fn minutes(self, minutes: f64, piece_seconds: f64) -> f64 {
        // Five pieces are the least of which each split has one.
        let pieces = self.limit.saturating_mul(3).max(5);
        minutes.min(pieces as f64 * piece_seconds / 60.0)
    }

    /// Recordings that stay, in their order: of each culture and split so many, and three times that of those without a split.
    pub(crate) fn recordings(self, recordings: Vec<Recording>) -> Vec<Recording> {
        let mut counts = std::collections::BTreeMap::new();
        let kept = recordings.into_iter().filter(|recording| {
            let most = if recording.split.is_some() { self.limit } else { self.limit.saturating_mul(3) };
            let count: &mut u64 = counts.entry((recording.culture.clone(), recording.split)).or_default();
            *count += 1;
            *count <= most
        });
        kept.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_as_short_as_the_limit() {
        let plan = pretrain::preset("paper").unwrap().plan().unwrap();
        let short = Rehearsal::new(2).training(&plan).unwrap();
        assert_eq!(short.updates(), 4);
        assert!(short.stages.iter().all(|stage| (stage.micro_batch, stage.accumulation) == (2, 1)));
        assert_eq!(short.held_out.crops, 2);
        let pocket = pretrain::preset("pocket").unwrap().plan().unwrap();
        assert_eq!(Rehearsal::new(1000).training(&pocket).unwrap().updates(), pocket.updates());
    }
}

//! Losses that are not finite and losses that jump, in whole runs: what is skipped, named, undone, and that resuming stays exact.

use super::world::{Cut, World, bits, tiny_plan};
use crate::{Log, LogLine, PretrainError, RolledBackRecord};

/// Some crops have a piece mixed in that no float32 can hold.
const POISON: [&str; 2] = ["mixture.gain=3e38", "mixture.probability=0.1"];
/// So little above the loss before that every second update is a spike.
const NERVOUS: [&str; 2] = ["health.spike_factor=1.0001", "health.spike_window=1"];

#[test]
fn updates_that_are_not_finite_are_skipped_named_and_counted() {
    let world = World::new();
    let plan = tiny_plan(&POISON);
    let mut told = Vec::new();
    world.finish_telling("run", &plan, &mut told);
    let updates = world.updates("run");
    let skipped: Vec<_> = updates.iter().filter(|update| update.skipped).collect();
    assert!(!skipped.is_empty() && skipped.len() < updates.len(), "{} of {}", skipped.len(), updates.len());
    assert_eq!(updates.iter().map(|update| update.update).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
    for update in &skipped {
        assert!(update.loss.total.is_nan() && update.gradient_norm.is_nan() && update.clip_factor.is_nan());
        // Only the micro-batch that was not finite is suspected.
        assert_eq!(update.crops.len(), 2);
        let named = format!("`{}` from", update.crops[0].clip);
        assert!(
            told.iter().any(|line| line.contains(&named) && line.contains("no step is taken")),
            "{told:?}"
        );
    }
    for update in updates.iter().filter(|update| !update.skipped) {
        assert!(update.loss.total.is_finite() && update.crops.is_empty());
    }
    let checkpoints = world.folder("run").checkpoints(plan.checkpoints.retention());
    let state = checkpoints.newest().unwrap().checkpoint.unwrap().state;
    assert_eq!((state.skipped, state.update), (skipped.len() as u64, 11));
    let in_adapt = skipped.iter().filter(|update| update.stage == "adapt").count() as u64;
    assert_eq!((state.stage_update, state.stage_steps), (6, 6 - in_adapt));
    for at in (1..told.len()).step_by(5) {
        world.same_after(Cut::Kill(at), &format!("killed-{at}"), "run", &plan);
    }
}

#[test]
fn too_many_in_a_row_end_the_run_with_the_names_of_the_clips() {
    let world = World::new();
    let plan = tiny_plan(&["mixture.gain=3e38", "mixture.probability=1.0", "health.max_skipped=4"]);
    let error = world.sit("run", &plan, None, &mut Vec::new()).unwrap_err();
    let PretrainError::Unhealthy { update, count, .. } = &error else { panic!("{error}") };
    assert_eq!((*update, *count), (4, 4));
    let updates = world.updates("run");
    assert_eq!(updates.len(), 4, "the log has every one of them");
    for update in &updates {
        let clip = &update.crops[0].clip;
        assert!(error.to_string().contains(&format!("`{clip}`")), "{error} does not name {clip}");
    }
    // Resumed from the checkpoint after 3, it remembers the three before.
    let again = world.sit("run", &plan, None, &mut Vec::new()).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
}

#[test]
fn a_spike_is_logged_and_changes_nothing_by_default() {
    let world = World::new();
    let hash = world.finish("calm", &tiny_plan(&[]));
    assert_eq!(world.finish("nervous", &tiny_plan(&NERVOUS)), hash);
    let spikes: Vec<_> = world.updates("nervous").into_iter().filter(|update| update.spike).collect();
    assert!(!spikes.is_empty() && spikes.iter().all(|update| !update.skipped && update.crops.len() == 4));
    assert!(world.updates("calm").iter().all(|update| !update.spike));
}

#[test]
fn a_spike_can_be_skipped_and_resuming_stays_exact() {
    let world = World::new();
    let plan = tiny_plan(&[NERVOUS[0], NERVOUS[1], "health.spike=skip"]);
    let mut told = Vec::new();
    world.finish_telling("run", &plan, &mut told);
    let updates = world.updates("run");
    assert!(updates.iter().any(|update| update.spike));
    assert!(updates.iter().all(|update| update.spike == update.skipped));
    for at in (1..told.len()).step_by(5) {
        world.same_after(Cut::Kill(at), &format!("killed-{at}"), "run", &plan);
    }
}

#[test]
fn a_spike_can_roll_back_to_the_last_regular_checkpoint() {
    let world = World::new();
    let plan = tiny_plan(&[NERVOUS[0], NERVOUS[1], "health.spike=roll-back", "checkpoints.keep=99"]);
    let mut told = Vec::new();
    world.finish_telling("run", &plan, &mut told);
    let lines = Log::read(&world.folder("run").log()).unwrap();
    let rolled = |line: &LogLine| match line {
        LogLine::RolledBack(record) => Some(record.clone()),
        _ => None,
    };
    let rolled: Vec<RolledBackRecord> = lines.iter().filter_map(rolled).collect();
    assert!(!rolled.is_empty(), "no spike in {told:?}");
    let checkpoints = world.folder("run").checkpoints(plan.checkpoints.retention());
    for record in &rolled {
        assert!(record.restored < record.update && record.loss > 1.0001 * record.median);
        let [before, after] = [record.restored, record.update].map(|update| checkpoints.at(update).unwrap());
        for (before, after) in before.weights().unwrap().iter().zip(&after.weights().unwrap()) {
            assert_eq!(bits(&before.data), bits(&after.data), "{}", before.name);
        }
        assert_eq!(after.state.anchor, record.update);
    }
    // No update is made twice: the run goes on behind the spike.
    let updates: Vec<u64> = world.updates("run").iter().map(|update| update.update).collect();
    assert_eq!(updates, (1..=11).collect::<Vec<_>>());
    let state = checkpoints.at(11).unwrap().state;
    let undone: u64 = rolled.iter().map(|record| record.update - 1 - record.restored).sum();
    assert_eq!((state.skipped, state.rolled_back), (rolled.len() as u64, undone));
    for at in (1..told.len()).step_by(5) {
        world.same_after(Cut::Kill(at), &format!("killed-{at}"), "run", &plan);
        // A checkpoint that is there because the run was stopped is none to roll back to.
        world.same_after(Cut::Stop(at), &format!("stopped-{at}"), "run", &plan);
    }
}

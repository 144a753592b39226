//! Runs of several ranks, as threads: what they share with a run of one, bit by bit or but for the order of additions.

use super::world::{Begun, Cut, End, World, bits, tiny_plan};
use crate::{Init, Log, LogLine, PretrainError, TrainPlan, UpdateRecord};

/// Largest relative difference of a loss that the order of additions makes over 35 updates of the tiny model at its high rate, in float32:
/// 1.1e-7 was measured.
const ORDER: f64 = 2e-6;
/// Micro-batches that neither two nor three ranks share evenly; where their sums join, the brackets stand elsewhere than for one rank.
const LONG: [&str; 4] =
    ["stage.0.updates=10", "stage.1.updates=25", "stage.0.accumulation=5", "stage.1.accumulation=5"];
/// Some crops have a piece mixed in that no float32 can hold.
const POISON: [&str; 2] = ["mixture.gain=3e38", "mixture.probability=0.1"];

fn long_plan() -> TrainPlan {
    tiny_plan(&LONG)
}

/// Fails unless both heard the same and the losses are equal up to the order of additions.
#[track_caller]
fn same_but_for_order(what: &str, one: &[UpdateRecord], other: &[UpdateRecord]) {
    assert_eq!(one.len(), other.len(), "{what}");
    let mut worst = 0.0f64;
    for (one, other) in one.iter().zip(other) {
        let key = |record: &UpdateRecord| {
            (record.update, record.masked_frames, record.skipped, record.stage.clone())
        };
        assert_eq!(key(one), key(other), "{what}");
        assert_eq!(one.learning_rate, other.learning_rate, "{what}");
        worst = worst.max((one.loss.total - other.loss.total).abs() / one.loss.total);
    }
    golden::within(&format!("ranks, loss, {what}"), worst, ORDER);
}

#[test]
fn any_number_of_ranks_hears_the_same_and_learns_the_same() {
    let world = World::new();
    let plan = long_plan();
    world.finish("one", &plan);
    let one = world.updates("one");
    assert_eq!(one.len(), 35);
    for size in [2, 3] {
        let (first, again) = (format!("{size}"), format!("{size} again"));
        let hash = world.finish_together(&first, &plan, size);
        let updates = world.updates(&first);
        same_but_for_order(&format!("{size} ranks"), &one, &updates);
        // Before the first step there are no additions of gradients, and the losses are added in one order whoever has them.
        assert_eq!(updates[0].loss, one[0].loss);
        assert!(updates.iter().all(|update| update.ranks == size && update.seconds.exchanging > 0.0));
        assert_eq!(world.finish_together(&again, &plan, size), hash);
        assert_eq!(world.traces(&again), world.traces(&first), "{size} ranks are {size} ranks bit for bit");
    }
}

/// Two parts of one micro-batch each are added as one rank adds two micro-batches; so is one micro-batch and nothing.
#[test]
fn where_brackets_stand_as_for_one_rank_so_do_all_bits() {
    let world = World::new();
    let single = ["stage.0.accumulation=1", "stage.1.accumulation=1"];
    for (name, plan, size) in [("two", tiny_plan(&[]), 2), ("three", tiny_plan(&single), 3)] {
        let one = format!("{name} alone");
        assert_eq!(world.finish_together(name, &plan, size), world.finish(&one, &plan));
        let held_out = |name: &str| -> Vec<LogLine> {
            let lines = Log::read(&world.folder(name).log()).unwrap().into_iter();
            let timeless = |line| match line {
                LogLine::HeldOut(mut record) => {
                    record.seconds = 0.0;
                    Some(LogLine::HeldOut(record))
                }
                _ => None,
            };
            lines.filter_map(timeless).collect()
        };
        assert_eq!(held_out(name), held_out(&one));
        let (here, alone) = (world.checkpoint(name), world.checkpoint(&one));
        for (here, alone) in here.1.iter().zip(&alone.1) {
            assert_eq!(bits(&here.data), bits(&alone.data), "{}", here.name);
        }
    }
}

#[test]
fn ranks_without_work_take_part_and_are_told() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let ends = world.sit_together("run", &plan, 3, |_| None);
    for (end, told) in ends {
        assert!(matches!(end, Ok(End::Finished(_))), "{end:?}");
        assert!(told.iter().any(|line| line.contains("micro-batches for 2 of the 3 ranks")), "{told:?}");
    }
}

#[test]
fn what_is_not_finite_on_one_rank_is_skipped_by_all() {
    let world = World::new();
    let plan = tiny_plan(&POISON);
    let hash = world.finish("one", &plan);
    assert_eq!(world.finish_together("two", &plan, 2), hash);
    let (one, two) = (world.updates("one"), world.updates("two"));
    let skipped = one.iter().filter(|update| update.skipped).count();
    assert!(skipped > 0 && skipped < one.len());
    for (one, two) in one.iter().zip(&two) {
        // The same micro-batch is suspected, the same before it counted.
        assert_eq!(
            (&one.crops, one.masked_frames, one.skipped),
            (&two.crops, two.masked_frames, two.skipped)
        );
    }
    // At least one of them was heard by the second rank alone, which has the second micro-batch.
    assert!(one.iter().any(|update| update.skipped && update.masked_frames > 0));
    let enough = tiny_plan(&["mixture.gain=3e38", "mixture.probability=1.0", "health.max_skipped=4"]);
    for (end, _) in world.sit_together("sick", &enough, 2, |_| None) {
        assert!(matches!(end, Err(PretrainError::Unhealthy { update: 4, .. })), "{end:?}");
    }
}

#[test]
fn spikes_roll_all_ranks_back() {
    let world = World::new();
    let nervous = [
        "health.spike_factor=1.0001",
        "health.spike_window=1",
        "health.spike=roll-back",
        "checkpoints.keep=99",
    ];
    let plan = tiny_plan(&nervous);
    let hash = world.finish("one", &plan);
    assert_eq!(world.finish_together("two", &plan, 2), hash);
    let rolled = |name: &str| {
        let lines = Log::read(&world.folder(name).log()).unwrap();
        lines.into_iter().filter(|line| matches!(line, LogLine::RolledBack(_))).collect::<Vec<_>>()
    };
    assert!(!rolled("one").is_empty());
    assert_eq!(rolled("two"), rolled("one"));
}

#[test]
fn a_stop_of_one_rank_stops_all_at_the_same_update() {
    let world = World::new();
    let plan = long_plan();
    let whole = world.finish_together("whole", &plan, 2);
    for (who, at) in [(1, 9), (0, 20), (1, 31)] {
        let name = format!("stopped-{who}-{at}");
        let ends = world.sit_together(&name, &plan, 2, |rank| (rank == who).then_some(Cut::Stop(at)));
        let [Ok(End::Interrupted(first)), Ok(End::Interrupted(second))] = [&ends[0].0, &ends[1].0] else {
            panic!("{ends:?}")
        };
        assert_eq!(first, second);
        assert_eq!(world.checkpoints(&name).last(), Some(first));
        assert_eq!(world.finish_together(&name, &plan, 2), whole);
        assert_eq!(world.traces(&name), world.traces("whole"));
    }
}

#[test]
fn another_number_of_ranks_goes_on_and_is_kept_on_record() {
    let world = World::new();
    let plan = long_plan();
    world.finish("one", &plan);
    for (then, now) in [(2, 1), (1, 3)] {
        let name = format!("{then} then {now}");
        let ends = world.sit_together(&name, &plan, then, |_| Some(Cut::Stop(25)));
        let Ok(End::Interrupted(update)) = ends[0].0 else { panic!("{ends:?}") };
        // Nobody has to accept anything.
        world.finish_together(&name, &plan, now);
        let updates = world.updates(&name);
        same_but_for_order(&name, &world.updates("one"), &updates);
        assert!(updates.iter().all(|one| one.ranks == if one.update <= update { then } else { now }));
        let identity = world.folder(&name).identity().unwrap();
        assert_eq!((identity.ranks, identity.drifts.len(), identity.drifts[0].update), (now, 1, update));
        let told = identity.drifts[0].changes[0].to_string();
        assert_eq!(told, format!("its number of ranks is {then}, now it is {now}"));
        let lines = Log::read(&world.folder(&name).log()).unwrap();
        assert!(lines.contains(&LogLine::Drift(identity.drifts[0].clone())));
        let model = weights::ModelDirectory::open(&world.folder(&name).model()).unwrap();
        assert_eq!(model.lineage().unwrap().drifts, [format!("after update {update}: {told}")]);
    }
}

#[test]
fn a_lost_rank_ends_the_others_and_the_run_can_go_on() {
    let world = World::new();
    let plan = long_plan();
    world.finish("one", &plan);
    for lost in [0, 2] {
        let name = format!("lost-{lost}");
        let ends = world.sit_together(&name, &plan, 3, |rank| (rank == lost).then_some(Cut::Kill(22)));
        for (rank, (end, _)) in ends.iter().enumerate() {
            if rank == lost {
                assert!(matches!(end, Ok(End::Killed)), "{end:?}");
            } else {
                let message = end.as_ref().unwrap_err().to_string();
                assert!(message.contains(&format!("rank {lost} of 3 has left")), "{message}");
                assert!(message.contains("go on with `--resume`"), "{message}");
            }
        }
        world.finish(&name, &plan);
        same_but_for_order(&name, &world.updates("one"), &world.updates(&name));
    }
}

#[test]
fn ranks_that_do_not_begin_alike_are_told_apart() {
    let world = World::new();
    let (plan, corpus, other) = (tiny_plan(&[]), &world.corpus, world.other_corpus());
    let begun =
        Begun { name: "run", plan: &plan, corpus, init: Init::Scratch, accept_drift: false, resume: false };
    let of = |rank| if rank == 1 { Begun { corpus: &other, ..begun } } else { begun };
    for (end, _) in world.sit_apart(2, of, |_| None) {
        let message = end.unwrap_err().to_string();
        assert!(message.contains("do not see the same") && message.contains("on rank 1"), "{message}");
    }
    assert!(!world.out("run").exists(), "nothing was begun");
    // An error of one rank is told to the others in its words, wherever it comes from.
    let codes = tiny_plan(&["objective.entries=32"]);
    let of = |rank| if rank == 1 { Begun { plan: &codes, ..begun } } else { begun };
    let ends = world.sit_apart(3, of, |_| None);
    assert!(matches!(ends[1].0, Err(PretrainError::Codes { .. })), "{ends:?}");
    for (end, _) in [&ends[0], &ends[2]] {
        let Err(PretrainError::Rank { rank: 1, message }) = end else { panic!("{end:?}") };
        assert!(message.contains("codebooks"), "{message}");
    }
}

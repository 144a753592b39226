//! A run that is killed or stopped anywhere ends where an undisturbed one ends.

use super::world::{Cut, End, World, tiny_plan};
use crate::{HeadsFrom, Init, PretrainError};

/// Inside accumulations, between stages, while measuring, before the first checkpoint: every event is a place to die.
#[test]
fn killed_at_any_event_a_run_ends_the_same() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let mut told = Vec::new();
    world.finish_telling("whole", &plan, &mut told);
    assert!(told.len() > 20, "{told:?}");
    for (at, event) in told.iter().enumerate() {
        let end = world.same_after(Cut::Kill(at), &format!("killed-{at}"), "whole", &plan);
        assert!(matches!(end, End::Killed), "{end:?} at `{event}`");
    }
}

#[test]
fn stopped_at_any_event_a_run_leaves_a_checkpoint_and_ends_the_same() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let mut told = Vec::new();
    world.finish_telling("whole", &plan, &mut told);
    for (at, event) in told.iter().enumerate().skip(1).step_by(3) {
        let name = format!("stopped-{at}");
        match world.same_after(Cut::Stop(at), &name, "whole", &plan) {
            End::Interrupted(update) => assert!(update <= 11, "{update} at `{event}`"),
            // What is asked during the last measurement comes too late.
            End::Finished(_) => assert!(event.starts_with("held out 11"), "{event}"),
            End::Killed => panic!("nobody kills at `{event}`"),
        }
    }
}

/// Each sitting loses its process after one update beyond the last checkpoint, over and over.
#[test]
fn a_run_that_dies_again_and_again_loses_one_interval_at_most() {
    let world = World::new();
    let plan = tiny_plan(&["checkpoints.every=1"]);
    world.finish("whole", &plan);
    let mut sittings = 0;
    while matches!(world.sit("dying", &plan, Some(Cut::Kill(8)), &mut Vec::new()).unwrap(), End::Killed) {
        sittings += 1;
        assert!(sittings < 12, "no progress");
    }
    assert!(sittings > 2, "{sittings}");
    assert_eq!(world.traces("dying"), world.traces("whole"));
}

#[test]
fn threads_change_no_bit() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let pools = [1, 2, 3].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    for (pool, name) in pools.iter().zip(["one", "two", "three"]) {
        pool.install(|| world.finish(name, &plan));
    }
    // Stopped under one number of threads, resumed under another.
    pools[1].install(|| world.sit("mixed", &plan, Some(Cut::Stop(12)), &mut Vec::new()).unwrap());
    pools[0].install(|| world.finish("mixed", &plan));
    for name in ["two", "three", "mixed"] {
        assert_eq!(world.traces(name), world.traces("one"), "{name}");
    }
}

#[test]
fn a_damaged_newest_checkpoint_falls_back_with_a_notice() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    world.finish("whole", &plan);
    world.sit("damaged", &plan, Some(Cut::Stop(17)), &mut Vec::new()).unwrap();
    let newest = *world.checkpoints("damaged").last().unwrap();
    let weights = world.out("damaged").join(format!("checkpoints/{newest:06}/weights.safetensors"));
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let mut told = Vec::new();
    world.finish_telling("damaged", &plan, &mut told);
    assert!(told[0].contains(&format!("{newest:06}` is damaged and left aside")), "{told:?}");
    assert_eq!(world.traces("damaged"), world.traces("whole"));
}

#[test]
fn the_last_and_every_so_many_checkpoints_stay() {
    let world = World::new();
    world.finish("last", &tiny_plan(&[]));
    assert_eq!(world.checkpoints("last"), [9, 11]);
    let plan = tiny_plan(&["checkpoints.every=2", "checkpoints.keep=1", "checkpoints.keep_every=2"]);
    world.finish("every", &plan);
    assert_eq!(world.checkpoints("every"), [4, 8, 11]);
}

#[test]
fn a_finished_run_resumed_writes_the_same_model() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let hash = world.finish("run", &plan);
    let traces = world.traces("run");
    assert_eq!(world.finish("run", &plan), hash);
    assert_eq!(world.traces("run"), traces);
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_behind() {
    let world = World::new();
    let plan = tiny_plan(&["objective.entries=32"]);
    let error = world.sit("wrong", &plan, None, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, PretrainError::Codes { .. }), "{error}");
    assert!(!world.out("wrong").exists());
}

#[test]
fn other_initial_weights_are_refused_by_name() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    world.finish("base", &plan);
    let base = weights::ModelDirectory::open(&world.folder("base").model()).unwrap();
    let init = Init::Model(&base, HeadsFrom::Model);
    let sit = |init, cut| world.sit_with("run", &plan, &world.corpus, init, false, cut, &mut Vec::new());
    sit(init, Some(Cut::Stop(9))).unwrap();
    let identity = world.folder("run").identity().unwrap();
    assert_eq!(identity.init_path.unwrap(), world.folder("base").model().canonicalize().unwrap());
    let message = sit(Init::Scratch, None).unwrap_err().to_string();
    assert!(
        message.contains("initial weights' hash is ") && message.contains("now it is scratch"),
        "{message}"
    );
    sit(init, None).unwrap();
}

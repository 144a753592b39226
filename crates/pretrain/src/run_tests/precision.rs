//! Half precision. The loop's half of float16 (loss scale, overflow, clip rule) is tested with products in float32, where a scale that is
//! a power of two changes nothing but overflow, so that runs can be compared bit by bit.

use super::world::{Cut, World, bits, tiny_plan};
use crate::{Log, PretrainError};

const HALF: &str = "precision.compute=float16";
/// Of 2^127 every gradient element above 2 overflows float32.
const TOO_LARGE: &str = "precision.loss_scale.initial=1.7014118346046923e38";

#[test]
fn without_overflow_a_scaled_run_is_the_run_without_scale() {
    let world = World::in_float32();
    let whole = world.finish("plain", &tiny_plan(&["stage.0.clip_norm=0", "stage.1.clip_norm=0"]));
    let plan = tiny_plan(&[HALF, "stage.0.clip_norm=0", "stage.1.clip_norm=0"]);
    assert_eq!(world.finish("scaled", &plan), whole);
    assert!(world.updates("scaled").iter().all(|update| update.loss_scale == Some(128.0)));
    assert!(world.updates("plain").iter().all(|update| update.loss_scale.is_none()));
}

#[test]
fn an_overflow_halves_the_scale_and_skips_the_step() {
    let world = World::in_float32();
    let large = "precision.loss_scale.initial=2.1267647932558654e37";
    let more = ["stage.1.updates=14", "health.max_skipped=64", "precision.loss_scale.window=2"];
    let plan = tiny_plan(&[HALF, large, more[0], more[1], more[2]]);
    world.finish("run", &plan);
    let updates = world.updates("run");
    let stage: Vec<_> = updates.iter().filter(|update| update.stage == "adapt").collect();
    assert!(stage[0].skipped && !stage[0].crops.is_empty(), "{:?}", stage[0]);
    for pair in stage.windows(2) {
        let factor = pair[1].loss_scale.unwrap() / pair[0].loss_scale.unwrap();
        assert_eq!(factor == 0.5, pair[0].skipped, "{pair:?}");
        // The rate waits for the step.
        assert_eq!(pair[1].learning_rate == pair[0].learning_rate, pair[0].skipped, "{pair:?}");
    }
    assert!(stage.iter().any(|update| !update.skipped), "some scale fits");
    for at in [6, 13, 19] {
        world.same_after(Cut::Kill(at), &format!("killed-{at}"), "run", &plan);
        world.same_after(Cut::Stop(at), &format!("stopped-{at}"), "run", &plan);
    }
}

#[test]
fn a_scale_at_its_minimum_ends_the_run_and_names_what_was_heard() {
    let world = World::in_float32();
    let plan = tiny_plan(&[HALF, TOO_LARGE, "precision.loss_scale.minimum=1e38"]);
    let error = world.sit("run", &plan, None, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, PretrainError::LossScaleExhausted { .. }) && !error.is_usage());
    assert!(error.to_string().contains("update 1: ") && error.to_string().contains(" from "), "{error}");
    assert!(Log::read(&world.folder("run").log()).unwrap().len() > 1, "the update stands in the log");
}

#[test]
fn skipped_updates_leave_weights_and_moments_alone() {
    let world = World::in_float32();
    // The scale never comes down to where it fits: nothing is learned.
    let all =
        [HALF, TOO_LARGE, "precision.loss_scale.threshold=1.7014118346046923e38", "health.max_skipped=64"];
    let plan = tiny_plan(&all);
    world.finish("run", &plan);
    assert!(world.updates("run").iter().all(|update| update.skipped));
    let (weights, moments) = world.checkpoint("run");
    assert!(moments.is_empty());
    let short = tiny_plan(&["stage.0.updates=2", "stage.1.updates=2", all[0], all[1], all[2], all[3]]);
    world.finish("short", &short);
    for (ours, short) in weights.iter().zip(&world.checkpoint("short").0) {
        assert_eq!(bits(&ours.data), bits(&short.data), "{}", ours.name);
    }
}

#[test]
fn half_types_learn_what_float32_learns_and_resume_to_the_bit() {
    let world = World::new();
    world.finish("float32", &tiny_plan(&[]));
    let losses =
        |name: &str| -> Vec<f64> { world.updates(name).iter().map(|update| update.loss.total).collect() };
    let exact = losses("float32");
    // Some hundred times the rounding of one number: a loss is a mean over many.
    for (compute, tolerance) in [("bfloat16", 2e-2), ("float16", 3e-3)] {
        let plan = tiny_plan(&[&format!("precision.compute={compute}")]);
        world.finish(compute, &plan);
        let found = losses(compute);
        assert_ne!(found, exact, "{compute} rounds");
        for (update, (found, exact)) in found.iter().zip(&exact).enumerate() {
            let error = (found - exact).abs() / exact;
            assert!(error < tolerance, "{compute}, update {update}: {found} against {exact}");
        }
        world.same_after(Cut::Kill(7), &format!("{compute}-killed"), compute, &plan);
    }
}

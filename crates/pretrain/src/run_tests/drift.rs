//! A run is resumed with what it was begun with; anything else is refused by name, or accepted and recorded.

use super::world::{Cut, End, World, tiny_plan};
use crate::{Init, Log, LogLine, PretrainError};

#[test]
fn a_changed_plan_or_corpus_is_refused_by_name_and_changes_nothing() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    world.finish("whole", &plan);
    world.sit("run", &plan, Some(Cut::Stop(10)), &mut Vec::new()).unwrap();
    let other = tiny_plan(&["stage.1.clip_norm=2.0", "run.seed=5"]);
    let error = world.sit("run", &other, None, &mut Vec::new()).unwrap_err();
    assert!(error.is_usage() && matches!(error, PretrainError::Drift { .. }));
    let message = error.to_string();
    for part in ["plan's `run.seed` is 1337, now it is 5", "(and 1 more)", "`--accept-drift`"] {
        assert!(message.contains(part), "{message} has no {part}");
    }
    let corpus = world.other_corpus();
    let refused = world.sit_with("run", &plan, &corpus, Init::Scratch, false, None, &mut Vec::new());
    let message = refused.unwrap_err().to_string();
    assert!(message.contains(&format!("corpus hash is {}", world.corpus.content_hash())), "{message}");
    world.finish("run", &plan);
    assert_eq!(world.traces("run"), world.traces("whole"));
}

#[test]
fn an_accepted_change_stands_in_identity_log_and_model() {
    let world = World::new();
    let plan = tiny_plan(&[]);
    let End::Interrupted(update) = world.sit("run", &plan, Some(Cut::Stop(10)), &mut Vec::new()).unwrap()
    else {
        panic!("it was asked to stop")
    };
    let (corpus, other) = (world.other_corpus(), tiny_plan(&["stage.1.clip_norm=2.0"]));
    let accept = |name: &str, cut| {
        world.sit_with(name, &other, &corpus, Init::Scratch, true, cut, &mut Vec::new()).unwrap()
    };
    // Accepted, then killed before another checkpoint: the record stays, once.
    assert!(matches!(accept("run", Some(Cut::Kill(4))), End::Killed));
    let resumed = world.sit_with("run", &other, &corpus, Init::Scratch, false, None, &mut Vec::new());
    assert!(matches!(resumed.unwrap(), End::Finished(_)), "what was accepted is the run's from then on");

    let drifts = world.folder("run").identity().unwrap().drifts;
    assert_eq!((drifts.len(), drifts[0].update), (1, update));
    let what: Vec<&str> = drifts[0].changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(what, ["plan's `stage.1.clip_norm`", "corpus hash"]);
    let lines = Log::read(&world.folder("run").log()).unwrap();
    let logged: Vec<&LogLine> = lines.iter().filter(|line| matches!(line, LogLine::Drift(_))).collect();
    assert_eq!(logged, [&LogLine::Drift(drifts[0].clone())]);
    let model = weights::ModelDirectory::open(&world.folder("run").model()).unwrap();
    let told = &model.lineage().unwrap().drifts;
    assert_eq!(told.len(), 2);
    assert!(
        told[0].starts_with(&format!("after update {update}: its plan's `stage.1.clip_norm`")),
        "{told:?}"
    );
    assert_eq!(world.folder("run").read_plan().unwrap(), other);
}

//! Runs the steps that are asked for, those that do not need each other side by side.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use study::graph::Graph;

use super::steps::{Dones, Ground, Work};
use crate::exit::Interrupted;
use crate::interrupt::stop_flag;

/// What is known while steps run.
struct State {
    waiting: BTreeSet<usize>,
    /// Long steps under way.
    running: usize,
    dones: Dones,
    failure: Option<anyhow::Error>,
}

/// Does `chosen` and gives what is done: `n_workers` steps at once, each on one thread; a long step that no other stands beside has all of them.
///
/// Which step runs when changes no output, for every step is a function of its inputs.
pub(crate) fn carry_out(
    graph: &Graph<Work>,
    chosen: &BTreeSet<usize>,
    ground: &Ground<'_>,
    n_workers: usize,
) -> anyhow::Result<Dones> {
    let is_step = |place: &usize| graph.nodes()[*place].work != Work::Report;
    let waiting: BTreeSet<usize> = chosen.iter().copied().filter(is_step).collect();
    let state = Mutex::new(State { waiting, running: 0, dones: Dones::new(), failure: None });
    let changed = Condvar::new();
    let pools = (0..n_workers.max(1))
        .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| work(graph, ground, &state, &changed, n_workers, pool));
        }
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some(failure) => Err(failure),
        None if state.waiting.is_empty() => Ok(state.dones),
        None => anyhow::bail!("a step of the study did not end"),
    }
}

/// One worker: takes the first step that is ready until there is none to come.
fn work(
    graph: &Graph<Work>,
    ground: &Ground<'_>,
    state: &Mutex<State>,
    changed: &Condvar,
    n_workers: usize,
    pool: &rayon::ThreadPool,
) {
    let mut held = lock(state);
    loop {
        if held.failure.is_some() || held.waiting.is_empty() {
            return;
        }
        let is_ready = |place: &usize| {
            let mut needs = graph.needs(*place).iter();
            needs.all(|&need| held.dones.contains_key(&graph.nodes()[need].name))
        };
        let ready: Vec<usize> = held.waiting.iter().copied().filter(is_ready).collect();
        let Some(&place) = ready.first() else {
            held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let is_long = |place: usize| graph.nodes()[place].work.is_long();
        let n_long = held.running + ready.iter().filter(|&&place| is_long(place)).count();
        let is_alone = n_workers == 1 || is_long(place) && n_long == 1;
        held.waiting.remove(&place);
        held.running += usize::from(is_long(place));
        let node = &graph.nodes()[place];
        // A copy, so that others may go on writing theirs.
        let needed: Dones = graph
            .needs(place)
            .iter()
            .filter_map(|&need| held.dones.get_key_value(&graph.nodes()[need].name))
            .map(|(name, done)| (name.clone(), done.clone()))
            .collect();
        drop(held);
        let job = || one(&node.name, &node.work, ground, &needed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if is_alone { job() } else { pool.install(job) }
        }));
        held = lock(state);
        held.running -= usize::from(is_long(place));
        match result {
            Ok(Ok(done)) => drop(held.dones.insert(node.name.clone(), done)),
            Ok(Err(error)) => note(&mut held, error),
            // What went wrong was said where it did.
            Err(_) => note(
                &mut held,
                anyhow::anyhow!("the step `{}` ended by a mistake in this program", node.name),
            ),
        }
        changed.notify_all();
    }
}

/// The first failure counts, but for an interruption, which says less than what else went wrong.
fn note(state: &mut State, error: anyhow::Error) {
    let says_more = |before: &anyhow::Error| before.is::<Interrupted>() && !error.is::<Interrupted>();
    if state.failure.as_ref().is_none_or(says_more) {
        state.failure = Some(error);
    }
}

fn one(name: &str, work: &Work, ground: &Ground<'_>, needed: &Dones) -> anyhow::Result<study::Done> {
    let step = work.step(name, ground, needed)?;
    if stop_flag().load(std::sync::atomic::Ordering::Relaxed) && ground.ledger.find(&step).is_none() {
        return Err(Interrupted("what is done is kept; the same command goes on".into()).into());
    }
    ground.ledger.run(&step, |dir| work.carry_out(ground, needed, dir))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Studies: experiments as data.
//!
//! A study file ([`file`]) becomes a whole plan ([`plan`]), the plan a graph of steps ([`graph`]), each of which is kept by the hash of its inputs
//! ([`steps`]); what is asked of them is done, side by side where nothing is gained by waiting ([`schedule`]), and their outputs become one
//! value and its report ([`collect`]).

mod ablations;
mod collect;
mod cost;
mod describe;
mod file;
mod graph;
mod merges;
mod models;
mod plan;
mod rehearsal;
mod schedule;
mod steps;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use study::graph::Graph;
use study::results::StudyResults;
use study::{Event, Ledger};

use crate::exit::usage;
use crate::share::Share;
use crate::terminal::Terminal;
use cost::{Costs, Machine};
use steps::{Ground, Work};

pub(crate) use describe::{Estimates, Listed, estimate_as_text, list_as_text};
pub(crate) use file::StudyFile;
pub(crate) use plan::{Asked, StudyPlan};

/// What of a study is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Steps by name, beginning or `*`; none: all of them.
    pub(crate) only: Vec<String>,
    /// One job's part of them.
    pub(crate) shard: Option<Share>,
}

/// What came of it.
pub(crate) enum Outcome {
    /// Everything is there, and the report is written.
    Whole(Box<StudyResults>),
    /// Some steps are there.
    Part {
        /// Their names.
        steps: Vec<String>,
    },
}

/// Does what is asked of the study in `out`; of a whole one `report.html` lies there then.
pub(crate) fn run(
    plan: &StudyPlan,
    preset: &str,
    choice: &Choice,
    device: &Device,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let quiet = Terminal::new(true, true);
    let graph = plan.graph()?;
    for notice in &plan.notices {
        terminal.say(format!("note: {notice}"));
    }
    let asked = chosen(&graph, choice)?;
    let ledger = ledger(out, terminal)?;
    let ground = Ground { plan, ledger: &ledger, device, out, terminal, quiet: &quiet };
    let whole = graph.with_needs(&asked);
    let n_workers = Costs::new(plan, Machine { operations: 1.0, threads: cores() }).workers();
    let dones = schedule::carry_out(&graph, &whole, &ground, n_workers)?;
    let is_whole = graph.place(graph::names::REPORT).is_some_and(|report| asked.contains(&report));
    if !is_whole {
        let steps = asked.iter().map(|&place| graph.nodes()[place].name.clone()).collect();
        terminal.say(format!("{} steps are there after {:.0} s", whole.len(), begun.elapsed().as_secs_f64()));
        return Ok(Outcome::Part { steps });
    }
    let (results, measured) = collect::collect(preset, &graph, &ground, &dones)?;
    study::write_all(&results, out)?;
    for (name, evaluation) in
        measured.evaluations.iter().filter(|(_, evaluation)| !evaluation.sets.is_empty())
    {
        study::evaluation::write_all(evaluation, &out.join("evaluations").join(name))?;
    }
    terminal.say(format!(
        "study finished in {:.0} s; open `{}`",
        begun.elapsed().as_secs_f64(),
        out.join("report.html").display()
    ));
    Ok(Outcome::Whole(Box::new(results)))
}

/// The steps asked for with their state.
pub(crate) fn list(
    plan: &StudyPlan,
    choice: &Choice,
    device: &Device,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Listed>> {
    let graph = plan.graph()?;
    let asked = chosen(&graph, choice)?;
    let dones = there(plan, &graph, device, out, terminal)?;
    Ok(describe::list(&graph, &asked, &dones))
}

/// What the steps asked for, and what they need, will take.
pub(crate) fn estimate(
    plan: &StudyPlan,
    choice: &Choice,
    device: &Device,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<Estimates> {
    let graph = plan.graph()?;
    let whole = graph.with_needs(&chosen(&graph, choice)?);
    let dones = there(plan, &graph, device, out, terminal)?;
    let costs = Costs::new(plan, Machine::measured());
    Ok(describe::estimate(&graph, &whole, &dones, &costs, &plan.notices))
}

/// What is kept in `out`; nothing is made where there is no study yet.
fn there(
    plan: &StudyPlan,
    graph: &Graph<Work>,
    device: &Device,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<steps::Dones> {
    if !out.join("steps").is_dir() {
        return Ok(steps::Dones::new());
    }
    let ledger = Ledger::open(out)?;
    let quiet = Terminal::new(true, true);
    let ground = Ground { plan, ledger: &ledger, device, out, terminal, quiet: &quiet };
    Ok(describe::kept(graph, &ground))
}

/// Places of the steps that are asked for, without what they need.
fn chosen(graph: &Graph<Work>, choice: &Choice) -> anyhow::Result<BTreeSet<usize>> {
    let all = || (0..graph.len()).collect();
    let asked = if choice.only.is_empty() {
        all()
    } else {
        graph.choose(&choice.only).map_err(|error| usage(format!("`--only`: {error}; see `--list`")))?
    };
    match choice.shard {
        None => Ok(asked),
        Some(shard) => {
            let share = shard.resolve()?;
            Ok(graph.share(&asked, share.index, share.count))
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn ledger(out: &Path, terminal: &Terminal) -> anyhow::Result<Ledger> {
    let speaks = !terminal.is_quiet();
    let begun = Instant::now();
    Ok(Ledger::open(out)?.with_watcher(move |event| {
        let line = match event {
            Event::Waiting { step, holder } => format!("{step}: waiting for {holder:?}, which works on it"),
            Event::Damaged { step, .. } => format!("{step}: what was kept is damaged, so it is done anew"),
            Event::Resuming { step, .. } => format!("{step}: going on"),
            Event::Started { step } => format!("{step}: started"),
            Event::Finished { step, cached: true, .. } => format!("{step}: kept from an earlier run"),
            Event::Finished { step, .. } => format!("{step}: done"),
        };
        if speaks {
            eprintln!("[{:>5.1} s] {line}", begun.elapsed().as_secs_f64());
        }
    }))
}

//! A study before it runs: its steps, what is kept already, what it will take.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;
use study::graph::Graph;

use super::cost::{Cost, Costs};
use super::steps::{Dones, Ground, Work};

/// One step as `--list` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) step: String,
    pub(crate) state: State,
    /// Steps that it needs.
    pub(crate) needs: Vec<String>,
}

/// What there is of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Its output is kept from an earlier run with the same inputs.
    Kept,
    /// It is to be done.
    ToDo,
    /// It is always done anew, from what the others left.
    Always,
}

/// One step as `--dry-run` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Estimated {
    pub(crate) step: String,
    pub(crate) state: State,
    /// Seconds it takes.
    pub(crate) seconds: f64,
    /// Bytes of memory.
    pub(crate) memory: f64,
    /// Bytes of disk.
    pub(crate) disk: f64,
}

/// What is left of a study, in all.
#[derive(Debug, Serialize)]
pub(crate) struct Totals {
    pub(crate) steps: usize,
    pub(crate) kept: usize,
    /// Seconds of all steps that are not kept, one by one.
    pub(crate) seconds: f64,
    /// Seconds from beginning to end, with as many steps at once as the machine takes.
    pub(crate) elapsed: f64,
    /// Most bytes of memory that steps side by side need.
    pub(crate) memory: f64,
    /// Bytes of disk.
    pub(crate) disk: f64,
    pub(crate) steps_at_once: usize,
}

/// The estimates of a study.
#[derive(Debug, Serialize)]
pub(crate) struct Estimates {
    pub(crate) steps: Vec<Estimated>,
    pub(crate) totals: Totals,
    /// What the estimates rest on.
    pub(crate) rests_on: Vec<String>,
    /// What a reader should know.
    pub(crate) notices: Vec<String>,
}

/// What is kept of `graph`. A step whose inputs cannot be told yet is to be done.
pub(crate) fn kept(graph: &Graph<Work>, ground: &Ground<'_>) -> Dones {
    let mut dones = Dones::new();
    for node in graph.nodes() {
        // The inputs of a step are outputs of what it needs.
        let is_reachable = node.needs.iter().all(|need| dones.contains_key(need));
        if !is_reachable || node.work == Work::Report {
            continue;
        }
        let found =
            node.work.step(&node.name, ground, &dones).ok().and_then(|step| ground.ledger.find(&step));
        dones.extend(found.map(|done| (node.name.clone(), done)));
    }
    dones
}

fn state(graph: &Graph<Work>, place: usize, dones: &Dones) -> State {
    let node = &graph.nodes()[place];
    match node.work {
        Work::Report => State::Always,
        _ if dones.contains_key(&node.name) => State::Kept,
        _ => State::ToDo,
    }
}

/// The steps that are `chosen`.
pub(crate) fn list(graph: &Graph<Work>, chosen: &BTreeSet<usize>, dones: &Dones) -> Vec<Listed> {
    let listed = chosen.iter().map(|&place| Listed {
        step: graph.nodes()[place].name.clone(),
        state: state(graph, place, dones),
        needs: graph.needs(place).iter().map(|&need| graph.nodes()[need].name.clone()).collect(),
    });
    listed.collect()
}

/// The same for people.
pub(crate) fn list_as_text(listed: &[Listed]) -> String {
    let width = listed.iter().map(|one| one.step.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for one in listed {
        let needs = match (one.needs.as_slice(), one.state) {
            ([], _) => String::new(),
            (_, State::Always) => "  after all others".into(),
            (needs, _) => format!("  after {}", needs.join(", ")),
        };
        let line = format!("{:<width$}  {:<5}{needs}", one.step, word(one.state));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let n_kept = listed.iter().filter(|one| one.state == State::Kept).count();
    let _ = writeln!(out, "{} steps, {n_kept} kept", listed.len());
    out
}

fn word(state: State) -> &'static str {
    match state {
        State::Kept => "kept",
        State::ToDo => "to do",
        State::Always => "last",
    }
}

/// What the steps that are `chosen` will take.
pub(crate) fn estimate(
    graph: &Graph<Work>,
    chosen: &BTreeSet<usize>,
    dones: &Dones,
    costs: &Costs<'_>,
    notices: &[String],
) -> Estimates {
    let is_left = |place: usize| chosen.contains(&place) && state(graph, place, dones) != State::Kept;
    let steps: Vec<Estimated> = chosen
        .iter()
        .map(|&place| {
            let node = &graph.nodes()[place];
            let Cost { seconds, memory, disk } = costs.of(&node.work);
            Estimated { step: node.name.clone(), state: state(graph, place, dones), seconds, memory, disk }
        })
        .collect();
    let left = || steps.iter().filter(|step| step.state != State::Kept);
    let mut memories: Vec<f64> = left().map(|step| step.memory).collect();
    memories.sort_by(|a, b| b.total_cmp(a));
    let totals = Totals {
        steps: steps.len(),
        kept: steps.len() - left().count(),
        seconds: left().map(|step| step.seconds).sum(),
        elapsed: costs.elapsed(graph, is_left),
        memory: memories.iter().take(costs.workers()).sum(),
        disk: left().map(|step| step.disk).sum(),
        steps_at_once: costs.workers(),
    };
    Estimates { steps, totals, rests_on: costs.grounds(), notices: notices.to_vec() }
}

/// The same for people.
pub(crate) fn estimate_as_text(estimates: &Estimates) -> String {
    let width = estimates.steps.iter().map(|one| one.step.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!("{:<width$}  {:>9}  {:>9}  {:>9}\n", "step", "time", "memory", "disk");
    for one in &estimates.steps {
        let kept = if one.state == State::Kept { "  kept" } else { "" };
        let (time, memory, disk) = (time(one.seconds), bytes(one.memory), bytes(one.disk));
        let _ = writeln!(out, "{:<width$}  {time:>9}  {memory:>9}  {disk:>9}{kept}", one.step);
    }
    let Totals { steps, kept, seconds, elapsed, memory, disk, steps_at_once } = &estimates.totals;
    let _ = writeln!(
        out,
        "{:<width$}  {:>9}  {:>9}  {:>9}\n\n{steps} steps, {kept} kept. What is left takes about {} here, {steps_at_once} at a time.",
        "in all",
        time(*seconds),
        bytes(*memory),
        bytes(*disk),
        time(*elapsed)
    );
    for ground in &estimates.rests_on {
        let _ = writeln!(out, "- {ground}");
    }
    for notice in &estimates.notices {
        let _ = writeln!(out, "note: {notice}");
    }
    out
}

/// Two figures are as exact as an estimate is.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 90.0 => (s, "s"),
        s if s < 5400.0 => (s / 60.0, "min"),
        s if s < 172_800.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{} {unit}", two_figures(value))
}

fn bytes(bytes: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes;
    let mut at = 0;
    while value >= 1000.0 && at + 1 < units.len() {
        value /= 1000.0;
        at += 1;
    }
    format!("{} {}", two_figures(value), units[at])
}

fn two_figures(value: f64) -> String {
    match value {
        v if v >= 10.0 => {
            let power = 10_f64.powf(v.log10().floor() - 1.0);
            format!("{:.0}", (v / power).round() * power)
        }
        v if v >= 1.0 => format!("{v:.1}"),
        v if v > 0.0 => format!("{v:.2}"),
        _ => "0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_two_figures() {
        assert_eq!([0.0, 0.25, 7.26, 125.0].map(time), ["0 s", "0.25 s", "7.3 s", "2.1 min"]);
        assert_eq!([5.0 * 3600.0, 40.2 * 86_400.0].map(time), ["5.0 h", "40 days"]);
        assert_eq!([12.0, 1234.0, 987_654_321.0, 4.6e15].map(bytes), ["12 B", "1.2 kB", "990 MB", "4600 TB"]);
    }
}

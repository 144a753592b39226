//! The steps of a study and what each of them needs: an explicit graph without loops. Pure.
//!
//! A [`Graph`] exists only whole: every name is unique and of a shape the [`crate::Ledger`] takes, every need is a node, nothing needs itself.
//! Its nodes stand in topological order, those that are free to change places in the order they were listed, so that the same study gives the
//! same order everywhere. The graph knows nothing of what a step does; `T` is whatever its owner keeps with it.

mod choice;
mod shares;

use std::collections::{BTreeMap, BTreeSet};

pub use choice::fits;

use crate::{Step, StudyError};

/// A step and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<T> {
    /// Its name: that of the step in the ledger.
    pub name: String,
    /// Names of the steps whose output it reads.
    pub needs: Vec<String>,
    /// Whether it puts together what the others made: jobs that share the work leave it to the last call.
    pub collects: bool,
    /// What it does.
    pub work: T,
}

impl<T> Node<T> {
    /// A step that needs `needs`.
    pub fn new(name: impl Into<String>, needs: impl IntoIterator<Item = String>, work: T) -> Self {
        Self { name: name.into(), needs: needs.into_iter().collect(), collects: false, work }
    }
}

/// Steps in an order in which each comes after all it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph<T> {
    nodes: Vec<Node<T>>,
    places: BTreeMap<String, usize>,
    needs: Vec<Vec<usize>>,
    depths: Vec<usize>,
}

impl<T> Graph<T> {
    /// Orders the nodes; fails on a name that stands there twice or cannot be a step's, on a need that is no node, and on a loop.
    pub fn new(nodes: Vec<Node<T>>) -> Result<Self, StudyError> {
        let mut listed: BTreeMap<String, usize> = BTreeMap::new();
        for (at, node) in nodes.iter().enumerate() {
            Step::new(node.name.as_str()).check_name()?;
            if listed.insert(node.name.clone(), at).is_some() {
                return Err(graph(format!("two steps are called `{}`", node.name)));
            }
        }
        let mut needs = Vec::with_capacity(nodes.len());
        for node in &nodes {
            let found: Result<BTreeSet<usize>, StudyError> =
                node.needs.iter().map(|need| find(&listed, &node.name, need)).collect();
            needs.push(found?);
        }
        let order = order(&nodes, &needs)?;
        let place_of: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(place, &at)| (at, place)).collect();
        let needs: Vec<Vec<usize>> = order
            .iter()
            .map(|&at| {
                let mut places: Vec<usize> = needs[at].iter().map(|need| place_of[need]).collect();
                places.sort_unstable();
                places
            })
            .collect();
        let mut depths: Vec<usize> = Vec::with_capacity(needs.len());
        for of_one in &needs {
            depths.push(of_one.iter().map(|&need| depths[need] + 1).max().unwrap_or(0));
        }
        let places = listed.into_iter().map(|(name, at)| (name, place_of[&at])).collect();
        let mut slots: Vec<Option<Node<T>>> = nodes.into_iter().map(Some).collect();
        let nodes = order.iter().filter_map(|&at| slots[at].take()).collect();
        Ok(Self { nodes, places, needs, depths })
    }

    /// The steps, each after all it needs.
    pub fn nodes(&self) -> &[Node<T>] {
        &self.nodes
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where the step of this name stands in [`Self::nodes`].
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Places of what the step at `place` needs, ascending.
    pub fn needs(&self, place: usize) -> &[usize] {
        &self.needs[place]
    }

    /// Steps of the longest chain of needs below the step at `place`; steps of one depth do not need each other.
    pub fn depth(&self, place: usize) -> usize {
        self.depths[place]
    }
}

fn find(listed: &BTreeMap<String, usize>, name: &str, need: &str) -> Result<usize, StudyError> {
    listed.get(need).copied().ok_or_else(|| {
        let meant = nearest::did_you_mean(need, listed.keys().map(String::as_str));
        graph(format!("step `{name}` needs `{need}`, and there is no such step{meant}"))
    })
}

/// Kahn's algorithm; of the steps that are free, the first listed goes first.
fn order<T>(nodes: &[Node<T>], needs: &[BTreeSet<usize>]) -> Result<Vec<usize>, StudyError> {
    let mut waits_for: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, of_one) in needs.iter().enumerate() {
        for &need in of_one {
            needed_by[need].push(at);
        }
    }
    let mut free: BTreeSet<usize> = (0..nodes.len()).filter(|&at| waits_for[at] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(at) = free.pop_first() {
        order.push(at);
        for &next in &needed_by[at] {
            waits_for[next] -= 1;
            if waits_for[next] == 0 {
                free.insert(next);
            }
        }
    }
    if order.len() == nodes.len() {
        return Ok(order);
    }
    let ordered: BTreeSet<usize> = order.into_iter().collect();
    Err(graph(format!("steps need each other in a circle: {}", circle(nodes, needs, &ordered))))
}

/// `a -> b -> a`, from the first step that is not in the order.
fn circle<T>(nodes: &[Node<T>], needs: &[BTreeSet<usize>], ordered: &BTreeSet<usize>) -> String {
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..nodes.len()).find(|at| !ordered.contains(at));
    while let Some(now) = at {
        if let Some(begin) = path.iter().position(|&before| before == now) {
            path.drain(..begin);
            path.push(now);
            break;
        }
        path.push(now);
        // What is not in the order waits for something that is not either.
        at = needs[now].iter().copied().find(|need| !ordered.contains(need));
    }
    let names: Vec<String> = path.iter().map(|&at| format!("`{}`", nodes[at].name)).collect();
    names.join(" -> ")
}

fn graph(reason: String) -> StudyError {
    StudyError::Graph { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, needs: &[&str]) -> Node<()> {
        Node::new(name, needs.iter().map(|need| (*need).to_owned()), ())
    }

    #[track_caller]
    fn refused(nodes: Vec<Node<()>>, part: &str) {
        let message = Graph::new(nodes).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn what_is_free_keeps_the_order_of_the_list() {
        let graph =
            Graph::new(vec![node("d", &["b"]), node("c", &[]), node("b", &["a"]), node("a", &[])]).unwrap();
        let names: Vec<&str> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b", "d"]);
        assert_eq!((graph.needs(3), graph.depth(3), graph.place("b")), (&[2][..], 2, Some(2)));
    }

    #[test]
    fn what_cannot_be_ordered_is_named() {
        refused(vec![node("a", &[]), node("a", &[])], "two steps are called `a`");
        refused(vec![node("train-base", &[]), node("probe", &["train-bose"])], "did you mean `train-base`?");
        refused(vec![node("a", &["a"])], "`a` -> `a`");
        let circle = vec![node("x", &[]), node("a", &["b", "x"]), node("b", &["c"]), node("c", &["a"])];
        refused(circle, "`a` -> `b` -> `c` -> `a`");
        refused(vec![node("a b", &[])], "is not usable");
    }
}

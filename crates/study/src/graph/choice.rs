//! Which steps are meant, and what has to be there for them.

use std::collections::BTreeSet;

use super::{Graph, graph};
use crate::StudyError;

impl<T> Graph<T> {
    /// Places of the steps that `patterns` name: a whole name, a name with `*` for any run of characters, or the beginning of names.
    /// A pattern that names none is an error.
    pub fn choose<S: AsRef<str>>(&self, patterns: &[S]) -> Result<BTreeSet<usize>, StudyError> {
        let mut chosen = BTreeSet::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let fits = |name: &str| match self.place(pattern) {
                // A name that also begins others means itself.
                Some(_) => name == pattern,
                None if pattern.contains('*') => fits(pattern, name),
                None => !pattern.is_empty() && name.starts_with(pattern),
            };
            let before = chosen.len();
            let places: Vec<usize> = (0..self.len()).filter(|&place| fits(&self.nodes[place].name)).collect();
            chosen.extend(&places);
            if places.is_empty() && before == chosen.len() {
                let names = self.nodes.iter().map(|node| node.name.as_str());
                let meant = nearest::did_you_mean(pattern, names);
                return Err(graph(format!("no step is called `{pattern}`, nor does one fit it{meant}")));
            }
        }
        Ok(chosen)
    }

    /// `chosen` and everything they need, directly or through others.
    pub fn with_needs(&self, chosen: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut whole = chosen.clone();
        // Needs stand before what needs them, so one pass from the end finds them all.
        for place in (0..self.len()).rev() {
            if whole.contains(&place) {
                whole.extend(self.needs(place));
            }
        }
        whole
    }
}

/// Whether `name` fits a pattern in which `*` stands for any run of characters.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;

    fn sample() -> Graph<()> {
        let node =
            |name: &str, needs: &[&str]| Node::new(name, needs.iter().map(|one| (*one).to_owned()), ());
        Graph::new(vec![
            node("corpus", &[]),
            node("train-base", &["corpus"]),
            node("train-base-2", &["train-base"]),
            node("probe-base", &["train-base"]),
        ])
        .unwrap()
    }

    #[test]
    fn patterns_are_names_beginnings_or_stars() {
        let graph = sample();
        let names = |patterns: &[&str]| -> Vec<String> {
            let chosen = graph.choose(patterns).unwrap();
            chosen.into_iter().map(|place| graph.nodes()[place].name.clone()).collect()
        };
        assert_eq!(names(&["train-base"]), ["train-base"]);
        assert_eq!(names(&["train-b*"]), ["train-base", "train-base-2"]);
        assert_eq!(names(&["train"]), ["train-base", "train-base-2"]);
        assert_eq!(names(&["*base"]), ["train-base", "probe-base"]);
        assert_eq!(names(&["p*-*e", "corpus", "corpus"]), ["corpus", "probe-base"]);
        let message = graph.choose(&["prob-base"]).unwrap_err().to_string();
        assert!(message.contains("did you mean `probe-base`?"), "{message}");
        assert!(graph.choose(&[""]).is_err() && graph.choose(&["*x"]).is_err());
    }

    #[test]
    fn stars_stand_for_any_run() {
        assert!(fits("*", "") && fits("a*c", "abc") && fits("a*b*c", "axxbyyc") && fits("a*", "a"));
        assert!(!fits("a*a", "a") && !fits("a*c", "abd") && !fits("b*", "ab"));
    }
}

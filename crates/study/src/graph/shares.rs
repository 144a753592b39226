//! Which of several jobs does which step.

use std::collections::BTreeSet;

use super::Graph;

impl<T> Graph<T> {
    /// Places of the steps among `chosen` that are job number `index` of `count`'s own. Every step that does not collect is exactly one job's.
    ///
    /// Jobs of equal load, counted in steps, with chains kept together: the first step whose one deepest need is another step follows that one
    /// to its job, for nothing is gained by waiting for it elsewhere. What a job's own steps need is done by whichever job comes first.
    pub fn share(&self, chosen: &BTreeSet<usize>, index: usize, count: usize) -> BTreeSet<usize> {
        let mut owners: Vec<Option<usize>> = vec![None; self.len()];
        let mut is_followed = vec![false; self.len()];
        let mut loads = vec![0_usize; count];
        for &place in chosen.iter().filter(|&&place| !self.nodes[place].collects) {
            let deepest = self.needs(place).iter().map(|&need| self.depth(need)).max();
            let mut deep = self.needs(place).iter().filter(|&&need| Some(self.depth(need)) == deepest);
            let only = match (deep.next(), deep.next()) {
                (Some(&only), None) if !is_followed[only] => Some(only),
                _ => None,
            };
            let least = || (0..count).min_by_key(|&job| (loads[job], job)).unwrap_or(0);
            let owner = only.and_then(|need| owners[need]).unwrap_or_else(least);
            if let Some(need) = only {
                is_followed[need] = true;
            }
            if let Some(load) = loads.get_mut(owner) {
                *load += 1;
            }
            owners[place] = Some(owner);
        }
        (0..self.len()).filter(|&place| owners[place] == Some(index)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::Node;

    /// Graphs of up to 12 steps that are listed in any order; step `i` needs some of the steps below `i`. The last may collect.
    fn graphs() -> impl Strategy<Value = Graph<usize>> {
        let needs = (1..12_usize).prop_flat_map(|n| {
            let rows = (0..n).map(|i| proptest::collection::vec(any::<bool>(), i)).collect::<Vec<_>>();
            (rows, Just((0..n).collect::<Vec<usize>>()).prop_shuffle(), any::<bool>())
        });
        needs.prop_map(|(rows, order, collects)| {
            let n = rows.len();
            let nodes = order.into_iter().map(|i| {
                let needs = rows[i].iter().enumerate().filter(|(_, is)| **is);
                let mut node =
                    Node::new(format!("step-{i}"), needs.map(|(need, _)| format!("step-{need}")), i);
                node.collects = collects && i == n - 1;
                node
            });
            Graph::new(nodes.collect()).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_step_comes_after_what_it_needs(graph in graphs()) {
            for (place, node) in graph.nodes().iter().enumerate() {
                prop_assert_eq!(graph.place(&node.name), Some(place));
                let named: BTreeSet<usize> = node.needs.iter().filter_map(|need| graph.place(need)).collect();
                prop_assert_eq!(&named, &graph.needs(place).iter().copied().collect());
                for &need in graph.needs(place) {
                    prop_assert!(need < place && graph.depth(need) < graph.depth(place));
                }
            }
        }

        #[test]
        fn what_is_chosen_is_whole_and_nothing_more(graph in graphs(), picks in proptest::collection::vec(any::<usize>(), 0..4)) {
            let chosen: BTreeSet<usize> = picks.into_iter().map(|pick| pick % graph.len()).collect();
            let whole = graph.with_needs(&chosen);
            prop_assert!(chosen.is_subset(&whole));
            for &place in &whole {
                prop_assert!(graph.needs(place).iter().all(|need| whole.contains(need)));
                let is_needed = whole.iter().any(|&other| graph.needs(other).contains(&place));
                prop_assert!(chosen.contains(&place) || is_needed);
            }
            prop_assert_eq!(graph.with_needs(&whole), whole.clone());
        }

        #[test]
        fn jobs_part_the_steps_between_them(graph in graphs(), count in 1..6_usize, leave in any::<usize>()) {
            let chosen: BTreeSet<usize> = (0..graph.len()).filter(|place| *place != leave % graph.len()).collect();
            let shares: Vec<BTreeSet<usize>> = (0..count).map(|index| graph.share(&chosen, index, count)).collect();
            for place in 0..graph.len() {
                let owners = shares.iter().filter(|share| share.contains(&place)).count();
                let is_shared = chosen.contains(&place) && !graph.nodes()[place].collects;
                prop_assert_eq!(owners, usize::from(is_shared));
            }
            prop_assert!(graph.share(&chosen, count, count).is_empty(), "there is no such job");
        }
    }
}

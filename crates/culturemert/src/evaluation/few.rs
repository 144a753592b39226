//! A few recordings of a set, for a rehearsal: enough that a probe can tell something apart, and no more.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use corpus::Split;

use super::set::EvaluationSet;

/// Keeps at most `most` recordings of each split, and says so.
pub(super) fn few(set: &mut EvaluationSet, most: u64) {
    let splits: Vec<Split> = set.recordings.iter().map(|recording| recording.split).collect();
    let labels: Vec<&[u8]> = set.recordings.iter().map(|recording| recording.labels.as_slice()).collect();
    let kept = chosen(&splits, &labels, most);
    let n_before = set.recordings.len();
    let mut kept = kept.into_iter();
    set.recordings.retain(|_| kept.next() == Some(true));
    let n = set.recordings.len();
    if n < n_before {
        set.incomplete.push(format!("a rehearsal takes {n} of its {n_before} recordings"));
    }
}

/// Which recordings stay: half of each split's with the output that can best be told by so few, half without.
fn chosen(splits: &[Split], labels: &[&[u8]], most: u64) -> Vec<bool> {
    let n_outputs = labels.iter().map(|labels| labels.len()).max().unwrap_or(0);
    let has = |at: usize, output: usize| labels[at].get(output) == Some(&1);
    // The output whose rarer side is the largest in the split where it is smallest.
    let balance = |output: usize| {
        let of_split = |split: Split| {
            let all: Vec<usize> = (0..splits.len()).filter(|&at| splits[at] == split).collect();
            let with = all.iter().filter(|&&at| has(at, output)).count();
            with.min(all.len() - with)
        };
        Split::ALL.map(of_split).into_iter().min()
    };
    let told_by = (0..n_outputs).max_by_key(|&output| (balance(output), Reverse(output)));
    let of_side = |has_it: bool| match told_by {
        None => most,
        Some(_) if has_it => most.div_ceil(2),
        Some(_) => most / 2,
    };
    let mut counts: BTreeMap<(Split, bool), u64> = BTreeMap::new();
    let mut is_kept = |at: usize| {
        let side = told_by.is_some_and(|output| has(at, output));
        let count = counts.entry((splits[at], side)).or_default();
        *count += 1;
        *count <= of_side(side)
    };
    (0..splits.len()).map(&mut is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_tag_stay_in_every_split() {
        let splits: Vec<Split> = (0..30).map(|at| Split::ALL[at % 3]).collect();
        // The first output is everywhere, the second on half of each split.
        let labels: Vec<[u8; 2]> = (0..30).map(|at| [1, u8::from((at / 3) % 2 == 0)]).collect();
        let labels: Vec<&[u8]> = labels.iter().map(<[u8; 2]>::as_slice).collect();
        let kept = chosen(&splits, &labels, 4);
        for split in Split::ALL {
            let of_split: Vec<usize> = (0..30).filter(|&at| kept[at] && splits[at] == split).collect();
            let with = of_split.iter().filter(|&&at| labels[at][1] == 1).count();
            assert_eq!((of_split.len(), with), (4, 2), "{split}");
        }
    }

    #[test]
    fn without_labels_the_first_stay() {
        let splits = [Split::Train, Split::Train, Split::Test, Split::Train];
        assert_eq!(chosen(&splits, &[&[], &[], &[], &[]], 2), [true, true, true, false]);
    }
}

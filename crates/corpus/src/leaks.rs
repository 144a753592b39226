//! Test data never trains: no content and, where it can be helped, no performer stands in two splits.
//!
//! The same content in two splits is an error. It is looked for twice: by the hash of the file, and by the hash of the decoded samples,
//! which finds the copy with other metadata too. A group in two splits is a warning that names it: published splits have such groups,
//! and are used as they are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{CorpusError, Split};

/// A group of recordings that stands in more than one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLeak {
    /// The culture in which the group has its meaning.
    pub culture: String,
    /// The group.
    pub group: String,
    /// The splits it stands in.
    pub splits: Vec<Split>,
    /// Recordings of the group.
    pub recordings: usize,
}

/// What is compared of one recording.
pub(crate) struct Placed<'a> {
    pub(crate) source: &'a str,
    pub(crate) culture: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) split: Split,
    /// Hashes of which one in common means the same content.
    pub(crate) hashes: [&'a str; 2],
}

/// Refuses content that stands in two splits; returns the sources that are the same content within one.
pub(crate) fn shared_content(recordings: &[Placed<'_>]) -> Result<Vec<Vec<String>>, CorpusError> {
    let mut first_with: BTreeMap<&str, usize> = BTreeMap::new();
    let mut copies: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut leak = None;
    let mut n_leaks = 0;
    for (position, recording) in recordings.iter().enumerate() {
        let mut original = None;
        for hash in recording.hashes {
            let first = *first_with.entry(hash).or_insert(position);
            if first != position {
                original = Some(original.map_or(first, |earlier: usize| earlier.min(first)));
            }
        }
        let Some(original) = original else { continue };
        let first = &recordings[original];
        if first.split != recording.split {
            n_leaks += 1;
            leak.get_or_insert((first, recording));
            continue;
        }
        copies.entry(original).or_insert_with(|| vec![first.source.into()]).push(recording.source.into());
    }
    match leak {
        Some((first, second)) => Err(CorpusError::Leak {
            first: first.source.into(),
            first_split: first.split,
            second: second.source.into(),
            second_split: second.split,
            others: n_leaks - 1,
        }),
        None => Ok(copies.into_values().collect()),
    }
}

/// Groups that stand in more than one split.
pub(crate) fn leaking_groups(recordings: &[Placed<'_>]) -> Vec<GroupLeak> {
    let mut groups: BTreeMap<(&str, &str), (BTreeSet<Split>, usize)> = BTreeMap::new();
    for recording in recordings {
        let stated = recording.group.into_iter().flat_map(|groups| groups.split(';')).map(str::trim);
        for group in stated.filter(|group| !group.is_empty()) {
            let (splits, n) = groups.entry((recording.culture, group)).or_default();
            splits.insert(recording.split);
            *n += 1;
        }
    }
    let leaking = groups.into_iter().filter(|(_, (splits, _))| splits.len() > 1);
    leaking
        .map(|((culture, group), (splits, recordings))| GroupLeak {
            culture: culture.into(),
            group: group.into(),
            splits: splits.into_iter().collect(),
            recordings,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed<'a>(source: &'a str, split: Split, file_hash: &'a str, audio_hash: &'a str) -> Placed<'a> {
        Placed { source, culture: "c", group: Some("g"), split, hashes: [file_hash, audio_hash] }
    }

    #[test]
    fn the_same_samples_in_two_splits_are_refused_even_in_other_files() {
        let error = shared_content(&[
            placed("a", Split::Train, "f1", "s1"),
            placed("b", Split::Train, "f2", "s2"),
            placed("c", Split::Test, "f3", "s1"),
        ]);
        assert!(
            matches!(error, Err(CorpusError::Leak { first, second, .. }) if first == "a" && second == "c")
        );
    }

    #[test]
    fn copies_within_a_split_and_groups_across_splits_are_told() {
        let recordings = [
            placed("a", Split::Train, "f1", "s1"),
            placed("b", Split::Train, "f1", "s1"),
            placed("c", Split::Test, "f3", "s3"),
        ];
        assert_eq!(shared_content(&recordings).unwrap(), [["a", "b"]]);
        let leaks = leaking_groups(&recordings);
        assert_eq!((leaks.len(), leaks[0].recordings), (1, 3));
        assert_eq!(leaks[0].splits, [Split::Train, Split::Test]);
    }
}

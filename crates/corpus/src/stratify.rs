//! Draws the splits of recordings that have none.
//!
//! Recordings are first joined to units that must stay together: the same group within a culture (one of several joined by `;`, as a
//! singer and a work), or the same content. Units are then
//! dealt out by iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): take the label (tag within a culture, or the culture
//! itself) with the fewest undealt recordings, and give each unit that carries it, largest first, to the split that still wants most of
//! that label. Two additions: a split that has all it wants of the culture takes nothing while another still wants some, and labels of
//! fewer than three units, which cannot be in every split, do not count. A culture of two units or more has a test split, one of three
//! or more a validation split too, unless its share is 0.
//!
//! Pure: the same recordings, shares and seed give the same splits.

use std::collections::BTreeMap;

use draws::Draws;

use crate::{Clip, Split, SplitShares};

/// What matters of one recording.
pub(crate) struct Item<'a> {
    pub(crate) culture: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) tags: &'a [String],
    pub(crate) hashes: [&'a str; 2],
    pub(crate) given: Option<Split>,
}

/// Draws new splits for some recordings of a corpus, each given by its first clip and the tags that should be in every split.
///
/// No group and no source file comes to two sides.
pub fn redraw_splits(recordings: &[(&Clip, &[String])], shares: SplitShares, seed: u64) -> Vec<Split> {
    let items: Vec<Item<'_>> = recordings
        .iter()
        .map(|&(clip, tags)| Item {
            culture: &clip.culture,
            group: clip.group.as_deref(),
            tags,
            hashes: [&clip.source_sha256; 2],
            given: None,
        })
        .collect();
    assign(&items, shares, seed)
}

/// The split of every recording; those that have one keep it.
pub(crate) fn assign(items: &[Item<'_>], shares: SplitShares, seed: u64) -> Vec<Split> {
    let total = shares.train + shares.valid + shares.test;
    let shares = [shares.train / total, shares.valid / total, shares.test / total];
    let mut units = units(items);
    let labels = Labels::of(items, &units);
    // What each split still wants of each label, in recordings.
    let mut wanted: Vec<[f64; 3]> =
        labels.sizes.iter().map(|&size| shares.map(|share| share * size)).collect();
    // Units with a given split first. Related recordings without one follow it, the test split before all others.
    let mut undealt = Vec::new();
    for (unit_idx, unit) in units.iter_mut().enumerate() {
        unit.split = unit.items.iter().filter_map(|&item| items[item].given).max();
        if let Some(split) = unit.split {
            unit.is_given = true;
            take(&mut wanted, &labels.of_unit[unit_idx], split);
        } else {
            undealt.push(unit_idx);
        }
    }
    Draws::new(seed, "split", &[]).shuffle(&mut undealt);
    // Per label, the undealt units that carry it and in how many recordings, in the order drawn.
    let mut bearers_of: Vec<Vec<(usize, f64)>> = vec![Vec::new(); labels.sizes.len()];
    for &unit in &undealt {
        for &(label, count) in &labels.of_unit[unit] {
            bearers_of[label].push((unit, count));
        }
    }
    let mut left: Vec<f64> =
        bearers_of.iter().map(|units| units.iter().map(|(_, count)| count).sum()).collect();
    while let Some(label) = scarcest(&left) {
        let mut bearers = std::mem::take(&mut bearers_of[label]);
        bearers.retain(|&(unit, _)| units[unit].split.is_none());
        // Stable: equal units keep the order that was drawn.
        bearers.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (unit, _) in bearers {
            let counts = &labels.of_unit[unit];
            let split = choose(&wanted, label, labels.culture_of_unit[unit]);
            units[unit].split = Some(split);
            take(&mut wanted, counts, split);
            for &(other, count) in counts {
                left[other] -= count;
            }
        }
        left[label] = 0.0;
    }
    fill_empty_splits(&mut units, &undealt, &labels, shares);
    let mut splits = vec![Split::Train; items.len()];
    for unit in &units {
        for &item in &unit.items {
            splits[item] = items[item].given.or(unit.split).unwrap_or(Split::Train);
        }
    }
    splits
}

#[derive(Debug)]
struct Unit {
    items: Vec<usize>,
    split: Option<Split>,
    is_given: bool,
}

/// Joins recordings that must stay together.
fn units(items: &[Item<'_>]) -> Vec<Unit> {
    let mut parent: Vec<usize> = (0..items.len()).collect();
    let mut first_with: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (item_idx, item) in items.iter().enumerate() {
        let groups = item.group.into_iter().flat_map(|groups| groups.split(';')).map(str::trim);
        let groups = groups.filter(|group| !group.is_empty()).map(|group| (item.culture, group));
        // No culture is empty, so a hash never meets a group.
        let contents = item.hashes.into_iter().map(|hash| ("", hash));
        for key in groups.chain(contents) {
            let first = *first_with.entry(key).or_insert(item_idx);
            let (a, b) = (root(&mut parent, first), root(&mut parent, item_idx));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for item_idx in 0..items.len() {
        members.entry(root(&mut parent, item_idx)).or_default().push(item_idx);
    }
    members.into_values().map(|items| Unit { items, split: None, is_given: false }).collect()
}

fn root(parent: &mut [usize], mut item: usize) -> usize {
    while parent[item] != item {
        parent[item] = parent[parent[item]];
        item = parent[item];
    }
    item
}

/// Labels and how many recordings of each unit carry them.
struct Labels {
    /// Recordings that carry each label.
    sizes: Vec<f64>,
    /// Per unit: label and recordings, by label.
    of_unit: Vec<Vec<(usize, f64)>>,
    culture_of_unit: Vec<usize>,
}

impl Labels {
    fn of(items: &[Item<'_>], units: &[Unit]) -> Self {
        let mut counts: BTreeMap<(&str, Option<&str>), BTreeMap<usize, f64>> = BTreeMap::new();
        for (unit_idx, unit) in units.iter().enumerate() {
            for &item in &unit.items {
                let item = &items[item];
                let tags = item.tags.iter().map(|tag| Some(tag.as_str()));
                for label in tags.chain([None]) {
                    *counts.entry((item.culture, label)).or_default().entry(unit_idx).or_default() += 1.0;
                }
            }
        }
        counts.retain(|(_, tag), units| tag.is_none() || units.len() >= 3);
        let mut labels = Self {
            sizes: Vec::new(),
            of_unit: vec![Vec::new(); units.len()],
            culture_of_unit: vec![0; units.len()],
        };
        for (label, ((_, tag), of_units)) in counts.into_iter().enumerate() {
            labels.sizes.push(of_units.values().sum());
            for (unit, count) in of_units {
                labels.of_unit[unit].push((label, count));
                if tag.is_none() {
                    labels.culture_of_unit[unit] = label;
                }
            }
        }
        labels
    }
}

fn scarcest(left: &[f64]) -> Option<usize> {
    let open = left.iter().enumerate().filter(|(_, count)| **count > 0.5);
    open.min_by(|a, b| a.1.total_cmp(b.1)).map(|(label, _)| label)
}

/// The split that wants most of `label`, then of the culture; earlier splits first among equals.
fn choose(wanted: &[[f64; 3]], label: usize, culture: usize) -> Split {
    // Sums of shares come out a little beside the whole numbers they mean.
    const SLACK: f64 = 1e-9;
    let is_any_open = wanted[culture].iter().any(|&count| count > SLACK);
    let allowed = (0..3).filter(|&split| !is_any_open || wanted[culture][split] > SLACK);
    let best = allowed.reduce(|best, other| {
        let (by_label, by_culture) =
            (wanted[label][other] - wanted[label][best], wanted[culture][other] - wanted[culture][best]);
        if by_label > SLACK || (by_label > -SLACK && by_culture > SLACK) { other } else { best }
    });
    Split::ALL[best.unwrap_or(0)]
}

fn take(wanted: &mut [[f64; 3]], counts: &[(usize, f64)], split: Split) {
    for &(label, count) in counts {
        wanted[label][split as usize] -= count;
    }
}

/// Gives a culture its missing splits, from the split that has most units, the smallest unit first.
fn fill_empty_splits(units: &mut [Unit], undealt: &[usize], labels: &Labels, shares: [f64; 3]) {
    let mut of_culture: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for unit in 0..units.len() {
        of_culture.entry(labels.culture_of_unit[unit]).or_default().push(unit);
    }
    for (culture, members) in of_culture {
        for (split, least_units) in [(Split::Test, 2), (Split::Valid, 3)] {
            let in_split = |units: &[Unit], split| {
                members.iter().filter(|&&unit| units[unit].split == Some(split)).count()
            };
            let is_wanted = shares[split as usize] > 0.0;
            if !is_wanted || members.len() < least_units || in_split(units, split) > 0 {
                continue;
            }
            let Some(richest) = Split::ALL.into_iter().rev().max_by_key(|&split| in_split(units, split))
            else {
                continue;
            };
            let movable = undealt.iter().filter(|&&unit| {
                labels.culture_of_unit[unit] == culture
                    && !units[unit].is_given
                    && units[unit].split == Some(richest)
            });
            if let Some(&unit) = movable.min_by_key(|&&unit| units[unit].items.len())
                && in_split(units, richest) > 1
            {
                units[unit].split = Some(split);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Recordings of one culture: group and tag by number; every recording has its own content.
    fn draw(recordings: &[(u8, u8)], given: &[Option<Split>], seed: u64) -> Vec<Split> {
        let groups: Vec<String> = recordings.iter().map(|(group, _)| format!("g{group}")).collect();
        let tags: Vec<[String; 1]> = recordings.iter().map(|(_, tag)| [format!("raga:{tag}")]).collect();
        let hashes: Vec<String> = (0..recordings.len()).map(|item| format!("h{item}")).collect();
        let items: Vec<Item<'_>> = (0..recordings.len())
            .map(|item| Item {
                culture: "c",
                group: Some(&groups[item]),
                tags: &tags[item],
                hashes: [&hashes[item]; 2],
                given: given.get(item).copied().flatten(),
            })
            .collect();
        assign(&items, SplitShares::default(), seed)
    }

    #[test]
    fn many_small_groups_come_near_the_shares_for_every_tag() {
        let recordings: Vec<(u8, u8)> = (0..200).map(|item| (item, item % 4)).collect();
        let splits = draw(&recordings, &[], 1);
        for tag in 0..4 {
            let share = |split| (tag..200).step_by(4).filter(|&item| splits[item] == split).count();
            assert_eq!((share(Split::Train), share(Split::Valid), share(Split::Test)), (35, 5, 10));
        }
    }

    #[test]
    fn other_seeds_draw_other_splits() {
        let recordings: Vec<(u8, u8)> = (0..40).map(|item| (item, 0)).collect();
        assert_ne!(draw(&recordings, &[], 1), draw(&recordings, &[], 2));
    }

    #[test]
    fn relatives_of_given_recordings_follow_them() {
        let given = [Some(Split::Test), None, Some(Split::Train), None];
        let splits = draw(&[(1, 0), (1, 0), (2, 0), (2, 0)], &given, 0);
        assert_eq!(splits, [Split::Test, Split::Test, Split::Train, Split::Train]);
    }

    #[test]
    fn neither_singer_nor_work_stands_on_two_sides() {
        // Recording 0 shares its singer with 1, which shares its work with 2.
        let groups = ["singer:a; work:x", "singer:a; work:y", "singer:b;work:y", "singer:c;work:z"];
        let hashes: Vec<String> = (0..4).map(|item| format!("h{item}")).collect();
        let tags: [String; 0] = [];
        let items: Vec<Item<'_>> = (0..4)
            .map(|item| Item {
                culture: "c",
                group: Some(groups[item]),
                tags: &tags,
                hashes: [&hashes[item]; 2],
                given: None,
            })
            .collect();
        for seed in 0..20 {
            let splits = assign(&items, SplitShares::default(), seed);
            assert!(splits[0] == splits[1] && splits[1] == splits[2] && splits[3] != splits[0], "{splits:?}");
        }
    }

    #[test]
    fn a_split_without_a_share_stays_empty() {
        let tags: [String; 0] = [];
        let hashes: Vec<String> = (0..9).map(|item| format!("h{item}")).collect();
        let item = |hash| Item { culture: "c", group: None, tags: &tags, hashes: [hash; 2], given: None };
        let items: Vec<Item<'_>> = hashes.iter().map(|hash| item(hash.as_str())).collect();
        let splits = assign(&items, SplitShares { train: 1.0, valid: 0.0, test: 0.5 }, 0);
        let count = |split| splits.iter().filter(|&&one| one == split).count();
        assert_eq!((count(Split::Train), count(Split::Valid), count(Split::Test)), (6, 0, 3));
    }

    proptest! {
        #[test]
        fn no_group_is_torn_and_three_groups_fill_three_splits(recordings in prop::collection::vec((0u8..12, 0u8..5), 1..60), seed: u64) {
            let splits = draw(&recordings, &[], seed);
            prop_assert_eq!(&splits, &draw(&recordings, &[], seed));
            let mut of_group = BTreeMap::new();
            for (&(group, _), &split) in recordings.iter().zip(&splits) {
                prop_assert_eq!(*of_group.entry(group).or_insert(split), split);
            }
            let used: std::collections::BTreeSet<_> = splits.iter().collect();
            prop_assert_eq!(used.len(), of_group.len().min(3));
        }
    }
}

//! Which tags are predicted.
//!
//! Rule of ccml: join the labels of all training recordings, count, order by count from high to low, take the first k. Labels of equal count
//! stand in ascending code point order (capitals before small letters, non-ASCII last), which is the order of Rust's strings.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The `k` most frequent labels.
pub(super) fn most_frequent<'a>(lists: impl IntoIterator<Item = &'a [String]>, k: usize) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for label in lists.into_iter().flatten() {
        *counts.entry(label).or_default() += 1;
    }
    let mut ordered: Vec<(&str, usize)> = counts.into_iter().collect();
    // Stable: among equals the order of the names stays.
    ordered.sort_by_key(|&(_, count)| Reverse(count));
    ordered.into_iter().take(k).map(|(label, _)| label.to_owned()).collect()
}

/// In what a vocabulary is not the published one, as a sentence.
pub(super) fn difference(ours: &[String], published: &[&str]) -> Option<String> {
    if ours.iter().map(String::as_str).eq(published.iter().copied()) {
        return None;
    }
    let absent: Vec<&str> =
        published.iter().copied().filter(|&tag| !ours.iter().any(|other| other == tag)).collect();
    let new: Vec<&str> = ours.iter().map(String::as_str).filter(|tag| !published.contains(tag)).collect();
    if absent.is_empty() && new.is_empty() {
        return Some(format!("its {} tags are the published ones in another order", ours.len()));
    }
    let list = |tags: &[&str]| {
        let shown: Vec<String> = tags.iter().take(3).map(|tag| format!("`{tag}`")).collect();
        let more = if tags.len() > 3 { " …" } else { "" };
        if tags.is_empty() { String::new() } else { format!(" ({}{more})", shown.join(", ")) }
    };
    Some(format!(
        "of the {} published tags {} are not among its most frequent{}, and {} others are{}",
        published.len(),
        absent.len(),
        list(&absent),
        new.len(),
        list(&new),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|&label| label.into()).collect()
    }

    #[test]
    fn frequent_labels_come_first_and_ties_in_code_point_order() {
        let lists = [texts(&["b", "ç", "a", "B"]), texts(&["b"]), texts(&["rare", "zz", "zz"])];
        let lists = || lists.iter().map(Vec::as_slice);
        assert_eq!(most_frequent(lists(), 5), ["b", "zz", "B", "a", "rare"]);
        assert_eq!(most_frequent(lists(), 9).last().unwrap(), "ç");
    }

    #[test]
    fn a_difference_is_told_with_its_number() {
        assert_eq!(difference(&texts(&["a", "b"]), &["a", "b"]), None);
        assert!(difference(&texts(&["b", "a"]), &["a", "b"]).unwrap().contains("another order"));
        let said = difference(&texts(&["a", "c"]), &["a", "b"]).unwrap();
        assert!(
            said.contains("2 published tags 1 are not") && said.contains("`b`") && said.contains("`c`"),
            "{said}"
        );
    }
}

//! The name that was meant: the nearest of those there are.
//!
//! Distance is the least number of letters that are inserted, removed, exchanged for another or swapped with their neighbour, with no letter
//! touched twice (optimal string alignment: Damerau 1964, Levenshtein 1966, the recurrence of Wagner and Fischer 1974). Pure.

/// Longest name that is compared, in letters: time and memory grow with the product of two lengths.
const LONGEST: usize = 256;

/// The name among `known` that `asked` is most likely a slip of; the first of several as near. `None` when none is near.
///
/// Near is: at most a third of the letters of the longer name wrong, capitals, `-` and `_` aside; or `asked`, of three letters or more,
/// begins it.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let asked = letters(asked);
    if asked.is_empty() || asked.len() > LONGEST {
        return None;
    }
    let rated = known.into_iter().filter_map(|name| Some((distance_if_near(&asked, &letters(name))?, name)));
    rated.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// `; did you mean …?` as the end of a sentence that refuses `asked`; nothing where no name is near.
pub fn did_you_mean<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(asked, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// A message of serde in one line, with the nearest of the names it expected where it names an unknown field or variant.
///
/// The names are those in backticks: the first is what was found, the others are what there could have been.
pub fn explain(message: &str) -> String {
    let message = message.trim_end().replace('\n', ", ");
    if !["unknown field `", "unknown variant `"].iter().any(|start| message.contains(start)) {
        return message;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let meant = names.next().map(|asked| did_you_mean(asked, names)).unwrap_or_default();
    message + &meant
}

fn letters(name: &str) -> Vec<char> {
    let plain = |letter: char| if letter == '_' { '-' } else { letter };
    name.chars().flat_map(char::to_lowercase).map(plain).collect()
}

/// How far apart two names are, `None` when too far for one to be a slip of the other.
fn distance_if_near(asked: &[char], name: &[char]) -> Option<usize> {
    if name.len() > LONGEST {
        return None;
    }
    let most = (asked.len().max(name.len()) / 3).max(1);
    let begins = asked.len() >= 3 && name.starts_with(asked);
    if name.is_empty() || (asked.len().abs_diff(name.len()) > most && !begins) {
        return None;
    }
    let distance = distance(asked, name);
    (begins || distance <= most && distance < asked.len()).then_some(distance)
}

/// Rows of the table are prefixes of `a`, columns those of `b`; three rows are kept.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, &to) in b.iter().enumerate() {
            let kept = last[j] + usize::from(from != to);
            row[j + 1] = kept.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn between(a: &str, b: &str) -> usize {
        distance(&letters(a), &letters(b))
    }

    #[test]
    fn one_slip_is_one() {
        for (slip, n) in [("pocket", 0), ("pockt", 1), ("pockett", 1), ("pocked", 1), ("pokcet", 1)] {
            assert_eq!(between(slip, "pocket"), n, "{slip}");
        }
        assert_eq!((between("", "abc"), between("abc", "")), (3, 3));
        assert_eq!(between("kitten", "sitting"), 3);
        // No letter is touched twice: by other rules this is 2.
        assert_eq!(between("ca", "abc"), 3);
    }

    #[test]
    fn what_is_near_is_found_and_what_is_far_is_not() {
        let presets = ["pocket", "paper", "mert"];
        assert_eq!(nearest("pockt", presets), Some("pocket"));
        assert_eq!(nearest("Papre", presets), Some("paper"));
        assert_eq!(nearest("mret", presets), Some("mert"));
        assert_eq!(nearest("huge", presets), None);
        assert_eq!(nearest("", presets), None);
        assert_eq!(nearest("x", ["y"]), None, "nothing of it is left");
        assert_eq!(nearest("magna", ["fma", "magnatagatune"]), Some("magnatagatune"));
        assert_eq!(nearest("encoder-layers", ["encoder_layers", "encoder.layer"]), Some("encoder_layers"));
        assert_eq!(nearest(&"a".repeat(100_000), ["aa"]), None);
    }

    #[test]
    fn messages_of_serde_end_with_the_name_that_was_meant() {
        assert_eq!(
            explain("unknown field `second`, expected `seconds` or `alignment`\n"),
            "unknown field `second`, expected `seconds` or `alignment`; did you mean `seconds`?"
        );
        let variant = "unknown variant `grid32`, expected one of `grid320`, `original-rounding`";
        assert_eq!(explain(variant), format!("{variant}; did you mean `grid320`?"));
        for other in ["missing field `stage`", "unknown field `zebra`, expected `seconds`", "unknown field `"]
        {
            assert_eq!(explain(other), other);
        }
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded(a in "[a-c]{0,8}", b in "[a-c]{0,8}") {
            let found = between(&a, &b);
            prop_assert_eq!(found, between(&b, &a));
            prop_assert!(found >= a.len().abs_diff(b.len()) && found <= a.len().max(b.len()));
            prop_assert_eq!(found == 0, a == b);
        }
    }
}

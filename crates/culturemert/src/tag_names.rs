//! What the tags of a collection begin with: the answer to a prefix that none has.

use std::collections::BTreeSet;

/// Beginnings that are listed.
const LISTED: usize = 12;

/// `they begin with …` for `tags`, with the one that `prefix` most likely is a slip of.
///
/// A tag's beginning goes up to its first `:` or `-`, that included; a tag without either is its own.
pub(crate) fn beginnings<'a>(tags: impl IntoIterator<Item = &'a String>, prefix: &str) -> String {
    let first = |tag: &'a String| tag.split_inclusive([':', '-']).next().unwrap_or(tag);
    let tags: Vec<&String> = tags.into_iter().collect();
    let known: BTreeSet<&str> = tags.iter().map(|tag| first(tag)).collect();
    if known.is_empty() {
        return "there are no tags".into();
    }
    let listed: Vec<&str> = known.iter().copied().take(LISTED).collect();
    let more = match known.len().saturating_sub(LISTED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    // A prefix may be a slip of a beginning or of a whole tag.
    let names = known.iter().copied().chain(tags.iter().map(|tag| tag.as_str()));
    format!("they begin with {}{more}{}", listed.join(", "), nearest::did_you_mean(prefix, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_listed_once_and_the_nearest_is_named() {
        let tags = ["makam:rast", "makam:hicaz", "form:taksim", "western"].map(str::to_owned);
        let said = |prefix| beginnings(&tags, prefix);
        assert_eq!(said("makan:"), "they begin with form:, makam:, western; did you mean `makam:`?");
        assert_eq!(said("makam:rost"), "they begin with form:, makam:, western; did you mean `makam:rast`?");
        assert_eq!(said("raga:"), "they begin with form:, makam:, western");
        assert_eq!(beginnings(&[], "makam:"), "there are no tags");
        let many: Vec<String> = (0..20).map(|at| format!("{at:02}")).collect();
        assert!(beginnings(&many, "x").ends_with("10, 11 and 8 more"));
    }
}

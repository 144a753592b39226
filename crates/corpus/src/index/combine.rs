//! Several lists of recordings as one, and a part of a list.

use super::{Index, Recording};
use crate::CorpusError;

impl Index {
    /// Joins lists that each have a name of their own: every recording is called `<name>/<its name>` in the result.
    ///
    /// Groups stay as they are: a performer who stands in two lists of one culture must not stand on both sides of a split.
    pub fn joined(lists: Vec<(String, Self)>) -> Result<Self, CorpusError> {
        let mut all = Self::default();
        for (name, list) in lists {
            let under = |source: String| format!("{name}/{source}");
            all.recordings.extend(
                list.recordings
                    .into_iter()
                    .map(|recording| Recording { source: under(recording.source), ..recording }),
            );
            all.skipped_files.extend(list.skipped_files.into_iter().map(under));
            all.ignored_columns.extend(list.ignored_columns);
        }
        all.skipped_files.sort();
        all.ignored_columns.sort();
        all.ignored_columns.dedup();
        all.check("the joined index".as_ref())?;
        Ok(all)
    }

    /// The recordings that `keep` accepts, in their order.
    #[must_use]
    pub fn filtered(mut self, keep: impl FnMut(&Recording) -> bool) -> Self {
        self.recordings.retain(keep);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Index {
        let recording = |&name: &&str| Recording {
            path: format!("/data/{name}").into(),
            source: name.into(),
            culture: "c".into(),
            split: None,
            cut: None,
            group: None,
            tags: Vec::new(),
            licence: None,
        };
        Index { recordings: names.iter().map(recording).collect(), ..Index::default() }
    }

    #[test]
    fn the_same_name_in_two_lists_stays_two_recordings() {
        let joined =
            Index::joined(vec![("a".into(), list(&["1.wav", "2.wav"])), ("b".into(), list(&["1.wav"]))])
                .unwrap();
        let names: Vec<&str> = joined.recordings.iter().map(|recording| recording.source.as_str()).collect();
        assert_eq!(names, ["a/1.wav", "a/2.wav", "b/1.wav"]);
        let kept = joined.filtered(|recording| recording.source.ends_with("1.wav"));
        assert_eq!(kept.recordings.len(), 2);
    }

    #[test]
    fn a_name_that_leaves_the_corpus_is_refused() {
        for name in ["..", "/abs", "", "a/.."] {
            assert!(Index::joined(vec![(name.into(), list(&["1.wav"]))]).is_err(), "{name}");
        }
        assert!(Index::joined(vec![("a".into(), list(&["1.wav"])), ("a".into(), list(&["1.wav"]))]).is_err());
    }
}

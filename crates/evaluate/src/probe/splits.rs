//! Three splits that share nothing: test data never trains.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::features::{FeatureSet, FileFacts};
use crate::EvaluateError;

/// Features of the two splits that a probe is learnt and chosen by, checked. Whoever is handed these cannot look at test files.
#[derive(Clone, Copy, Debug)]
pub struct LearningData<'a> {
    tags: &'a [String],
    train: &'a FeatureSet,
    valid: &'a FeatureSet,
    stop: Option<&'a AtomicBool>,
}

impl<'a> LearningData<'a> {
    /// Checks everything that can be known before training.
    ///
    /// # Shapes
    /// - `tags` `[K]`; the labels of both splits are `[F, K]` in this order
    pub fn new(
        tags: &'a [String],
        train: &'a FeatureSet,
        valid: &'a FeatureSet,
    ) -> Result<Self, EvaluateError> {
        if tags.is_empty() {
            return Err(EvaluateError::Empty { what: "the list of tags".to_owned() });
        }
        unique("tag", tags.iter().map(String::as_str))?;
        for (name, split) in [("train", train), ("valid", valid)] {
            check_split(name, split, tags.len(), train)?;
        }
        disjoint(("train", train), ("valid", valid))?;
        Ok(Self { tags, train, valid, stop: None })
    }

    /// The same, for training that ends with [`EvaluateError::Stopped`] once `stop` is set.
    #[must_use]
    pub fn until(self, stop: &'a AtomicBool) -> Self {
        Self { stop: Some(stop), ..self }
    }

    /// Fails once training was asked to stop.
    pub(super) fn go_on(&self) -> Result<(), EvaluateError> {
        let stopped = self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stopped { Err(EvaluateError::Stopped) } else { Ok(()) }
    }

    /// Names of the tags.
    pub fn tags(&self) -> &'a [String] {
        self.tags
    }

    /// What is learnt from.
    pub fn train(&self) -> &'a FeatureSet {
        self.train
    }

    /// What the epoch and the learning rate are chosen on.
    pub fn valid(&self) -> &'a FeatureSet {
        self.valid
    }
}

/// Features of the three splits of one task, checked: sizes fit, and neither an id nor a content nor a group is on two sides.
#[derive(Clone, Copy, Debug)]
pub struct ProbeData<'a> {
    learning: LearningData<'a>,
    test: &'a FeatureSet,
}

impl<'a> ProbeData<'a> {
    /// Checks everything that can be known before training.
    ///
    /// # Shapes
    /// - `tags` `[K]`; the labels of every split are `[F, K]` in this order
    pub fn new(
        tags: &'a [String],
        train: &'a FeatureSet,
        valid: &'a FeatureSet,
        test: &'a FeatureSet,
    ) -> Result<Self, EvaluateError> {
        let learning = LearningData::new(tags, train, valid)?;
        check_split("test", test, tags.len(), train)?;
        disjoint(("train", train), ("test", test))?;
        disjoint(("valid", valid), ("test", test))?;
        Ok(Self { learning, test })
    }

    /// The same, for training that ends with [`EvaluateError::Stopped`] once `stop` is set.
    #[must_use]
    pub fn until(self, stop: &'a AtomicBool) -> Self {
        Self { learning: self.learning.until(stop), ..self }
    }

    /// The two splits without the third.
    pub fn learning(&self) -> LearningData<'a> {
        self.learning
    }

    /// Names of the tags.
    pub fn tags(&self) -> &'a [String] {
        self.learning.tags
    }

    /// What is learnt from.
    pub fn train(&self) -> &'a FeatureSet {
        self.learning.train
    }

    /// What the epoch and the learning rate are chosen on.
    pub fn valid(&self) -> &'a FeatureSet {
        self.learning.valid
    }

    /// What is measured on.
    pub fn test(&self) -> &'a FeatureSet {
        self.test
    }
}

fn check_split(
    name: &str,
    split: &FeatureSet,
    n_tags: usize,
    train: &FeatureSet,
) -> Result<(), EvaluateError> {
    split.check(name, n_tags, train.n_layers, train.width)?;
    unique(&format!("file of {name}"), split.files.iter().map(|file| file.id.as_str()))?;
    match split.files.iter().find(|file| file.content.is_empty()) {
        Some(file) => Err(EvaluateError::Empty { what: format!("the content hash of `{}`", file.id) }),
        None => Ok(()),
    }
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Result<(), EvaluateError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(EvaluateError::Twice { what: what.to_owned(), name: name.to_owned() });
        }
    }
    Ok(())
}

type Named<'a> = (&'static str, &'a FeatureSet);
type Key = fn(&FileFacts) -> Option<&str>;

fn disjoint((first, a): Named<'_>, (second, b): Named<'_>) -> Result<(), EvaluateError> {
    let keys: [(&'static str, Key); 3] = [
        ("ids", |file| Some(&file.id)),
        ("contents", |file| Some(&file.content)),
        ("groups", |file| file.group.as_deref()),
    ];
    for (by, key) in keys {
        let of_a: BTreeSet<&str> = a.files.iter().filter_map(key).collect();
        let shared: BTreeSet<&str> = b.files.iter().filter_map(key).filter(|k| of_a.contains(k)).collect();
        if let Some(example) = shared.first() {
            let (n, example) = (shared.len(), (*example).to_owned());
            return Err(EvaluateError::Overlap { first, second, n, example, by });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(files: &[(&str, &str, Option<&str>)]) -> FeatureSet {
        let facts = |&(id, content, group): &(&str, &str, Option<&str>)| FileFacts {
            id: id.to_owned(),
            content: content.to_owned(),
            group: group.map(ToOwned::to_owned),
        };
        FeatureSet {
            n_layers: 1,
            width: 1,
            features: vec![0.0; files.len()],
            chunk_file: (0..files.len()).collect(),
            labels: vec![0; files.len()],
            values: Vec::new(),
            files: files.iter().map(facts).collect(),
        }
    }

    #[track_caller]
    fn refused(test: &[(&str, &str, Option<&str>)], by: &str) {
        let (train, valid) = (split(&[("a", "1", Some("g")), ("b", "2", None)]), split(&[("c", "3", None)]));
        let message =
            ProbeData::new(&["t".to_owned()], &train, &valid, &split(test)).unwrap_err().to_string();
        assert!(message.contains(by), "{message}");
    }

    #[test]
    fn ids_contents_and_groups_may_not_cross_splits() {
        refused(&[("a", "4", None)], "train and test share 1 ids, for instance `a`");
        refused(&[("d", "2", None)], "train and test share 1 contents");
        refused(&[("d", "4", Some("g"))], "train and test share 1 groups");
        refused(&[("c", "4", None)], "valid and test");
        refused(&[("d", "4", None), ("d", "5", None)], "`d` is given twice");
        refused(&[("d", "", None)], "content hash of `d` is empty");
        refused(&[], "the test split is empty");
        let sets =
            [split(&[("a", "1", Some("g"))]), split(&[("b", "2", Some("h"))]), split(&[("c", "3", None)])];
        ProbeData::new(&["t".to_owned()], &sets[0], &sets[1], &sets[2]).unwrap();
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let good = split(&[("a", "1", None)]);
        let valid = split(&[("b", "2", None)]);
        let tags = ["t".to_owned()];
        let refused = |test: FeatureSet| ProbeData::new(&tags, &good, &valid, &test).is_err();
        let test = || split(&[("c", "3", None)]);
        assert!(!refused(test()));
        assert!(refused(FeatureSet { width: 2, ..test() }));
        assert!(refused(FeatureSet { features: vec![f32::NAN], ..test() }));
        assert!(refused(FeatureSet { labels: vec![2], ..test() }));
        assert!(refused(FeatureSet { chunk_file: vec![1], ..test() }));
        assert!(refused(FeatureSet { chunk_file: vec![], features: vec![], ..test() }));
    }
}

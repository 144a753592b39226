//! A step: a name and everything its output depends on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::StudyError;

/// Longest step name, bytes: with the key it must stay a portable file name.
const LONGEST_NAME: usize = 80;

/// One cached computation, known by its name and its inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What the step is called, for instance `probe-makam-base`: a part of a directory name.
    pub name: String,
    /// Everything the output depends on: settings as text, other steps' outputs as [`crate::Done::output_hash`].
    pub inputs: BTreeMap<String, String>,
    /// File names (last component) that may differ between equal runs, such as logs that hold seconds. They are checked like the
    /// others but do not enter the output hash, so that later steps do not depend on them. A trailing `*` stands for any ending.
    pub volatile: Vec<String>,
}

#[derive(Serialize)]
struct Canonical<'a> {
    // In alphabetical order: canonical JSON has sorted keys and no spaces.
    inputs: &'a BTreeMap<String, String>,
    name: &'a str,
    tool: &'a str,
}

impl Step {
    /// A step without inputs.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds (or replaces) one input.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and text are written alike where steps are made"
    )]
    pub fn input(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.inputs.insert(name.into(), value.to_string());
        self
    }

    /// Declares files of this name as free to differ between equal runs.
    #[must_use]
    pub fn volatile(mut self, file_name: impl Into<String>) -> Self {
        self.volatile.push(file_name.into());
        self
    }

    /// SHA-256 of the step in canonical JSON, in hexadecimal. Pure.
    pub fn key(&self, tool: &str) -> String {
        let canonical = Canonical { inputs: &self.inputs, name: &self.name, tool };
        let text = serde_json::to_string(&canonical).expect("strings and maps of strings serialise");
        files::hash_bytes(text.as_bytes()).to_string()
    }

    /// Whether the name can be part of a directory's name on every system.
    pub(crate) fn check_name(&self) -> Result<(), StudyError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let length_fits = (1..=LONGEST_NAME).contains(&self.name.len());
        if length_fits && self.name.chars().all(plain) && !self.name.starts_with('.') {
            Ok(())
        } else {
            Err(StudyError::StepName { name: self.name.clone() })
        }
    }

    /// Whether a file of this path may differ between equal runs.
    pub(crate) fn is_volatile(&self, path: &str) -> bool {
        let file_name = path.rsplit('/').next().unwrap_or(path);
        self.volatile.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => file_name.starts_with(start),
            None => file_name == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_is_the_hash_of_the_canonical_text() {
        let step = Step::new("fit").input("b", 2).input("a", "x\"y");
        let text = r#"{"inputs":{"a":"x\"y","b":"2"},"name":"fit","tool":"0.1.0"}"#;
        assert_eq!(step.key("0.1.0"), files::hash_bytes(text.as_bytes()).to_string());
    }

    #[test]
    fn name_inputs_and_tool_all_enter_the_key() {
        let step = Step::new("fit").input("a", "1");
        let others =
            [Step::new("fix").input("a", "1"), step.clone().input("b", ""), step.clone().input("a", "2")];
        assert!(others.iter().all(|other| other.key("1") != step.key("1")));
        assert_ne!(step.key("1"), step.key("2"));
    }

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", "..", ".hidden", "a/b", "a b", "é", &"n".repeat(81)] {
            assert!(Step::new(name).check_name().is_err(), "{name:?}");
        }
        assert!(Step::new("probe-makam_0.2").check_name().is_ok());
    }

    #[test]
    fn volatile_names_match_the_last_component() {
        let step = Step::new("train").volatile("log.jsonl").volatile("events.*");
        assert!(
            step.is_volatile("log.jsonl")
                && step.is_volatile("a/log.jsonl")
                && step.is_volatile("t/events.out.1")
        );
        assert!(!step.is_volatile("a/log.jsonl.gz") && !step.is_volatile("model.safetensors"));
    }

    proptest! {
        #[test]
        fn the_order_of_inputs_does_not_matter(pairs in proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..6)) {
            let forward = pairs.iter().fold(Step::new("s"), |step, (k, v)| step.input(k, v));
            let backward = pairs.iter().rev().fold(Step::new("s"), |step, (k, v)| step.input(k, v));
            prop_assert_eq!(forward.key("1"), backward.key("1"));
        }
    }
}

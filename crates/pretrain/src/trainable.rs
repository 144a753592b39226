//! Which parameters a stage trains: name patterns, and a report of what they chose.
//!
//! `*` stands for any run of characters, dots included, `?` for one. A parameter trains when a pattern of `trainable` fits it and none of
//! `frozen` does. A pattern that fits nothing is an error: a misspelt name must not freeze a model in silence. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::PretrainError;

/// For each of `names`, whether the stage called `stage` trains it.
pub fn trainable(
    stage: &str,
    trainable: &[String],
    frozen: &[String],
    names: &[&str],
) -> Result<Vec<bool>, PretrainError> {
    for pattern in trainable.iter().chain(frozen) {
        if !names.iter().any(|name| fits(pattern, name)) {
            return Err(PretrainError::Pattern {
                stage: stage.into(),
                pattern: pattern.clone(),
                n_names: names.len(),
                first: names.first().copied().unwrap_or_default().into(),
                meant: meant(pattern, names),
            });
        }
    }
    let any = |patterns: &[String], name: &str| patterns.iter().any(|pattern| fits(pattern, name));
    let chosen: Vec<bool> = names.iter().map(|name| any(trainable, name) && !any(frozen, name)).collect();
    if !chosen.contains(&true) {
        return Err(PretrainError::NothingTrains { stage: stage.into(), n_names: names.len() });
    }
    Ok(chosen)
}

/// The pattern that was meant by one that fits nothing: a parameter's name, or all within a part of the model (`encoder.*`).
fn meant(pattern: &str, names: &[&str]) -> String {
    let parts = names.iter().flat_map(|name| name.match_indices('.').map(move |(at, _)| &name[..at]));
    let parts: BTreeSet<String> = parts.map(|part| format!("{part}.*")).collect();
    nearest::did_you_mean(pattern, names.iter().copied().chain(parts.iter().map(String::as_str)))
}

/// Whether `pattern` fits the whole of `name`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where to go on when the characters after the last star turn out not to fit: the star then takes one more.
    let mut retry: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&letter) if letter == '?' || letter == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    retry = Some((after_star, taken + 1));
                    at = after_star;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&letter| letter == '*')
}

/// What a stage trains, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrainableReport {
    /// Name of the stage.
    pub stage: String,
    /// Tensors and parameters that train.
    pub tensors: usize,
    /// Parameters that train.
    pub parameters: usize,
    /// All tensors.
    pub tensors_in_all: usize,
    /// All parameters.
    pub parameters_in_all: usize,
    /// For each part of the model (the name up to its first dot): parameters that train, all parameters.
    pub parts: Vec<(String, usize, usize)>,
}

impl TrainableReport {
    /// Counts what [`trainable`] chose; `sizes` are the tensors' numbers of elements.
    ///
    /// # Panics
    /// When the three lists differ in length.
    pub fn new(stage: &str, names: &[&str], sizes: &[usize], chosen: &[bool]) -> Self {
        assert!([sizes.len(), chosen.len()] == [names.len(); 2], "one size and one choice for each name");
        let mut report = Self {
            stage: stage.into(),
            tensors: 0,
            parameters: 0,
            tensors_in_all: names.len(),
            parameters_in_all: sizes.iter().sum(),
            parts: Vec::new(),
        };
        for ((name, &size), &trains) in names.iter().zip(sizes).zip(chosen) {
            let trained = if trains { size } else { 0 };
            report.tensors += usize::from(trains);
            report.parameters += trained;
            let part = name.split('.').next().unwrap_or(name);
            match report.parts.iter_mut().find(|(known, ..)| known == part) {
                Some((_, some, all)) => {
                    *some += trained;
                    *all += size;
                }
                None => report.parts.push((part.into(), trained, size)),
            }
        }
        report
    }
}

impl fmt::Display for TrainableReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.parameters as f64 / self.parameters_in_all.max(1) as f64;
        write!(
            f,
            "stage `{}` trains {} of {} parameters ({share:.1} %) in {} of {} tensors:",
            self.stage, self.parameters, self.parameters_in_all, self.tensors, self.tensors_in_all
        )?;
        let parts = self.parts.iter().filter(|(_, trained, _)| *trained > 0);
        for (index, (part, trained, all)) in parts.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if trained == all {
                write!(f, "{comma} {part} {trained}")?;
            } else {
                write!(f, "{comma} {part} {trained} of {all}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 5] = [
        "mask_emb",
        "label_embs_concat",
        "feature_extractor.conv_layers.0.0.weight",
        "encoder.layers.0.fc1.weight",
        "encoder.layers.1.fc1.weight",
    ];

    fn choose(train: &[&str], freeze: &[&str]) -> Result<Vec<bool>, PretrainError> {
        let owned = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        trainable("one", &owned(train), &owned(freeze), &NAMES)
    }

    #[test]
    fn the_front_end_and_the_codewords_of_stage_one() {
        let chosen = choose(&["feature_extractor.*", "label_embs_concat"], &[]).unwrap();
        assert_eq!(chosen, [false, true, true, false, false]);
        let report = TrainableReport::new("one", &NAMES, &[10, 20, 30, 40, 50], &chosen);
        assert_eq!((report.tensors, report.parameters, report.parameters_in_all), (2, 50, 150));
        assert_eq!(
            report.to_string(),
            "stage `one` trains 50 of 150 parameters (33.3 %) in 2 of 5 tensors: label_embs_concat 20, feature_extractor 30"
        );
    }

    #[test]
    fn frozen_wins_over_trainable() {
        assert_eq!(choose(&["*"], &["encoder.*.1.*"]).unwrap(), [true, true, true, true, false]);
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_named() {
        let message = choose(&["*"], &["feature_extracter.*"]).unwrap_err().to_string();
        assert!(message.contains("`feature_extracter.*`") && message.contains("`mask_emb`"), "{message}");
        assert!(message.ends_with("; did you mean `feature_extractor.*`?"), "{message}");
        let message = choose(&["mask_embed"], &[]).unwrap_err().to_string();
        assert!(message.ends_with("; did you mean `mask_emb`?"), "{message}");
        assert!(matches!(choose(&["mask_emb"], &["mask*"]), Err(PretrainError::NothingTrains { .. })));
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a.x.b.y.b.c", true),
            ("a*b*c", "a.x.b.y", false),
            ("?", "é", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.weight", "x.weight.g", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_with_parts_replaced_by_stars_fits(name in "[a-c.]{1,12}", cuts in prop::collection::vec(any::<bool>(), 12)) {
            let pattern: String = name.chars().zip(cuts).map(|(letter, cut)| if cut { '*' } else { letter }).collect();
            prop_assert!(fits(&pattern, &name));
            prop_assert!(fits("*", &name) && fits(&name, &name));
        }
    }
}

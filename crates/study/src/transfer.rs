//! What adapting to one tradition gained on another, from a study's results or from an evaluation.
//!
//! `gain(source, target) = score of the model adapted to source, on target − score of the base, on target`. Pure but for reading.

use std::collections::BTreeMap;
use std::path::Path;

use evaluate::TransferCell;

use crate::evaluation::{EvaluatedCell, Evaluation};
use crate::results::{ModelKind, SeedScore, StudyResults};
use crate::statistics::mean;
use crate::{StudyError, numbers_file};

/// Gains, and what they are gains of.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredTransfer {
    /// One for each pair of model and tradition.
    pub cells: Vec<TransferCell>,
    /// The score and what it is compared with, for people.
    pub measure: String,
    /// Pairs that were asked for and are not in the numbers.
    pub missing: Vec<String>,
}

impl MeasuredTransfer {
    /// Reads `evaluation.json` or `results.json`. An evaluation does not know what its models were adapted to: `sources` says it by model, and
    /// `targets` gives the culture of a set whose name it is not.
    pub fn read(
        path: &Path,
        sources: &BTreeMap<String, String>,
        targets: &BTreeMap<String, String>,
    ) -> Result<Self, StudyError> {
        let value = numbers_file::read(path)?;
        if value.get("sets").is_some() {
            let evaluation = Evaluation::from_value(path, value)?;
            return Self::of_evaluation(&evaluation, sources, targets);
        }
        if !sources.is_empty() || !targets.is_empty() {
            let reason = "the results of a study say themselves what models were adapted to; leave sources and targets away";
            return Err(numbers_file::not_results(path, reason.to_owned()));
        }
        Ok(Self::of_study(&StudyResults::from_value(path, value)?))
    }

    /// Single-culture models of a study, on every tradition they and the base were probed on: mean of ROC-AUC and average precision.
    pub fn of_study(results: &StudyResults) -> Self {
        let (mut cells, mut missing) = (Vec::new(), Vec::new());
        let base = results.first_of(ModelKind::Base);
        for model in results.models.iter().filter(|model| model.kind == ModelKind::SingleCulture) {
            let [source] = model.trained_on.as_slice() else { continue };
            for target in &results.data.cultures {
                let score = |model: &str| {
                    let probe = results.probe(model, &target.name)?;
                    let per_seed: Vec<f64> = probe.per_seed.iter().map(SeedScore::score).collect();
                    (!per_seed.is_empty()).then(|| mean(&per_seed))
                };
                match (score(&model.name), base.and_then(|base| score(&base.name))) {
                    (Some(adapted), Some(before)) => cells.push(TransferCell {
                        source: source.clone(),
                        target: target.name.clone(),
                        gain: adapted - before,
                    }),
                    _ => missing.push(format!("{} on {}", model.name, target.name)),
                }
            }
        }
        let measure = "the mean of ROC-AUC and average precision against the base".to_owned();
        Self { cells, measure, missing }
    }

    /// The table of transfer: the first metric of every set. Sets of one culture are averaged.
    pub fn of_evaluation(
        evaluation: &Evaluation,
        sources: &BTreeMap<String, String>,
        targets: &BTreeMap<String, String>,
    ) -> Result<Self, StudyError> {
        let unknown = |field: &str, name: &str, known: Vec<&str>| StudyError::Inconsistent {
            field: field.to_owned(),
            reason: format!("names the unknown `{name}`, there are {}", known.join(", ")),
        };
        let models: Vec<&str> = evaluation.asked().map(|model| model.name.as_str()).collect();
        let sets: Vec<&str> = evaluation.sets.iter().map(|set| set.name.as_str()).collect();
        if let Some(name) = sources.keys().find(|name| !models.contains(&name.as_str())) {
            return Err(unknown("sources", name, models));
        }
        if let Some(name) = targets.keys().find(|name| !sets.contains(&name.as_str())) {
            return Err(unknown("targets", name, sets));
        }
        if sources.is_empty() {
            let reason = format!(
                "are not given: say for each adapted model among {} what culture it was adapted to",
                models.join(", ")
            );
            return Err(StudyError::Inconsistent { field: "sources".to_owned(), reason });
        }
        let mut gains: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
        let mut missing = Vec::new();
        for (model, source) in sources {
            for &set in &sets {
                let target = targets.get(set).map_or(set, String::as_str);
                let against =
                    |cell: &EvaluatedCell| cell.minus(&evaluation.base).map(|against| against.first.estimate);
                match evaluation.cell(model, set).and_then(against) {
                    Some(gain) => gains.entry((source, target)).or_default().push(gain),
                    None => missing.push(format!("{model} on {set}")),
                }
            }
        }
        let mut metrics: Vec<&str> = evaluation.sets.iter().map(|set| set.metrics[0].as_str()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        let cell = |((source, target), gains): ((&str, &str), Vec<f64>)| TransferCell {
            source: source.to_owned(),
            target: target.to_owned(),
            gain: mean(&gains),
        };
        Ok(Self {
            cells: gains.into_iter().map(cell).collect(),
            measure: format!("{} against {}", metrics.join(", "), evaluation.base),
            missing,
        })
    }
}

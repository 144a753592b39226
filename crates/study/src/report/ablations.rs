//! What single changes do: one table, and what it says.

use super::table::{Best, Cell, Column, Row, Table};
use crate::results::{Ablation, Measure, Scope, StudyResults};

/// Stands before the list of findings.
pub(crate) const LIMITS: &str = "A variant and its reference were trained with the same seeds and are compared seed by seed; intervals are \
    Student’s t over those differences, 95 %. They cover another training seed, not another base, corpus or set of test recordings.";

/// Every variant against its reference.
pub(crate) fn table(results: &StudyResults) -> Table {
    let columns = [
        ("", "Against", Best::No),
        ("Score", "adapted traditions", Best::No),
        ("Score", "Western", Best::No),
        ("Held-out loss", "adapted traditions", Best::No),
        ("Held-out loss", "Western", Best::No),
        ("", "Training seeds", Best::No),
        ("", "What is changed", Best::No),
    ];
    let mut before = None;
    let rows = results.ablations.iter().map(|ablation| Row {
        label: ablation.variant.clone(),
        is_new_block: before.replace(&ablation.of).is_some_and(|of| *of != ablation.of),
        cells: vec![
            Cell::text(&ablation.of),
            cell(ablation, Measure::Score, &Scope::Adapted, 100.0, 1),
            cell(ablation, Measure::Score, &Scope::Western, 100.0, 1),
            cell(ablation, Measure::HeldOutLoss, &Scope::Adapted, 1.0, 3),
            cell(ablation, Measure::HeldOutLoss, &Scope::Western, 1.0, 3),
            Cell::count(ablation.training_seeds.len() as u64),
            Cell::text(ablation.changes.join("; ")),
        ],
    });
    let rows = rows.collect();
    Table {
        id: "ablations",
        caption: "What single changes do".into(),
        note: "Variant minus reference. Scores: means of ROC-AUC and AP in points; held-out loss in units of the objective, lower is better, where \
               targets and crops are the same. In brackets 95 % intervals by Student’s t over training seeds, paired."
            .into(),
        is_synthetic: results.data.synthetic,
        corner: "Variant",
        columns: columns
            .map(|(group, label, best)| Column { group: group.into(), label: label.into(), best })
            .into(),
        rows,
    }
}

fn cell(ablation: &Ablation, measure: Measure, scope: &Scope, factor: f64, digits: usize) -> Cell {
    let found = ablation.effects.iter().find(|effect| effect.measure == measure && effect.scope == *scope);
    found.map_or(Cell::Empty, |effect| match effect.interval {
        Some(ends) => Cell::interval(factor * effect.difference, ends.map(|end| factor * end), digits),
        None => Cell::number(factor * effect.difference, digits),
    })
}

//! Our numbers beside the paper's.

use super::Evaluation;
use crate::paper::{PaperSet, TABLE_2, Table2Row};
use crate::report::table::{Best, Cell, Column, Row, Table};

/// The row of the paper's Table 2 that a model of this name stands for: the same letters and digits, whatever the case and signs.
pub(super) fn row_of(model: &str) -> Option<&'static Table2Row> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let asked = plain(model);
    // Released models carry their size in their name.
    let asked = asked.strip_suffix("95m").unwrap_or(&asked);
    TABLE_2.iter().find(|row| row.average.is_some() && plain(row.model) == asked)
}

/// Ours, theirs and the difference, for every model and set that the paper has too.
pub(super) fn table(evaluation: &Evaluation) -> Table {
    let sets: Vec<_> = evaluation.sets.iter().filter_map(|set| Some((set, set.published?))).collect();
    let columns = sets.iter().flat_map(|(set, _)| {
        let head = |metric: &String| ["", " paper", " difference"].map(|what| format!("{metric}{what}"));
        let labels: Vec<String> = set.metrics.iter().flat_map(head).collect();
        labels.into_iter().map(|label| Column { group: set.name.clone(), label, best: Best::No })
    });
    let rows = evaluation.asked().filter_map(|model| {
        let paper = row_of(&model.name)?;
        let cells = sets.iter().flat_map(|(set, published)| {
            let at = PaperSet::ALL.iter().position(|set| set == published).unwrap_or_default();
            let ours = evaluation.cell(&model.name, &set.name);
            let pairs = [
                (ours.map(|cell| cell.first), paper.roc_auc[at]),
                (ours.map(|cell| cell.second), paper.average_precision[at]),
            ];
            pairs.into_iter().flat_map(|(ours, theirs)| {
                let Some(ours) = ours else {
                    return [Cell::Empty, Cell::spread(theirs.mean, theirs.std, 1), Cell::Empty];
                };
                [
                    Cell::spread(100.0 * ours.mean, Some(100.0 * ours.std), 1),
                    Cell::spread(theirs.mean, theirs.std, 1),
                    Cell::number(100.0 * ours.mean - theirs.mean, 1),
                ]
            })
        });
        Some(Row { label: model.name.clone(), is_new_block: false, cells: cells.collect() })
    });
    let rows: Vec<Row> = if sets.is_empty() { Vec::new() } else { rows.collect() };
    Table {
        id: "published",
        caption: "Beside the published numbers".into(),
        note:
            "Per cent, mean ± standard deviation over seeds; the paper’s Table 2 and ours minus the paper’s."
                .into(),
        is_synthetic: false,
        corner: "Model",
        columns: columns.collect(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_find_their_row_by_name() {
        let found = |name: &str| row_of(name).map(|row| row.model);
        assert_eq!(found("culturemert-ta-95m"), Some("CultureMERT-TA"));
        assert_eq!(found("MERT-v1-95M"), Some("MERT-v1"));
        assert_eq!(found("makammert"), Some("MakamMERT"));
        assert_eq!(found("pocket"), None);
        assert_eq!(found("previous best"), None, "no model of ours is that");
    }
}

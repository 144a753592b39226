//! The tables of an evaluation.

use super::{Against, EvaluatedSet, Evaluation, Gap, Role, published};
use crate::report::table::{Best, Cell, Column, Row, Table};
use crate::results::Spread;
use crate::statistics::mean;

/// Stands where a number does not beat every baseline.
const NOT_BEYOND: &str = "†";
/// Stands after the name of a set that is not whole.
const INCOMPLETE: &str = "*";

/// Every table that has numbers, in the order of the report.
pub(super) fn all(evaluation: &Evaluation) -> Vec<Table> {
    let mut tables = vec![scores(evaluation), published::table(evaluation), transfer(evaluation)];
    tables.push(forgetting(evaluation));
    for baseline in evaluation.models.iter().filter(|model| model.role != Role::Model) {
        tables.extend(beyond(evaluation, &baseline.name, baseline.role));
    }
    tables.push(sets(evaluation));
    tables.into_iter().filter(|table| !table.rows.is_empty() && !table.columns.is_empty()).collect()
}

/// Table 2: every model on every set.
fn scores(evaluation: &Evaluation) -> Table {
    let mut columns: Vec<Column> = evaluation
        .sets
        .iter()
        .flat_map(|set| set.metrics.iter().map(|metric| column(&shown(set), metric, Best::High)))
        .collect();
    columns.push(column("", "average", Best::High));
    let mut is_first_baseline = true;
    let rows = evaluation.models.iter().map(|model| {
        let cells: Vec<_> =
            evaluation.sets.iter().map(|set| evaluation.cell(&model.name, &set.name)).collect();
        let mut row: Vec<Cell> = cells
            .iter()
            .flat_map(|cell| match cell {
                None => [Cell::Empty, Cell::Empty],
                Some(cell) => {
                    let mark = if evaluation.beats_baselines(cell) { "" } else { NOT_BEYOND };
                    [percent(cell.first, model.role).marked(mark), percent(cell.second, model.role)]
                }
            })
            .collect();
        let known: Option<Vec<_>> = cells.into_iter().collect();
        row.push(known.map_or(Cell::Empty, |cells| {
            let means: Vec<f64> = cells.iter().flat_map(|cell| [cell.first.mean, cell.second.mean]).collect();
            Cell::number(100.0 * mean(&means), 1)
        }));
        let is_new_block = model.role != Role::Model && std::mem::take(&mut is_first_baseline);
        Row { label: model.name.clone(), is_new_block, cells: row }
    });
    let rows = rows.collect();
    let seeds: Vec<String> = evaluation.seeds.iter().map(ToString::to_string).collect();
    let mut note = format!(
        "Per cent, mean ± standard deviation over the probe seeds {}; best of each column in bold. {NOT_BEYOND}: not above every baseline by \
         more than the choice of test recordings leaves open.",
        seeds.join(", ")
    );
    if evaluation.sets.iter().any(|set| !set.incomplete.is_empty()) {
        note.push_str(" *: the data set is not whole; these numbers are not those of the published set.");
    }
    Table {
        id: "scores",
        caption: "Every model, probed on every data set".into(),
        note,
        is_synthetic: false,
        corner: "Model",
        rows,
        columns,
    }
}

/// Figure 2 of the paper: what each model gained or lost on every set.
fn transfer(evaluation: &Evaluation) -> Table {
    let columns = evaluation
        .sets
        .iter()
        .map(|set| column("", &format!("{} {}", shown(set), set.metrics[0]), Best::High));
    Table {
        id: "transfer",
        caption: format!("Transfer: every model minus {}", evaluation.base),
        note: "Points of the first metric, with 95 % intervals of the paired bootstrap over test recordings or their groups. The paper’s \
               Figure 2 in numbers."
            .into(),
        is_synthetic: false,
        corner: "Model",
        columns: columns.collect(),
        rows: differences(evaluation, &evaluation.base, |against| [against.first].into()),
    }
}

/// What a baseline leaves of every model's numbers.
fn beyond(evaluation: &Evaluation, baseline: &str, role: Role) -> Option<Table> {
    let id = match role {
        Role::Model => return None,
        Role::RandomEncoder => "beyond-random-encoder",
        Role::LogMel => "beyond-log-mel",
        Role::Chance => "beyond-chance",
    };
    let columns = evaluation
        .sets
        .iter()
        .flat_map(|set| set.metrics.iter().map(|metric| column(&shown(set), metric, Best::High)));
    Some(Table {
        id,
        caption: format!("Every model minus {baseline}"),
        note: "Points, with 95 % intervals of the paired bootstrap over test recordings or their groups."
            .into(),
        is_synthetic: false,
        corner: "Model",
        columns: columns.collect(),
        rows: differences(evaluation, baseline, |against| [against.first, against.second].into()),
    })
}

fn differences(evaluation: &Evaluation, from: &str, of: impl Fn(&Against) -> Vec<Gap>) -> Vec<Row> {
    let n = evaluation.sets.len();
    let others = evaluation.asked().filter(|model| model.name != from);
    let rows = others.map(|model| {
        let cells = evaluation.sets.iter().flat_map(|set| {
            let against = evaluation.cell(&model.name, &set.name).and_then(|cell| cell.minus(from)).map(&of);
            against.map_or_else(Vec::new, |gaps| gaps.into_iter().map(gap).collect())
        });
        Row { label: model.name.clone(), is_new_block: false, cells: cells.collect() }
    });
    // A row that lacks a set cannot stand in the table.
    let rows: Vec<Row> = rows.collect();
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    rows.into_iter().filter(|row| n > 0 && row.cells.len() == width && width > 0).collect()
}

/// What adapted models lost on Western sets.
fn forgetting(evaluation: &Evaluation) -> Table {
    let western: Vec<&EvaluatedSet> = evaluation.sets.iter().filter(|set| set.is_western).collect();
    let heads = |metric: &str| {
        [format!("{metric}, base"), metric.to_owned(), format!("{metric}, change"), format!("{metric}, p")]
    };
    let columns = western.first().map_or_else(Vec::new, |set| {
        let labels = set.metrics.iter().flat_map(|metric| heads(metric));
        labels.map(|label| column("", &label, Best::No)).collect()
    });
    let rows = western.iter().flat_map(|set| {
        evaluation.asked().filter(|model| model.name != evaluation.base).filter_map(|model| {
            let base = evaluation.cell(&evaluation.base, &set.name)?;
            let cell = evaluation.cell(&model.name, &set.name)?;
            let against = cell.minus(&evaluation.base)?;
            let four = |base: Spread, own: Spread, change: Gap| {
                [
                    percent(base, Role::Model),
                    percent(own, Role::Model),
                    gap(change),
                    Cell::number(change.p, 3),
                ]
            };
            let cells =
                [four(base.first, cell.first, against.first), four(base.second, cell.second, against.second)];
            Some(Row {
                label: format!("{} on {}", model.name, shown(set)),
                is_new_block: false,
                cells: cells.into_iter().flatten().collect(),
            })
        })
    });
    Table {
        id: "forgetting",
        caption: format!("Forgetting: every model against {} on Western music", evaluation.base),
        note: "Per cent, mean ± standard deviation over seeds; the change in points with its 95 % interval over test recordings, and the p-value of \
               no change. A change whose interval lies below 0 is forgetting."
            .into(),
        is_synthetic: false,
        corner: "Model and set",
        rows: rows.collect(),
        columns,
    }
}

/// What the numbers were computed on.
fn sets(evaluation: &Evaluation) -> Table {
    let heads = ["Recordings", "Windows", "Outputs", "Left out", "Whole"];
    let three = |n: [usize; 3]| format!("{} + {} + {}", n[0], n[1], n[2]);
    let rows = evaluation.sets.iter().map(|set| {
        let whole = if set.incomplete.is_empty() { "yes".to_owned() } else { set.incomplete.join("; ") };
        let cells = [
            three(set.files),
            three(set.windows),
            set.outputs.len().to_string(),
            set.left_out.len().to_string(),
            whole,
        ];
        Row { label: shown(set), is_new_block: false, cells: cells.into_iter().map(Cell::Text).collect() }
    });
    Table {
        id: "sets",
        caption: "Data sets".into(),
        note: "Training, validation and test. What is left out stands by name in `evaluation.json`.".into(),
        is_synthetic: false,
        corner: "Set",
        columns: heads.map(|head| column("", head, Best::No)).into(),
        rows: rows.collect(),
    }
}

/// Every tag of every set under every model: for the CSV file, which has room.
pub(super) fn per_tag(evaluation: &Evaluation) -> Table {
    let mut rows = Vec::new();
    for set in &evaluation.sets {
        for name in &set.outputs {
            let mut cells = vec![Cell::text(set.name.clone()), Cell::Empty];
            for model in evaluation.models.iter().filter(|model| model.role != Role::Chance) {
                let cell = evaluation.cell(&model.name, &set.name);
                let tag = cell.and_then(|cell| cell.per_tag.iter().find(|tag| tag.name == *name));
                if let Some(tag) = tag {
                    cells[1] = Cell::number(tag.positives as f64, 0);
                }
                for value in [tag.and_then(|tag| tag.first), tag.and_then(|tag| tag.second)] {
                    cells.push(value.map_or(Cell::Empty, |value| Cell::number(100.0 * value, 1)));
                }
            }
            rows.push(Row { label: name.clone(), is_new_block: false, cells });
        }
    }
    let mut columns = vec![column("", "set", Best::No), column("", "test positives", Best::No)];
    for model in evaluation.models.iter().filter(|model| model.role != Role::Chance) {
        columns.extend(["first metric", "second metric"].map(|head| column(&model.name, head, Best::No)));
    }
    Table {
        id: "per-tag",
        caption: "Every tag".into(),
        note: "Per cent, mean over seeds.".into(),
        is_synthetic: false,
        corner: "Tag",
        columns,
        rows,
    }
}

fn shown(set: &EvaluatedSet) -> String {
    format!("{}{}", set.name, if set.incomplete.is_empty() { "" } else { INCOMPLETE })
}

fn column(group: &str, label: &str, best: Best) -> Column {
    Column { group: group.to_owned(), label: label.to_owned(), best }
}

fn percent(spread: Spread, role: Role) -> Cell {
    Cell::spread(100.0 * spread.mean, (role != Role::Chance).then_some(100.0 * spread.std), 1)
}

fn gap(gap: Gap) -> Cell {
    Cell::interval(100.0 * gap.estimate, gap.ends.map(|end| 100.0 * end), 1)
}

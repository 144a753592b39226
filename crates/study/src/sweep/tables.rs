//! The tables of a sweep: ways to set λ beside each other, and all points.

use std::fmt::Write as _;

use evaluate::OverSeeds;

use super::{Side, Sweep};
use crate::report::table::{Best, Cell, Column, Row, Table};
use crate::report::{csv as as_csv, markdown};

/// Digits of λ in a table; CSV has all of them.
const LAMBDA_DIGITS: usize = 3;

/// Both tables as Markdown, and what was left out.
pub fn text(sweep: &Sweep) -> String {
    let mut out = String::from("# λ by validation\n\n");
    for left in &sweep.not_measured {
        let (name, reason) = (markdown::escape(&left.name), markdown::escape(&left.reason));
        let _ = writeln!(out, "> **{name} is not measured.** {reason}\n");
    }
    out.push_str(&markdown::write_table(&compared(sweep)));
    out.push_str(&markdown::write_table(&points(sweep)));
    out
}

/// All points as CSV.
pub fn csv(sweep: &Sweep) -> String {
    as_csv::csv(&points(sweep))
}

fn compared(sweep: &Sweep) -> Table {
    let mut columns = lambda_columns(sweep);
    columns.extend([
        column("validation", "mean", Best::High),
        column("test", "mean", Best::No),
        column("validation", "minus uniform", Best::No),
        column("test", "minus uniform", Best::No),
    ]);
    let rows = sweep.compared.iter().map(|one| {
        let mut cells = lambda_cells(sweep, one.point);
        cells.extend([percent(one.validation), percent(one.test)]);
        match &one.minus_uniform {
            None => cells.extend([Cell::Empty, Cell::Empty]),
            Some(minus) => cells.extend([gap(minus.validation), gap(minus.test)]),
        }
        Row { label: one.name.clone(), is_new_block: false, cells }
    });
    Table {
        id: "sweep-compared",
        caption: "Ways to set λ".into(),
        note: format!(
            "Per cent of {}, mean over {} ± standard deviation over {} probe seeds; differences in points with 95 % intervals over seeds. \
             `chosen` is the best by the validation recordings; test recordings chose nothing.",
            sweep.metric.label(),
            tasks(sweep),
            sweep.seeds.len()
        ),
        is_synthetic: sweep.corpus.synthetic,
        corner: "λ",
        rows: rows.collect(),
        columns,
    }
}

fn points(sweep: &Sweep) -> Table {
    let mut columns = vec![column("", "from", Best::No)];
    columns.extend(lambda_columns(sweep));
    columns.push(column("validation", "mean", Best::High));
    columns.extend(sweep.tasks.iter().map(|task| column("validation", &task.name, Best::No)));
    columns.push(column("test", "mean", Best::No));
    columns.extend(sweep.tasks.iter().map(|task| column("test", &task.name, Best::No)));
    let rows = sweep.points.iter().enumerate().map(|(at, point)| {
        let origins: Vec<&str> = point.origins.iter().map(|origin| origin.label()).collect();
        let mut cells = vec![Cell::text(origins.join(", "))];
        cells.extend(lambda_cells(sweep, at));
        for side in [Some(&point.validation), point.test.as_ref()] {
            cells.extend(side_cells(sweep, side));
        }
        let chosen = if at == sweep.chosen { " (chosen)" } else { "" };
        Row { label: format!("{}{chosen}", at + 1), is_new_block: false, cells }
    });
    Table {
        id: "sweep-points",
        caption: "All points".into(),
        note: format!(
            "Per cent of {}, mean ± standard deviation over probe seeds; the best validation mean in bold. Test scores stand beside points that are \
             reported and chose nothing.",
            sweep.metric.label()
        ),
        is_synthetic: sweep.corpus.synthetic,
        corner: "point",
        rows: rows.collect(),
        columns,
    }
}

fn tasks(sweep: &Sweep) -> String {
    sweep.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn lambda_columns(sweep: &Sweep) -> Vec<Column> {
    sweep.models.iter().map(|model| column("λ", &model.name, Best::No)).collect()
}

fn lambda_cells(sweep: &Sweep, point: usize) -> Vec<Cell> {
    let of = |name: &String| sweep.points[point].lambdas.get(name);
    let cell = |name| of(name).map_or(Cell::Empty, |&lambda| Cell::number(lambda, LAMBDA_DIGITS));
    sweep.models.iter().map(|model| cell(&model.name)).collect()
}

fn side_cells(sweep: &Sweep, side: Option<&Side>) -> Vec<Cell> {
    let of_task = |name: &String| {
        let scores = side.and_then(|side| side.tasks.get(name));
        scores.map_or(Cell::Empty, |scores| percent(scores.by(sweep.metric)))
    };
    let mean = side.map_or(Cell::Empty, |side| percent(side.mean));
    std::iter::once(mean).chain(sweep.tasks.iter().map(|task| of_task(&task.name))).collect()
}

fn column(group: &str, label: &str, best: Best) -> Column {
    Column { group: group.to_owned(), label: label.to_owned(), best }
}

fn percent(over: OverSeeds) -> Cell {
    Cell::spread(100.0 * over.mean, over.std.map(|std| 100.0 * std), 1)
}

fn gap(over: OverSeeds) -> Cell {
    match over.interval {
        Some(ends) => Cell::interval(100.0 * over.mean, ends.map(|end| 100.0 * end), 1),
        None => Cell::number(100.0 * over.mean, 1),
    }
}

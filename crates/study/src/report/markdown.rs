//! The report as Markdown (tables as GitHub reads them).

use std::fmt::Write;

use super::table::{Cell, Table, bounds, fixed};
use super::{REHEARSAL, SYNTHETIC, TITLE, ablations, changes, figures, summary, tables};
use crate::StudyResults;

/// The report as Markdown. Figures are referred to as [`super::write_all`] writes them.
pub fn markdown(results: &StudyResults) -> String {
    let mut out = format!("# {TITLE}\n\n");
    if results.data.synthetic {
        let _ = writeln!(out, "> **{SYNTHETIC}.** {}\n", escape(summary::WHAT_SYNTHETIC_MEANS));
    }
    if let Some(rehearsal) = summary::rehearsal(results) {
        let _ = writeln!(out, "> **{REHEARSAL}.** {}\n", escape(&rehearsal));
    }
    for paragraph in summary::paragraphs(results) {
        let _ = writeln!(out, "{}\n", escape(&paragraph));
    }
    out.push_str("## Findings\n\n");
    for finding in &results.findings {
        let _ = writeln!(out, "- **{}** — {}", finding.verdict.label(), escape(&finding.claim));
        let _ = writeln!(out, "  - here: {}", escape(&finding.ours));
        let _ = writeln!(out, "  - paper: {}", escape(&finding.paper));
        let _ = writeln!(out, "  - {}", escape(&finding.explanation));
    }
    let _ = writeln!(out, "\n{}\n", escape(summary::LIMITS));
    if !results.ablations.is_empty() {
        out.push_str("## What single changes do\n\n");
        for finding in results.ablations.iter().map(|ablation| &ablation.finding) {
            let _ = writeln!(out, "- **{}** — {}", finding.verdict.label(), escape(&finding.claim));
            let _ = writeln!(out, "  - here: {}", escape(&finding.ours));
            let _ = writeln!(out, "  - {}", escape(&finding.explanation));
        }
        let _ = writeln!(out, "\n{}\n", escape(ablations::LIMITS));
    }
    out.push_str("## Tables\n\n");
    for table in tables::all(results).iter().chain(&[tables::paper_scores(), tables::paper_strategies()]) {
        out.push_str(&write_table(table));
    }
    out.push_str("## Figures\n\n");
    for figure in figures::all(results) {
        let _ = writeln!(out, "**{}.** {}\n", escape(&figure.title), escape(&figure.caption));
        for i in 0..figure.panels.len() {
            let suffix = if figure.panels.len() == 1 { String::new() } else { format!("-{}", i + 1) };
            let _ = writeln!(out, "![{}](figures/{}{suffix}.svg)", escape(&figure.title), figure.id);
        }
        out.push('\n');
    }
    out.push_str("## Limits and responsible use\n\n");
    for text in changes::responsible_use(results) {
        let _ = writeln!(out, "- {}", escape(&text));
    }
    out.push_str("\n## Provenance\n\n");
    for (name, value) in summary::provenance(results) {
        let _ = writeln!(out, "- {}: {}", escape(&name), escape(&value));
    }
    out
}

pub(crate) fn write_table(table: &Table) -> String {
    let synthetic = if table.is_synthetic { format!("*{SYNTHETIC}.* ") } else { String::new() };
    let mut out = format!("**{}.** {synthetic}{}\n\n", escape(&table.caption), escape(&table.note));
    let heads: Vec<String> = table
        .columns
        .iter()
        .map(|column| escape(format!("{} {}", column.group, column.label).trim()))
        .collect();
    let _ = writeln!(out, "| {} | {} |", escape(table.corner), heads.join(" | "));
    let rules: Vec<&str> = (0..table.columns.len())
        .map(|i| {
            let is_number = table.rows.iter().any(|row| matches!(row.cells[i], Cell::Number { .. }));
            if is_number { "---:" } else { "---" }
        })
        .collect();
    let _ = writeln!(out, "| --- | {} |", rules.join(" | "));
    for (i, row) in table.rows.iter().enumerate() {
        let cells: Vec<String> = row
            .cells
            .iter()
            .enumerate()
            .map(|(j, cell)| match cell {
                Cell::Empty => "–".into(),
                Cell::Text(text) => escape(text),
                Cell::Number { value, std, interval, digits, mark } => {
                    let number = fixed(*value, *digits);
                    let number = if table.is_best(i, j) { format!("**{number}**") } else { number };
                    let spread = std.map(|std| format!(" ± {std:.2}")).unwrap_or_default();
                    let ends = interval.map(|ends| " ".to_owned() + &escape(&bounds(ends, *digits)));
                    number + mark + &spread + &ends.unwrap_or_default()
                }
            })
            .collect();
        let _ = writeln!(out, "| {} | {} |", escape(&row.label), cells.join(" | "));
    }
    out.push('\n');
    out
}

/// Text in which no character starts markup, a table cell or HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

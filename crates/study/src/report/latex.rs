//! Tables for LaTeX with `booktabs`; wide ones are shrunk to the line with `graphicx`.

use std::fmt::Write;

use super::SYNTHETIC;
use super::table::{Cell, Table, bounds, fixed};

/// More columns than this do not fit on a line of text.
const FITS: usize = 7;

pub(crate) fn latex(table: &Table) -> String {
    let is_wide = table.columns.len() > FITS;
    let is_text =
        |column: usize| table.rows.iter().all(|row| !matches!(row.cells[column], Cell::Number { .. }));
    let columns: String = (0..table.columns.len()).map(|i| if is_text(i) { 'l' } else { 'c' }).collect();
    let mut out = String::from("% needs \\usepackage{booktabs,graphicx}\n\\begin{table}\n\\centering\n");
    let synthetic = if table.is_synthetic { format!(" \\textbf{{{SYNTHETIC}.}}") } else { String::new() };
    let _ = writeln!(out, "\\caption{{{}.{synthetic} {}}}", escape(&table.caption), escape(&table.note));
    let _ = writeln!(out, "\\label{{tab:{}}}", table.id);
    if is_wide {
        out.push_str("\\resizebox{\\linewidth}{!}{%\n");
    }
    let _ = writeln!(out, "\\begin{{tabular}}{{l{columns}}}\n\\toprule");
    if table.has_groups() {
        let mut rules = String::new();
        let mut at = 2;
        for (group, n) in table.groups() {
            let _ = write!(out, " & \\multicolumn{{{n}}}{{c}}{{{}}}", escape(group));
            if !group.is_empty() {
                let _ = write!(rules, "\\cmidrule(lr){{{at}-{}}}", at + n - 1);
            }
            at += n;
        }
        let _ = writeln!(out, " \\\\\n{rules}");
    }
    let heads: Vec<String> = table.columns.iter().map(|column| escape(&column.label)).collect();
    let _ = writeln!(out, "{} & {} \\\\\n\\midrule", escape(table.corner), heads.join(" & "));
    for (i, row) in table.rows.iter().enumerate() {
        if row.is_new_block && i > 0 {
            out.push_str("\\midrule\n");
        }
        let cells: Vec<String> =
            row.cells.iter().enumerate().map(|(j, cell)| write_cell(cell, table.is_best(i, j))).collect();
        let _ = writeln!(out, "{} & {} \\\\", escape(&row.label), cells.join(" & "));
    }
    out.push_str("\\bottomrule\n\\end{tabular}");
    out.push_str(if is_wide { "}\n\\end{table}\n" } else { "\n\\end{table}\n" });
    out
}

fn write_cell(cell: &Cell, is_best: bool) -> String {
    match cell {
        Cell::Empty => "--".into(),
        Cell::Text(text) => escape(text),
        Cell::Number { value, std, interval, digits, mark } => {
            let number = escape(&fixed(*value, *digits));
            let number = if is_best { format!("\\textbf{{{number}}}") } else { number };
            let spread = std.map(|std| format!("{{\\scriptsize$\\pm${}}}", spread(std)));
            let ends = interval.map(|ends| format!(" {{\\scriptsize {}}}", escape(&bounds(ends, *digits))));
            number + &escape(mark) + &spread.unwrap_or_default() + &ends.unwrap_or_default()
        }
    }
}

/// `.08` as the paper writes it; a digit more than the mean has, because spreads are small.
fn spread(std: f64) -> String {
    let text = format!("{std:.2}");
    text.strip_prefix('0').map_or(text.clone(), str::to_owned)
}

/// Text in which no character means anything to LaTeX.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '−' => out.push_str("$-$"),
            '±' => out.push_str("$\\pm$"),
            '†' => out.push_str("\\textsuperscript{\\textdagger}"),
            '²' => out.push_str("\\textsuperscript{2}"),
            'λ' => out.push_str("$\\lambda$"),
            'ρ' => out.push_str("$\\rho$"),
            '–' => out.push_str("--"),
            '“' => out.push_str("``"),
            '”' => out.push_str("''"),
            '’' => out.push('\''),
            '\u{202f}' => out.push_str("\\,"),
            c if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_text_is_a_command() {
        assert_eq!(escape("a_b & 5% \\x{1}"), "a\\_b \\& 5\\% \\textbackslash{}x\\{1\\}");
        assert_eq!(escape("λ = −1"), "$\\lambda$ = $-$1");
    }

    #[test]
    fn spreads_are_written_as_in_the_paper() {
        assert_eq!([spread(0.08), spread(1.204)], [".08", "1.20"]);
    }
}

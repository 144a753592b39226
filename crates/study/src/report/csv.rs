//! Tables as comma-separated values (RFC 4180), numbers in full, spreads and ends of intervals in columns of their own.

use super::table::{Cell, Table};

pub(crate) fn csv(table: &Table) -> String {
    let has_std: Vec<bool> = (0..table.columns.len())
        .map(|i| table.rows.iter().any(|row| matches!(row.cells[i], Cell::Number { std: Some(_), .. })))
        .collect();
    let has_interval: Vec<bool> = (0..table.columns.len())
        .map(|i| table.rows.iter().any(|row| matches!(row.cells[i], Cell::Number { interval: Some(_), .. })))
        .collect();
    let mut head = vec!["data".to_owned(), table.corner.to_owned()];
    for ((column, has_std), has_interval) in table.columns.iter().zip(&has_std).zip(&has_interval) {
        let name = format!("{} {}", column.group, column.label).trim().to_owned();
        let std = has_std.then(|| format!("{name} std"));
        let ends = ["low", "high"].map(|end| format!("{name} {end}"));
        head.push(name);
        head.extend(std);
        head.extend(ends.into_iter().filter(|_| *has_interval));
    }
    let mut lines = vec![line(&head)];
    for row in &table.rows {
        let data = if table.is_synthetic { "synthetic" } else { "" };
        let mut fields = vec![data.to_owned(), row.label.clone()];
        for ((cell, has_std), has_interval) in row.cells.iter().zip(&has_std).zip(&has_interval) {
            let (value, std) = match cell {
                Cell::Empty => (String::new(), String::new()),
                Cell::Text(text) => (text.replace('\u{202f}', ""), String::new()),
                Cell::Number { value, std, .. } => {
                    (value.to_string(), std.map_or(String::new(), |std| std.to_string()))
                }
            };
            fields.push(value);
            fields.extend(has_std.then_some(std));
            let ends = match cell {
                Cell::Number { interval: Some(ends), .. } => ends.map(|end| end.to_string()),
                _ => [String::new(), String::new()],
            };
            fields.extend(ends.into_iter().filter(|_| *has_interval));
        }
        lines.push(line(&fields));
    }
    lines.concat()
}

fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    format!("{}\n", quoted.join(","))
}

fn quote(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_need_quotes_get_them() {
        assert_eq!(
            line(&["a,b".into(), "say \"x\"".into(), "plain".into()]),
            "\"a,b\",\"say \"\"x\"\"\",plain\n"
        );
    }
}

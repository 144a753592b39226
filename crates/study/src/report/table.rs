//! A table before it is written in any format.

/// Which value of a column is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Best {
    /// None is.
    No,
    /// The largest.
    High,
    /// The smallest.
    Low,
}

/// A table with a header row, perhaps grouped, and a name in front of every row.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Name of files, label in LaTeX, id in HTML.
    pub(crate) id: &'static str,
    pub(crate) caption: String,
    /// Stands below: units, what bold means.
    pub(crate) note: String,
    /// Numbers that come from synthetic data say so.
    pub(crate) is_synthetic: bool,
    /// Head of the column of names.
    pub(crate) corner: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Head above neighbouring columns of the same group; empty for none.
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) best: Best,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// Set apart from the row above.
    pub(crate) is_new_block: bool,
    /// As many as columns.
    pub(crate) cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Number {
        value: f64,
        std: Option<f64>,
        /// Lower and upper end of an interval.
        interval: Option<[f64; 2]>,
        digits: usize,
        /// A sign that the note explains; empty for none.
        mark: &'static str,
    },
}

impl Cell {
    pub(crate) fn number(value: f64, digits: usize) -> Self {
        Self::Number { value, std: None, interval: None, digits, mark: "" }
    }

    /// A number with its spread over seeds.
    pub(crate) fn spread(value: f64, std: Option<f64>, digits: usize) -> Self {
        Self::Number { value, std, interval: None, digits, mark: "" }
    }

    /// A number with its interval.
    pub(crate) fn interval(value: f64, interval: [f64; 2], digits: usize) -> Self {
        Self::Number { value, std: None, interval: Some(interval), digits, mark: "" }
    }

    /// The same with a sign, if it is a number.
    pub(crate) fn marked(self, sign: &'static str) -> Self {
        match self {
            Self::Number { value, std, interval, digits, .. } => {
                Self::Number { value, std, interval, digits, mark: sign }
            }
            other => other,
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count with its digits in groups of three.
    pub(crate) fn count(n: u64) -> Self {
        Self::Text(grouped(n))
    }

    /// The value as it is shown; comparing what is shown makes ties of equal numbers.
    fn shown(&self) -> Option<f64> {
        match self {
            Self::Number { value, digits, .. } => fixed(*value, *digits).replace('−', "-").parse().ok(),
            _ => None,
        }
    }
}

impl Table {
    /// Whether each cell is the best of its column, as shown; ties are all best, a lone value is not.
    pub(crate) fn is_best(&self, row: usize, column: usize) -> bool {
        let rule = self.columns[column].best;
        let shown: Vec<f64> = self.rows.iter().filter_map(|row| row.cells[column].shown()).collect();
        let Some(own) = self.rows[row].cells[column].shown().filter(|_| shown.len() > 1) else {
            return false;
        };
        match rule {
            Best::No => false,
            Best::High => shown.iter().all(|other| own >= *other),
            Best::Low => shown.iter().all(|other| own <= *other),
        }
    }

    pub(crate) fn has_groups(&self) -> bool {
        self.columns.iter().any(|column| !column.group.is_empty())
    }

    /// Runs of neighbouring columns of the same group: name and how many.
    pub(crate) fn groups(&self) -> Vec<(&str, usize)> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for column in &self.columns {
            match groups.last_mut() {
                Some((group, n)) if *group == column.group && !group.is_empty() => *n += 1,
                _ => groups.push((&column.group, 1)),
            }
        }
        groups
    }
}

/// A number with a fixed count of decimals and a true minus sign.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.trim_matches(['0', '.']).is_empty() => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// `[−0.3, 2.5]`.
pub(crate) fn bounds([low, high]: [f64; 2], digits: usize) -> String {
    format!("[{}, {}]", fixed(low, digits), fixed(high, digits))
}

/// `1 905 152`, with no-break spaces that are narrow.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `8.3 s`, `4 min 05 s`, `2 h 10 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        0..=59 => format!("{seconds:.1} s"),
        60..=3599 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(best: Best, values: &[f64]) -> Table {
        let row = |value: &f64| Row {
            label: String::new(),
            is_new_block: false,
            cells: vec![Cell::number(*value, 1)],
        };
        Table {
            id: "t",
            caption: String::new(),
            note: String::new(),
            is_synthetic: false,
            corner: "",
            columns: vec![Column { group: String::new(), label: String::new(), best }],
            rows: values.iter().map(row).collect(),
        }
    }

    #[track_caller]
    fn check(best: Best, values: &[f64], expected: &[bool]) {
        let table = table(best, values);
        let found: Vec<bool> = (0..values.len()).map(|row| table.is_best(row, 0)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_best_is_best_as_shown() {
        check(Best::High, &[1.0, 2.04, 2.01], &[false, true, true]);
        check(Best::Low, &[-1.0, 2.0], &[true, false]);
        check(Best::No, &[1.0, 2.0], &[false, false]);
        check(Best::High, &[1.0], &[false]);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([fixed(-0.04, 1), fixed(-1.25, 1), fixed(2.0, 0)], ["0.0", "−1.2", "2"]);
        assert_eq!(
            [grouped(12), grouped(1234), grouped(1905152)],
            ["12", "1\u{202f}234", "1\u{202f}905\u{202f}152"]
        );
        assert_eq!(
            [duration(8.34), duration(245.0), duration(7800.0)],
            ["8.3 s", "4 min 05 s", "2 h 10 min"]
        );
    }
}

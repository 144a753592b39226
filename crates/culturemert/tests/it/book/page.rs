//! A page of the book as commands with the lines they are said to print.

/// Stands for any lines in an expected output.
const CUT: &str = "...";

/// What belongs to a number and changes with it: signs, exponents, and the marks of tables, bold for the best and a dagger for doubt.
const MARKS: [&str; 6] = ["#e-#", "-#", "−#", "+#", "**#**", "#†"];

/// A command of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The line of the page, from one.
    pub(super) at: usize,
    pub(super) text: String,
    /// The lines below it; nothing where the page shows none.
    pub(super) expected: Vec<String>,
}

/// All commands of a page in order: `    $ …` in indented blocks, and `<!-- $ … -->`, which readers do not see.
/// A backslash at the end of a line goes on with the next.
pub(super) fn commands(page: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut open = false;
    let mut continued = false;
    for (index, line) in page.lines().enumerate() {
        let shown = line.strip_prefix("    ");
        let hidden = line.strip_prefix("<!-- $ ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(text) = hidden {
            commands.push(Command { at: index + 1, text: text.into(), expected: Vec::new() });
            open = false;
        } else if let (true, Some(rest)) = (continued, shown) {
            let command = &mut commands.last_mut().expect("a command goes on").text;
            command.push('\n');
            command.push_str(rest);
            continued = rest.ends_with('\\');
        } else if let Some(text) = shown.and_then(|line| line.strip_prefix("$ ")) {
            commands.push(Command { at: index + 1, text: text.into(), expected: Vec::new() });
            (open, continued) = (true, text.ends_with('\\'));
        } else if let (true, Some(output)) = (open, shown) {
            commands.last_mut().expect("a block is open").expected.push(output.into());
        } else if !line.is_empty() {
            (open, continued) = (false, false);
        }
    }
    commands
}

/// A line without what differs between machines and runs: numbers and hashes become `#`, widths one space.
pub(super) fn shape(line: &str) -> String {
    let mut shape = String::new();
    for word in line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.') {
        let end = word.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.');
        let (stem, separator) = word.split_at(end.unwrap_or(word.len()));
        let is_hash = stem.len() >= 8 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = stem.starts_with(|letter: char| letter.is_ascii_digit());
        if is_hash || is_number {
            let unit: String = stem.chars().rev().take_while(char::is_ascii_alphabetic).collect();
            shape.push('#');
            shape.extend(unit.chars().rev().filter(|_| !is_hash));
        } else {
            shape.push_str(stem);
        }
        shape.push_str(separator);
    }
    let words: Vec<&str> = shape.split_whitespace().collect();
    MARKS.into_iter().fold(words.join(" "), |line, mark| line.replace(mark, "#"))
}

/// What of the expected lines does not come; `...` is any lines. Between two of them stand lines that follow each other.
pub(super) fn difference(expected: &[String], printed: &[String]) -> Option<String> {
    let printed_shapes: Vec<String> = printed.iter().map(|line| shape(line)).collect();
    let stretches: Vec<&[String]> = expected.split(|line| line.trim() == CUT).collect();
    let mut from = 0;
    for (nth, stretch) in stretches.iter().enumerate() {
        let wanted: Vec<String> = stretch.iter().map(|line| shape(line)).collect();
        let (is_first, is_last) = (nth == 0, nth + 1 == stretches.len());
        let last_place = (printed_shapes.len() + 1).saturating_sub(wanted.len());
        let mut places = from..last_place;
        let found = places.find(|&at| {
            printed_shapes[at..].starts_with(&wanted)
                && (!is_first || at == 0)
                && (!is_last || wanted.is_empty() || at + wanted.len() == printed_shapes.len())
        });
        let Some(at) = found else {
            let came = printed.get(from).map_or("the end", String::as_str);
            let said = stretch.join("\n    ");
            return Some(format!(
                "the page says\n    {said}\nand the program, from line {} on,\n    {came}",
                from + 1
            ));
        };
        from = at + wanted.len();
    }
    let ends_open = stretches.len() > 1 && stretches.last().is_some_and(|stretch| stretch.is_empty());
    let left = printed.get(from).filter(|_| !ends_open)?;
    Some(format!("the page ends where the program goes on with\n    {left}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_found_with_their_output() {
        let page = "Text\n\n    $ one \\\n        --two\n    out 1\n\n    {\n    $ three\n\ntext\n\n    not run\n<!-- $ hidden -->\n";
        let found = commands(page);
        let texts: Vec<&str> = found.iter().map(|command| command.text.as_str()).collect();
        assert_eq!(texts, ["one \\\n    --two", "three", "hidden"]);
        assert_eq!(found[0].expected, lines("out 1\n{"));
        assert!(found[1].expected.is_empty() && found[1].at == 8);
    }

    #[test]
    fn numbers_and_hashes_may_differ_and_words_may_not() {
        assert_eq!(shape("loss  18.476, 23e0448cd61e0045 -3.2e-5"), shape("loss 1.5, 0123456789abcdef 7"));
        assert_eq!(shape("| **54.3**† ± 14.13 | +0.2 |"), shape("| 9.1 ± 0.5 | -0.3 |"));
        assert_ne!(shape("in 3s"), shape("in 3h"));
        assert_ne!(shape("makam:rast"), shape("makam:hicaz"));
    }

    #[test]
    fn cuts_stand_for_any_lines_and_nothing_else_does() {
        let printed = lines("a\nb 1\nc\nd");
        assert_eq!(difference(&lines("a\n...\nd"), &printed), None);
        assert_eq!(difference(&lines("a\nb 2\n..."), &printed), None);
        let again = lines("a 1\nb 1\nb 2\nc\nb 3\nd");
        assert_eq!(difference(&lines("a 1\n...\nb 2\nc\n...\nd"), &again), None);
        for wrong in ["a\nd", "a\nb 1\nc", "b 1\n...", "a\n...\nx", "a\nb 1\nc\nd\ne"] {
            assert!(difference(&lines(wrong), &printed).is_some(), "{wrong}");
        }
    }
}

//! The files of an evaluation: `evaluation.json`, `report.md`, `report.html`, `tables/*.csv`, `tables/*.tex`, and last `SHA256SUMS`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Evaluation, Named, tables};
use crate::StudyError;
use crate::markup::el;
use crate::report::{csv, html, latex, markdown};

/// Title of the report in every format.
const TITLE: &str = "Evaluation";

/// All tables as Markdown.
pub fn tables_as_text(evaluation: &Evaluation) -> String {
    let mut out = format!("# {TITLE}\n\n");
    for (set, incomplete) in incomplete(evaluation) {
        let _ = writeln!(
            out,
            "> **{} is not whole.** {}\n",
            markdown::escape(set),
            markdown::escape(&incomplete)
        );
    }
    for Named { name, reason } in &evaluation.not_measured {
        let _ =
            writeln!(out, "> **{} is not measured.** {}\n", markdown::escape(name), markdown::escape(reason));
    }
    for table in tables::all(evaluation) {
        out.push_str(&markdown::write_table(&table));
    }
    out.push_str("## Provenance\n\n");
    for (name, value) in &evaluation.provenance {
        let _ = writeln!(out, "- {}: {}", markdown::escape(name), markdown::escape(value));
    }
    out
}

/// Writes everything into `dir`, together; gives the paths, `evaluation.json` first.
pub fn write_all(evaluation: &Evaluation, dir: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let json = serde_json::to_string_pretty(evaluation).map_err(|error| StudyError::Inconsistent {
        field: "evaluation".into(),
        reason: error.to_string(),
    })?;
    let mut texts = vec![
        ("evaluation.json".to_owned(), json + "\n"),
        ("report.md".to_owned(), tables_as_text(evaluation)),
        ("report.html".to_owned(), page(evaluation)),
    ];
    for table in tables::all(evaluation) {
        texts.push((format!("tables/{}.csv", table.id), csv::csv(&table)));
        texts.push((format!("tables/{}.tex", table.id), latex::latex(&table)));
    }
    texts.push(("tables/per-tag.csv".to_owned(), csv::csv(&tables::per_tag(evaluation))));
    let sum = |(name, text): &(String, String)| format!("{}  {name}\n", files::hash_bytes(text.as_bytes()));
    let sums: String = texts.iter().map(sum).collect();
    texts.push(("SHA256SUMS".to_owned(), sums));
    let paths: Vec<PathBuf> = texts.iter().map(|(name, _)| dir.join(name)).collect();
    let together: Vec<(&Path, &[u8])> =
        paths.iter().zip(&texts).map(|(path, (_, text))| (path.as_path(), text.as_bytes())).collect();
    files::write_together(&together)?;
    Ok(paths)
}

fn page(evaluation: &Evaluation) -> String {
    let not_whole =
        incomplete(evaluation).into_iter().map(|(set, what)| (format!("{set} is not whole. "), what));
    let not_measured = evaluation
        .not_measured
        .iter()
        .map(|one| (format!("{} is not measured. ", one.name), one.reason.clone()));
    let bands = not_whole.chain(not_measured).map(|(lead, what)| {
        el("p").class("band").attr("role", "note").child(el("strong").text(lead)).text(what)
    });
    let facts =
        evaluation.provenance.iter().flat_map(|(name, value)| [el("dt").text(name), el("dd").text(value)]);
    let main = el("main")
        .child(
            el("header")
                .child(el("p").class("kicker").text(format!("culturemert {}", evaluation.tool_version)))
                .child(el("h1").text(TITLE))
                .children(bands),
        )
        .children(tables::all(evaluation).iter().map(|table| el("section").child(html::write_table(table))))
        .child(
            el("section").child(el("h2").text("Provenance")).child(el("dl").class("facts").children(facts)),
        );
    html::page(TITLE, "Frozen models probed on data sets", main)
}

/// Sets that are not whole, and in what.
fn incomplete(evaluation: &Evaluation) -> Vec<(&str, String)> {
    let sets = evaluation.sets.iter().filter(|set| !set.incomplete.is_empty());
    sets.map(|set| (set.name.as_str(), set.incomplete.join("; "))).collect()
}

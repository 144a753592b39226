//! The report: one results value, several readers.
//!
//! `tables` and `figures` turn the value into tables and drawings; the exporters write those as Markdown, CSV, LaTeX and HTML
//! and compute nothing themselves, so that all of them say the same. Pure but for [`write_all`].

mod ablations;
mod changes;
pub(crate) mod csv;
mod figures;
pub(crate) mod html;
pub(crate) mod latex;
mod map;
pub(crate) mod markdown;
mod summary;
pub(crate) mod table;
mod tables;

use std::path::{Path, PathBuf};

pub use html::html;
pub use markdown::markdown;

use crate::svg;
use crate::{StudyError, StudyResults};

/// Style sheet of the colours of every page and drawing of ours, for light and dark: `--page`, `--ink`, `--c0` to `--c5` and so on.
pub const COLOURS: &str = include_str!("../svg/colours.css");
/// Title of the report in every format.
pub(crate) const TITLE: &str = "Continual pre-training across musical cultures";
/// What stands wherever numbers from synthetic data stand.
pub(crate) const SYNTHETIC: &str = "Synthetic data";
/// What stands before the numbers of a rehearsal.
pub(crate) const REHEARSAL: &str = "A rehearsal";

/// LaTeX of all tables, for `booktabs`; each is a `table` environment with its own label.
pub fn latex(results: &StudyResults) -> String {
    tables::all(results).iter().map(latex::latex).collect::<Vec<_>>().join("\n")
}

/// All tables as CSV: their names and contents.
pub fn csv(results: &StudyResults) -> Vec<(&'static str, String)> {
    tables::all(results).iter().map(|table| (table.id, csv::csv(table))).collect()
}

/// Writes everything into `dir`: `results.json`, `report.html`, `report.md`, `tables/*.csv`, `tables/*.tex`, `figures/*.svg`, `figures/map.csv`, and last
/// `SHA256SUMS`, which says that all of them are of one study (`sha256sum --check` reads it). Gives the paths, `results.json` first.
pub fn write_all(results: &StudyResults, dir: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let mut texts: Vec<(String, String)> = vec![
        ("results.json".into(), results.to_json()? + "\n"),
        ("times.json".into(), times_json(results)),
        ("report.html".into(), html(results)),
        ("report.md".into(), markdown(results)),
    ];
    for table in tables::all(results) {
        texts.push((format!("tables/{}.csv", table.id), csv::csv(&table)));
        texts.push((format!("tables/{}.tex", table.id), latex::latex(&table)));
    }
    if let Some(map) = &results.map {
        texts.push(("figures/map.csv".into(), map::csv(map)));
    }
    for figure in figures::all(results) {
        for (i, panel) in figure.panels.iter().enumerate() {
            let suffix = if figure.panels.len() == 1 { String::new() } else { format!("-{}", i + 1) };
            texts.push((format!("figures/{}{suffix}.svg", figure.id), svg::standalone(panel)));
        }
    }
    let sum = |(name, text): &(String, String)| format!("{}  {name}\n", files::hash_bytes(text.as_bytes()));
    let sums: String = texts.iter().map(sum).collect();
    texts.push(("SHA256SUMS".into(), sums));
    let paths: Vec<PathBuf> = texts.iter().map(|(name, _)| dir.join(name)).collect();
    let together: Vec<(&Path, &[u8])> =
        paths.iter().zip(&texts).map(|(path, (_, text))| (path.as_path(), text.as_bytes())).collect();
    files::write_together(&together)?;
    Ok(paths)
}

fn times_json(results: &StudyResults) -> String {
    serde_json::to_string_pretty(&results.times()).expect("times are checked to be finite") + "\n"
}

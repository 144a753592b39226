use std::path::Path;

use super::{Recording, cut, source_name};
use crate::{CorpusError, Split};

/// The columns we read; `license` is taken for `licence`.
pub(super) const COLUMNS: [&str; 8] =
    ["path", "culture", "split", "tags", "licence", "group", "start", "end"];

/// One line of an index file, as text. An empty field is an absent one.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) path: String,
    pub(super) culture: String,
    pub(super) split: String,
    pub(super) tags: Vec<String>,
    pub(super) licence: String,
    pub(super) group: String,
    pub(super) start: String,
    pub(super) end: String,
}

impl Row {
    /// Puts `text` into the column called `name`.
    pub(super) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let text = text.trim();
        match name {
            "path" => text.clone_into(&mut self.path),
            "culture" => text.clone_into(&mut self.culture),
            "split" => text.clone_into(&mut self.split),
            "licence" => text.clone_into(&mut self.licence),
            "group" => text.clone_into(&mut self.group),
            "start" => text.clone_into(&mut self.start),
            "end" => text.clone_into(&mut self.end),
            "tags" => self.tags = tags_of_text(text)?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn into_recording(self, index: &Path, root: &Path) -> Result<Recording, CorpusError> {
        let line = self.line;
        let fail = |reason: String| CorpusError::IndexLine { index: index.into(), line, reason };
        if self.path.is_empty() {
            return Err(fail("it has no path".into()));
        }
        if self.culture.is_empty() {
            return Err(fail(format!("`{}` has no culture", self.path)));
        }
        let split = match self.split.as_str() {
            "" => None,
            name => Some(name.parse::<Split>().map_err(fail)?),
        };
        let cut = cut::of_columns(&self.start, &self.end).map_err(fail)?;
        let source = source_name::of(root, Path::new(&self.path));
        Ok(Recording {
            path: root.join(&self.path),
            source: cut.map_or_else(|| source.clone(), |cut| format!("{source}@{cut}")),
            cut,
            culture: self.culture,
            split,
            group: Some(self.group).filter(|group| !group.is_empty()),
            tags: without_repetition(self.tags),
            licence: Some(self.licence).filter(|licence| !licence.is_empty()),
        })
    }
}

/// The name by which we know a column, or `None` where we do not.
pub(super) fn known_column(header: &str) -> Option<&'static str> {
    let header = if header.eq_ignore_ascii_case("license") { "licence" } else { header };
    COLUMNS.into_iter().find(|&column| column.eq_ignore_ascii_case(header))
}

/// Tags joined by `;`, or a JSON array of strings.
fn tags_of_text(text: &str) -> Result<Vec<String>, String> {
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|error| format!("tags `{text}` are not a JSON array: {error}"));
    }
    Ok(text.split(';').map(ToOwned::to_owned).collect())
}

fn without_repetition(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = tag.trim();
        if !tag.is_empty() && !kept.iter().any(|earlier| earlier == tag) {
            kept.push(tag.to_owned());
        }
    }
    kept
}

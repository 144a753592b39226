//! Entries of the file: with what they are `of`, and one for each culture where that is asked.

use std::collections::BTreeSet;

use super::{Part, corpus_of_model, cultures_of};
use crate::exit::usage;
use crate::reproduce::file::{ModelFile, StudyFile};
use crate::reproduce::plan::{Lacks, PlannedCorpus};

/// An entry of the file, for one culture where it is for each.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) file: ModelFile,
    pub(super) part: Part,
}

/// Entries with what they are `of`, and one for each culture; then the variants.
pub(super) fn entries(
    file: &StudyFile,
    corpora: &[PlannedCorpus],
    lacks: &mut Lacks,
) -> anyhow::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let all: Vec<(&ModelFile, bool)> = file
        .models
        .iter()
        .map(|model| (model, false))
        .chain(file.variants.iter().map(|model| (model, true)))
        .collect();
    for (model, is_variant) in all {
        let name = &model.name;
        let mut changes = Vec::new();
        let whole = match &model.of {
            Some(of) => {
                let known = entries.iter().find(|entry| entry.file.name == *of);
                let names = entries.iter().map(|entry| entry.file.name.as_str());
                let meant = nearest::did_you_mean(of, names);
                let other = known.ok_or_else(|| {
                    usage(format!(
                        "model `{name}` is `of` a model `{of}`, and none before it is called so{meant}"
                    ))
                })?;
                changes = changes_of(model);
                model.over(&other.file)
            }
            None if is_variant => {
                return Err(usage(format!("variant `{name}` does not say of which model: `of`")));
            }
            None => model.clone(),
        };
        let part = |of: &Option<String>| match of {
            Some(of) if is_variant => Part::Variant { of: of.clone(), changes: changes.clone() },
            _ => Part::Table,
        };
        let whole = ModelFile { of: model.of.clone(), ..whole };
        if whole.each != Some(true) {
            entries.push(Entry { part: part(&whole.of), file: whole });
            continue;
        }
        if !name.contains("{culture}") {
            return Err(usage(format!(
                "model `{name}` is one for `each` culture; put `{{culture}}` into its name"
            )));
        }
        let corpus = corpus_of_model(&whole, corpora)?;
        let asked = whole.cultures.clone().unwrap_or_default();
        for culture in cultures_of(file, corpus, &asked, &format!("model `{name}`"), lacks)? {
            let each = ModelFile {
                name: name.replace("{culture}", &culture),
                cultures: Some(vec![culture]),
                each: None,
                ..whole.clone()
            };
            entries.push(Entry { part: part(&each.of), file: each });
        }
    }
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at].iter().any(|before| before.file.name == entry.file.name) {
            return Err(usage(format!("two models are called `{}`", entry.file.name)));
        }
    }
    Ok(entries)
}

/// What an entry states, in its own words.
fn changes_of(model: &ModelFile) -> Vec<String> {
    let own = ModelFile { name: String::new(), of: None, kind: None, set: Vec::new(), ..model.clone() };
    let table = toml::Table::try_from(&own).unwrap_or_default();
    let keys = table.iter().filter(|(key, _)| !["name", "set"].contains(&key.as_str()));
    keys.map(|(key, value)| format!("{key} = {value}")).chain(model.set.iter().cloned()).collect()
}

/// Names of the entries that are trained with every seed: variants, what they are compared with, and what merges of every seed take.
pub(super) fn repeated(file: &StudyFile, entries: &[Entry]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in entries {
        if let Part::Variant { of, .. } = &entry.part {
            names.extend([entry.file.name.clone(), of.clone()]);
        }
    }
    for merge in file.merges.iter().filter(|merge| merge.each_seed) {
        let taken = entries.iter().filter(|entry| {
            let is_single = entry.part == Part::Table
                && !entry.file.is_base()
                && entry.file.cultures.as_ref().is_some_and(|cultures| cultures.len() == 1);
            if merge.models.is_empty() { is_single } else { merge.models.contains(&entry.file.name) }
        });
        names.extend(taken.map(|entry| entry.file.name.clone()));
    }
    // A base is one for all seeds.
    names.retain(|name| entries.iter().any(|entry| entry.file.name == *name && !entry.file.is_base()));
    names
}

//! Tags and splits of the corpora on Dunya: Turkish-makam, Hindustani, Carnatic.
//!
//! Recordings are named by MusicBrainz id. What Dunya answers for one (also the form of Saraga's files) has a list for each kind of tag, and
//! a list of performances with the instrument of each; ccml makes `kind--name` of them, without repetition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, FileName, Listed};
use super::metadata_folder::MetadataFolder;
use super::{labels, split_lists};
use crate::CorpusError;

/// How a record of one of the corpora becomes tags.
pub(super) struct Rules {
    /// Kind of tag, the list's name in a record, and which name of an item is taken, the first choice first.
    pub(super) lists: &'static [(&'static str, &'static [&'static str], &'static [&'static str])],
    /// Names of the list of performances.
    pub(super) performances: &'static [&'static str],
    /// A file of tags that are not Dunya's, with what they are.
    pub(super) stand_in: Option<(&'static str, &'static str)>,
}

/// What is known of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    labels: Option<Vec<String>>,
    group: Option<String>,
}

/// Files of tags in the order in which they are believed; the first that states a recording's tags counts.
const TABLES: [&str; 4] = ["metadata.json", "tags.json", "dunya.json", "saraga.json"];
/// Folders that may hold one answer of Dunya a recording, `ID.json`.
const FOLDERS: [&str; 3] = ["dunya", "json", "recordings"];

/// Reads splits and tags.
pub(super) fn read(folder: &MetadataFolder, rules: &Rules) -> Result<Catalogue, CorpusError> {
    let ids = split_lists::read(folder)?;
    let wanted: BTreeSet<&str> = ids.iter().map(|(id, _)| id.as_str()).collect();
    let mut catalogue = Catalogue::default();
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut add = |from: &str, stated: BTreeMap<String, Known>| {
        let mut added = 0;
        for (id, stated) in stated.into_iter().filter(|(id, _)| wanted.contains(id.as_str())) {
            let entry = known.entry(id).or_default();
            added += usize::from(entry.labels.is_none() && stated.labels.is_some());
            entry.labels = entry.labels.take().or(stated.labels);
            entry.group = entry.group.take().or(stated.group);
        }
        (added > 0).then(|| format!("tags of {added} recordings are those of `{from}`"))
    };
    if let Some(file) = folder.file("metadata.npy") {
        let stated = labels::of_pickle(folder, &file)?;
        let stated = stated.into_iter().map(|(id, labels)| (id, Known { labels, group: None }));
        catalogue.remarks.extend(add("metadata.npy", stated.collect()));
    }
    let mut broken = Vec::new();
    for name in TABLES {
        if let Some(file) = folder.file(name) {
            catalogue.remarks.extend(add(name, table(folder, &file, rules, &mut broken)?));
        }
    }
    for name in FOLDERS {
        if let Some(dir) = folder.folder(name) {
            let stated = answers(folder, &dir, &wanted, rules, &mut broken)?;
            catalogue.remarks.extend(add(&format!("{name}/"), stated));
        }
    }
    if let Some((name, what)) = rules.stand_in
        && let Some(file) = folder.file(name)
    {
        let added = add(name, table(folder, &file, rules, &mut broken)?);
        catalogue.deviations.extend(added.map(|added| format!("{added}, {what}")));
    }
    if let Some(first) = broken.first() {
        let n = broken.len();
        catalogue.deviations.push(format!("{n} records of tags cannot be read, the first is {first}"));
    }
    for (id, split) in ids {
        let stated = known.remove(&id).unwrap_or_default();
        let listed = Listed::whole(id.clone(), split, FileName::Stem(id), stated.labels);
        catalogue.recordings.push(Listed { group: stated.group, ..listed });
    }
    Ok(catalogue)
}

/// A file of many records: an object with an id for each, or a list of records that hold theirs.
fn table(
    folder: &MetadataFolder,
    file: &Path,
    rules: &Rules,
    broken: &mut Vec<String>,
) -> Result<BTreeMap<String, Known>, CorpusError> {
    let value: Value =
        serde_json::from_str(&folder.text(file)?).map_err(|error| folder.fault_of(file, error))?;
    let records: Vec<(String, Value)> = match value {
        Value::Object(records) => records.into_iter().collect(),
        Value::Array(records) => {
            let id = |record: &Value| record.get("mbid").and_then(Value::as_str).map(ToOwned::to_owned);
            let with_id = |record: Value| Some((id(&record)?, record));
            let n = records.len();
            let records: Vec<_> = records.into_iter().filter_map(with_id).collect();
            if records.len() < n {
                broken.push(format!("one of {} in `{}` without `mbid`", n - records.len(), file.display()));
            }
            records
        }
        _ => return Err(folder.fault_of(file, "it is neither an object nor a list of records")),
    };
    let mut stated = BTreeMap::new();
    for (id, record) in records {
        match rules.known_of(&record) {
            Ok(known) => drop(stated.insert(id, known)),
            Err(reason) => broken.push(format!("that of `{id}` in `{}`: {reason}", file.display())),
        }
    }
    Ok(stated)
}

/// A folder of records, one a file.
fn answers(
    folder: &MetadataFolder,
    dir: &Path,
    wanted: &BTreeSet<&str>,
    rules: &Rules,
    broken: &mut Vec<String>,
) -> Result<BTreeMap<String, Known>, CorpusError> {
    let mut stated = BTreeMap::new();
    for &id in wanted {
        let file = dir.join(format!("{id}.json"));
        if !file.is_file() {
            continue;
        }
        let text = folder.text(&file)?;
        let record = serde_json::from_str(&text).map_err(|error| error.to_string());
        match record.and_then(|record: Value| rules.known_of(&record)) {
            Ok(known) => drop(stated.insert(id.to_owned(), known)),
            Err(reason) => broken.push(format!("`{}`: {reason}", file.display())),
        }
    }
    Ok(stated)
}

impl Rules {
    /// What a record says: a list of tags, an object that holds one, or an answer of Dunya.
    fn known_of(&self, record: &Value) -> Result<Known, String> {
        match record {
            Value::Null => Ok(Known::default()),
            Value::Array(tags) => Ok(Known { labels: Some(texts(tags)?), group: None }),
            Value::Object(object) => {
                let answer = object.get("record").and_then(Value::as_object).unwrap_or(object);
                let labels = match object.get("tags") {
                    Some(Value::Array(tags)) => texts(tags)?,
                    _ => self.tags_of(answer)?,
                };
                Ok(Known { labels: Some(labels), group: group_of(answer) })
            }
            other => Err(format!("{other} is neither a list of tags nor a record")),
        }
    }

    /// The tags of an answer of Dunya, in order of their names.
    fn tags_of(&self, answer: &Map<String, Value>) -> Result<Vec<String>, String> {
        let list = |names: &[&str]| names.iter().find_map(|&name| answer.get(name)).and_then(Value::as_array);
        let mut tags = BTreeSet::new();
        let mut is_record = false;
        for (kind, names, keys) in self.lists {
            let Some(items) = list(names) else { continue };
            is_record = true;
            for item in items {
                let name =
                    name_of(item, keys).ok_or_else(|| format!("an item of `{}` has no name", names[0]))?;
                tags.insert(format!("{kind}--{name}"));
            }
        }
        if let Some(performances) = list(self.performances) {
            is_record = true;
            for performance in performances {
                // Some performers are listed without what they play.
                let instrument = performance.get("instrument").and_then(|item| name_of(item, &["name"]));
                tags.extend(instrument.map(|name| format!("instrument--{name}")));
            }
        }
        if is_record {
            return Ok(tags.into_iter().collect());
        }
        let names: Vec<&str> = self.lists.iter().map(|(_, names, _)| names[0]).collect();
        Err(format!("it has none of the lists {}", names.join(", ")))
    }
}

/// A name that stands alone or in an object.
fn name_of<'a>(item: &'a Value, keys: &[&str]) -> Option<&'a str> {
    let inside = || keys.iter().find_map(|&key| item.get(key).and_then(Value::as_str));
    item.as_str().or_else(inside).map(str::trim).filter(|name| !name.is_empty())
}

/// The concert or release a recording is from: what a split must not part.
fn group_of(answer: &Map<String, Value>) -> Option<String> {
    let first = |key: &str| answer.get(key)?.as_array()?.first();
    let found = ["concert", "concerts", "release", "releases"].iter().find_map(|key| first(key))?;
    found.get("mbid").and_then(Value::as_str).map(ToOwned::to_owned)
}

fn texts(tags: &[Value]) -> Result<Vec<String>, String> {
    let texts = tags.iter().map(|tag| tag.as_str().map(ToOwned::to_owned));
    let mut texts: Vec<String> = texts.collect::<Option<_>>().ok_or("its tags are not all texts")?;
    let mut seen = BTreeSet::new();
    texts.retain(|tag| seen.insert(tag.clone()));
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(rules: &Rules, record: &Value, expected: &[&str]) {
        assert_eq!(rules.known_of(record).unwrap().labels.unwrap(), expected);
    }

    #[test]
    fn answers_of_dunya_become_tags() {
        let makam = json!({
            "mbid": "x", "makamlist": [{"uuid": "1", "name": "Hicaz"}], "usullist": [{"name": "Düyek"}],
            "performers": [
                {"artist": {"name": "A"}, "instrument": {"mbid": "i", "name": "Ney"}},
                {"artist": {"name": "B"}, "instrument": {"name": "Ney"}},
                {"artist": {"name": "C"}, "instrument": null},
            ],
            "releases": [{"mbid": "r"}],
        });
        check(&super::super::makam::RULES, &makam, &["instrument--Ney", "makam--Hicaz", "usul--Düyek"]);
        assert_eq!(super::super::makam::RULES.known_of(&makam).unwrap().group.unwrap(), "r");
        let carnatic = json!({
            "raaga": [{"common_name": "kalyani", "name": "Kalyāṇi"}], "taala": [{"common_name": "adi"}], "form": [{"name": "Kriti"}],
            "artists": [{"instrument": {"name": "Violin"}}],
        });
        let expected = ["form--Kriti", "instrument--Violin", "raga--kalyani", "tala--adi"];
        check(&super::super::carnatic::RULES, &carnatic, &expected);
        check(&super::super::carnatic::RULES, &json!(["b", "a", "b"]), &["b", "a"]);
    }

    #[test]
    fn what_is_no_record_is_told() {
        let rules = &super::super::hindustani::RULES;
        for (record, part) in [
            (json!({ "detail": "Not found." }), "none of the lists raags, taals, forms"),
            (json!(3), "neither"),
            (json!(["a", 1]), "not all texts"),
            (json!({ "raags": [{}] }), "`raags` has no name"),
        ] {
            let said = rules.known_of(&record).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(rules.known_of(&Value::Null).unwrap(), Known::default());
    }

    /// The records of Saraga are what Dunya answers; the tags beside them were made by other means.
    #[test]
    fn golden_records_of_saraga_give_the_tags_stated_beside_them() {
        let Some(metadata) = golden::metadata() else { return };
        for (name, rules, n) in [
            ("hindustani", &super::super::hindustani::RULES, 108),
            ("carnatic", &super::super::carnatic::RULES, 251),
        ] {
            let records = golden::json(&metadata.join(name).join("saraga.json"));
            let records = records.as_object().unwrap();
            assert_eq!(records.len(), n);
            for (id, record) in records {
                let ours = rules.tags_of(record["record"].as_object().unwrap()).unwrap();
                let theirs: Vec<&str> =
                    record["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
                assert_eq!(ours, theirs, "{id}");
            }
        }
    }
}

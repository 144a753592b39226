//! Studies as TOML trees: one laid over another, parts taken away, single keys changed. Entries of lists are known by their `name`. Pure.

use toml::{Table, Value};

/// Lays `over` on `under`: tables key by key, lists of named entries name by name, and whatever else in the other's place.
pub(super) fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (Some(Value::Array(under)), Value::Array(over))
                if over.iter().all(|entry| name(entry).is_some()) =>
            {
                for entry in over {
                    let place = under.iter().position(|before| name(before) == name(&entry));
                    match (place.map(|place| &mut under[place]), entry) {
                        (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
                        (_, entry) => under.push(entry),
                    }
                }
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Takes away `LIST.NAME`, all of `LIST.*`, or a whole key.
pub(super) fn leave_out(table: &mut Table, part: &str) -> Result<(), String> {
    let (key, entry) = part.split_once('.').map_or((part, None), |(key, entry)| (key, Some(entry)));
    let meant = nearest::did_you_mean(key, table.keys().map(String::as_str));
    let Some(value) = table.get_mut(key) else { return Err(format!("there is no `{key}`{meant}")) };
    match (entry, value) {
        (None, _) => drop(table.remove(key)),
        (Some("*"), Value::Array(entries)) => entries.clear(),
        (Some(entry), Value::Array(entries)) => {
            let before = entries.len();
            let names: Vec<String> = entries.iter().filter_map(name).map(ToOwned::to_owned).collect();
            entries.retain(|one| name(one) != Some(entry));
            if entries.len() == before {
                let meant = nearest::did_you_mean(entry, names.iter().map(String::as_str));
                return Err(format!("there is no entry `{entry}`{meant}"));
            }
        }
        (Some(_), _) => return Err(format!("`{key}` is no list of named entries")),
    }
    Ok(())
}

/// Applies `KEY=VALUE`; the parts of a key are keys, and names or numbers of entries. A value that is no TOML is a text.
pub(super) fn assign(table: &mut Table, assignment: &str) -> Result<(), String> {
    let (key, value) = assignment.split_once('=').ok_or("has no `=`; write KEY=VALUE")?;
    let path: Vec<&str> = key.trim().split('.').collect();
    if path.iter().any(|part| part.is_empty()) {
        return Err("the key has an empty part".into());
    }
    let value = parsed(value.trim());
    let known = [
        "about",
        "training",
        "seed",
        "training_seeds",
        "western",
        "metadata",
        "datasets",
        "corpora",
        "tokenizers",
        "models",
        "variants",
        "merges",
        "probe",
        "evaluations",
        "similarity",
    ];
    if !known.contains(&path[0]) {
        return Err(format!("a study has no `{}`{}", path[0], nearest::did_you_mean(path[0], known)));
    }
    put(table, &path, value)
}

fn put(table: &mut Table, path: &[&str], value: Value) -> Result<(), String> {
    let (&key, rest) = path.split_first().ok_or("the key is empty")?;
    let Some((&next, after)) = rest.split_first() else {
        table.insert(key.into(), value);
        return Ok(());
    };
    match table.entry(key).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(inner) => put(inner, rest, value),
        Value::Array(entries) => {
            let names: Vec<String> = entries.iter().filter_map(name).map(ToOwned::to_owned).collect();
            let place = names.iter().position(|name| name == next).or_else(|| next.parse().ok());
            let Some(entry) = place.and_then(|place| entries.get_mut(place)) else {
                let meant = nearest::did_you_mean(next, names.iter().map(String::as_str));
                return Err(format!("in `{key}` there is no entry `{next}`{meant}"));
            };
            match entry {
                Value::Table(inner) if !after.is_empty() => put(inner, after, value),
                entry if after.is_empty() => {
                    *entry = value;
                    Ok(())
                }
                other => Err(format!("`{next}` is a {}, which has no keys", other.type_str())),
            }
        }
        other => Err(format!("`{key}` is a {}, which has no keys", other.type_str())),
    }
}

fn parsed(text: &str) -> Value {
    let table = toml::from_str::<Table>(&format!("v = {text}")).ok().filter(|table| table.len() == 1);
    table.and_then(|mut table| table.remove("v")).unwrap_or_else(|| Value::String(text.into()))
}

fn name(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}

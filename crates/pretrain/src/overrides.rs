//! `--set key=value`: changes a configuration through the schema it was written in.
//!
//! The file is turned into a TOML tree, the value is put where the dotted key points (numbers index lists), and the tree is read again with
//! the same checks as a file: an unknown key is answered with the known ones. Pure.

use toml::{Table, Value};

use crate::model_config::ModelInit;
use crate::{PretrainError, TrainFile};

/// Keys of one table of which only one may be stated.
const EXCLUSIVE: [&[&str]; 2] = [&["updates", "hours", "epochs"], &["warmup", "warmup_updates"]];

pub(crate) fn with_overrides<S: AsRef<str>>(
    file: &TrainFile,
    assignments: &[S],
) -> Result<TrainFile, PretrainError> {
    let mut file = file.clone();
    for assignment in assignments {
        let assignment = assignment.as_ref();
        let wrong = |message: String| PretrainError::Override { assignment: assignment.into(), message };
        let (key, text) =
            assignment.split_once('=').ok_or_else(|| wrong("has no `=`; write key=value".into()))?;
        let path: Vec<&str> = key.trim().split('.').collect();
        // A key inside the model's shape needs the table that the shape's name stands for.
        if path.starts_with(&["model", "init"]) && path.len() > 2 {
            file.model.init =
                file.model.init.as_ref().map(ModelInit::resolve).transpose()?.map(ModelInit::Config);
        }
        let table = Table::try_from(&file).map_err(|error| wrong(error.to_string()))?;
        let mut tree = Value::Table(table);
        set(&mut tree, &path, value(text.trim()).map_err(wrong)?).map_err(wrong)?;
        file = tree.try_into().map_err(|error: toml::de::Error| wrong(nearest::explain(error.message())))?;
    }
    Ok(file)
}

/// A TOML value; what is none and looks like a name is a string, so that a shell needs no second pair of quotes.
fn value(text: &str) -> Result<Value, String> {
    let parsed = toml::from_str::<Table>(&format!("v = {text}"));
    if let Ok(mut table) = parsed
        && table.len() == 1
        && let Some(value) = table.remove("v")
    {
        return Ok(value);
    }
    let is_word = |c: char| c.is_alphanumeric() || "-_./*?".contains(c);
    if !text.is_empty() && text.chars().all(is_word) {
        return Ok(Value::String(text.into()));
    }
    Err(format!("`{text}` is no TOML value"))
}

fn set(tree: &mut Value, path: &[&str], value: Value) -> Result<(), String> {
    let (&key, rest) = path.split_first().ok_or("the key is empty")?;
    if key.is_empty() {
        return Err("the key has an empty part".into());
    }
    match tree {
        Value::Table(table) if rest.is_empty() => {
            for group in EXCLUSIVE.iter().filter(|group| group.contains(&key)) {
                group.iter().for_each(|other| drop(table.remove(*other)));
            }
            table.insert(key.into(), value);
            Ok(())
        }
        Value::Table(table) => {
            set(table.entry(key).or_insert_with(|| Value::Table(Table::new())), rest, value)
        }
        Value::Array(items) => {
            let n_items = items.len();
            let item = key.parse().ok().and_then(|index: usize| items.get_mut(index));
            let item =
                item.ok_or_else(|| format!("`{key}` is no number from 0 to {}", n_items.saturating_sub(1)))?;
            if rest.is_empty() {
                *item = value;
                return Ok(());
            }
            set(item, rest, value)
        }
        other => Err(format!("`{key}` would lie inside a {}", other.type_str())),
    }
}

#[cfg(test)]
mod tests {
    use crate::preset;

    #[track_caller]
    fn fails(assignment: &str, part: &str) {
        let message = preset("pocket").unwrap().with_overrides(&[assignment]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`--set {assignment}`")), "{message}");
        assert!(message.contains(part) && !message.contains('\n'), "{message}");
    }

    #[test]
    fn values_arrive_where_their_key_points() {
        let assignments = [
            "stage.0.updates=10",
            "run.name=first",
            "crop.seconds = 1.28",
            "stage.1.schedule.peak=1e-3",
            "stage.1.data.replay={ cultures = ['western'], share = 0.1 }",
            "stage.1.trainable=['encoder.*']",
            "model.init.hidden_size=32",
        ];
        let file = preset("pocket").unwrap().with_overrides(&assignments).unwrap();
        assert_eq!(
            (file.stage[0].updates, file.run.name.as_str(), file.crop.seconds),
            (Some(10), "first", 1.28)
        );
        assert_eq!((file.stage[1].schedule.peak, file.stage[1].trainable.len()), (1e-3, 1));
        assert_eq!(file.stage[1].data.replay.as_ref().unwrap().share, 0.1);
        let plan = file.plan().unwrap();
        assert_eq!(plan.model.init.unwrap()["hidden_size"].as_integer(), Some(32));
    }

    #[test]
    fn a_key_that_excludes_others_takes_their_place() {
        let file = preset("paper").unwrap().with_overrides(&["stage.0.hours=10.0"]).unwrap();
        assert_eq!((file.stage[0].updates, file.stage[0].hours), (None, Some(10.0)));
        assert_eq!(file.plan().unwrap().stages[0].updates, 225);
    }

    #[test]
    fn what_does_not_fit_the_schema_is_named_with_what_would() {
        fails("stage.0.update=10", "; did you mean `updates`?");
        fails("stages.0.updates=10", "; did you mean `stage`?");
        fails("stage.7.updates=10", "from 0 to 1");
        fails("stage.0.updates=ten", "invalid type");
        fails("stage.0.updates.x=1", "inside a integer");
        fails("crop.alignment=sideways", "`grid320`");
        fails("crop.alignment=grid-320", "; did you mean `grid320`?");
        fails("crop.seconds", "key=value");
        fails("=1", "empty part");
        fails("run.name=a b", "no TOML value");
    }
}

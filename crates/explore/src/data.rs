//! The collection as the JSON that lies in the page: columns, names by number, places as whole numbers.

use std::collections::{BTreeMap, BTreeSet};

use evaluate::map::overlap;
use serde_json::{Value, json};

use crate::{Collection, Item, Sound, sound_of};

/// Places are whole numbers from 0 to this: a map of 65536 steps is finer than any screen.
const STEPS: f64 = 65535.0;

/// JSON that may stand in a `script` element: `<`, `>` and `&` are written as escapes, so no text can end the element or begin a comment.
pub(crate) fn json_in_script(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}

/// Names in order, and the number of each.
struct Names<'a>(BTreeMap<&'a str, usize>);

impl<'a> Names<'a> {
    fn of(names: impl Iterator<Item = &'a str>) -> Self {
        let sorted: BTreeSet<&str> = names.collect();
        Self(sorted.into_iter().enumerate().map(|(at, name)| (name, at)).collect())
    }

    fn list(&self) -> Vec<&'a str> {
        self.0.keys().copied().collect()
    }

    fn at(&self, name: &str) -> usize {
        self.0[name]
    }
}

/// What stands for a licence that is not stated.
const NOT_STATED: &str = "not stated";

fn licence_of(item: &Item) -> &str {
    item.licence.as_deref().unwrap_or(NOT_STATED)
}

/// Everything the script reads.
pub(crate) fn data(collection: &Collection) -> Value {
    let items = &collection.items;
    let cultures = Names::of(items.iter().map(|item| item.culture.as_str()));
    let tags = Names::of(items.iter().flat_map(|item| &item.tags).map(String::as_str));
    let licences = Names::of(items.iter().map(licence_of));
    let splits = Names::of(items.iter().map(|item| item.split.as_str()));
    let column = |of: &dyn Fn(&Item) -> Value| Value::Array(items.iter().map(of).collect());
    let tenths = |seconds: f64| json!((seconds * 10.0).round() / 10.0);
    let sound = |item: &Item| match item.sound {
        Sound::Excerpt { seconds } => tenths(seconds.max(0.1)),
        Sound::Licence => json!(-1),
        Sound::Limit => json!(-2),
        Sound::Off => json!(0),
    };
    let clips = json!({
        "name": column(&|item| json!(item.name)),
        "culture": column(&|item| json!(cultures.at(&item.culture))),
        "tags": column(&|item| json!(item.tags.iter().map(|tag| tags.at(tag)).collect::<Vec<_>>())),
        "group": column(&|item| json!(item.group)),
        "split": column(&|item| json!(splits.at(&item.split))),
        "licence": column(&|item| json!(licences.at(licence_of(item)))),
        "start": column(&|item| tenths(item.start)),
        "seconds": column(&|item| tenths(item.seconds)),
        "sound": column(&sound),
    });
    let licence = |name: &&str| {
        let (plays, why) = sound_of(Some(*name).filter(|name| *name != NOT_STATED));
        let n = items.iter().filter(|item| licence_of(item) == *name).count();
        json!({ "name": name, "plays": plays, "why": why, "n": n })
    };
    let models = collection.models.iter().map(|model| {
        let (x, y) = steps(&model.plane);
        let of = |value: &dyn Fn(&evaluate::map::Neighbour) -> i64| -> Vec<Vec<i64>> {
            model.neighbours.iter().map(|row| row.iter().map(value).collect()).collect()
        };
        json!({
            "name": model.name,
            "x": x,
            "y": y,
            "near": of(&|one| i64::from(one.index)),
            "cos": of(&|one| (f64::from(one.cosine) * 1000.0).round() as i64),
        })
    });
    let predictions = collection.predictions.iter().map(|probe| {
        let permille = |p: f64| (p.clamp(0.0, 1.0) * 1000.0).round() as i64;
        let top: Vec<Vec<(usize, i64)>> = probe
            .likeliest
            .iter()
            .map(|row| row.iter().map(|(tag, p)| (*tag, permille(*p))).collect())
            .collect();
        json!({ "name": probe.name, "tags": probe.tags, "top": top })
    });
    let shared = match collection.models.as_slice() {
        [one, two] => {
            let pairs = one.neighbours.iter().zip(&two.neighbours);
            json!(pairs.map(|(a, b)| overlap(a, b)).collect::<Vec<_>>())
        }
        _ => Value::Null,
    };
    json!({
        "title": collection.title,
        "summary": summary(collection),
        "unit": collection.unit.name(),
        "k": collection.k,
        "cultures": cultures.list(),
        "tags": tags.list(),
        "splits": splits.list(),
        "licences": licences.list().iter().map(licence).collect::<Vec<_>>(),
        "clips": clips,
        "models": models.collect::<Vec<_>>(),
        "shared": shared,
        "predictions": predictions.collect::<Vec<_>>(),
        "notes": notes(collection),
        "facts": facts(collection),
    })
}

/// Both axes on one scale, the larger from 0 to [`STEPS`], the other in the middle; upwards is upwards.
fn steps(plane: &[f32]) -> (Vec<i64>, Vec<i64>) {
    let axis = |at: usize| plane.iter().skip(at).step_by(2).map(|&x| f64::from(x));
    let range =
        |at: usize| axis(at).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    let ranges = [range(0), range(1)];
    let extent = ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    let place = |at: usize, x: f64| {
        let (low, high) = ranges[at];
        let along = if extent > 0.0 { (x - f64::midpoint(low, high)) / extent } else { 0.0 };
        ((0.5 + along) * STEPS).round() as i64
    };
    (axis(0).map(|x| place(0, x)).collect(), axis(1).map(|y| STEPS as i64 - place(1, y)).collect())
}

fn summary(collection: &Collection) -> String {
    let items = &collection.items;
    let cultures: BTreeSet<&str> = items.iter().map(|item| item.culture.as_str()).collect();
    let n_heard = items.iter().filter(|item| matches!(item.sound, Sound::Excerpt { .. })).count();
    let models: Vec<&str> = collection.models.iter().map(|model| model.name.as_str()).collect();
    let unit = collection.unit.name();
    let them = if models.len() == 1 { "hears them" } else { "hear them" };
    let heard = match n_heard {
        0 => "none can be heard".to_owned(),
        n if n == items.len() => "each has an excerpt to hear".to_owned(),
        n => format!("{n} have an excerpt to hear"),
    };
    format!(
        "{} {unit}s of {} cultures as {} {them}; {heard}.",
        items.len(),
        cultures.len(),
        models.join(" and ")
    )
}

/// How to read the page.
fn notes(collection: &Collection) -> Vec<String> {
    let k = collection.k;
    let unit = collection.unit.name();
    let mut notes = vec![
        format!(
            "A point is a {unit}, placed by the mean over time of the model’s hidden states. Neighbours are the {k} with the largest cosine, \
             the mean of the collection taken away, found exactly and, for clips, in other recordings. The map is a drawing of these neighbourhoods on a \
             plane: what lies together is mostly alike to the model, while distances between groups, sizes of groups and directions mean little."
        ),
        "Alike to a model is not alike to a listener, and near is not related: recordings may lie together because of room, microphone, \
         instrument or year. A culture here is a label of this collection."
            .to_owned(),
    ];
    if !collection.predictions.is_empty() {
        notes.push(
            "A predicted tag is the answer of a small network trained on some of these labels; its per cent say how sure the network is, \
             not how often it is right. Items of its training split are no test of it."
                .to_owned(),
        );
    }
    notes.push(
        "An excerpt is given only where the licence, as the corpus states it, is known to allow passing one on. What is not stated or not \
         understood counts as a no. The page connects to nothing."
            .to_owned(),
    );
    notes
}

fn facts(collection: &Collection) -> Vec<(String, String)> {
    let of_models = collection.models.iter().flat_map(|model| {
        let name = move |fact: &str| format!("{fact} ({})", model.name);
        model.facts.iter().map(move |(fact, value)| (name(fact), value.clone()))
    });
    collection.facts.iter().cloned().chain(of_models).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn json_comes_back_and_holds_nothing_that_ends_a_script(text in any::<String>()) {
            let value = json!({ "a": text, "b": ["</script>", "<!--", "&amp;", text] });
            let written = json_in_script(&value);
            let ends = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!written.contains(ends));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }

        #[test]
        fn places_fill_one_side_and_keep_their_proportion(points in prop::collection::vec((-1e3_f32..1e3, -1e3_f32..1e3), 2..40)) {
            let plane: Vec<f32> = points.iter().flat_map(|&(x, y)| [x, y]).collect();
            let (x, y) = steps(&plane);
            let spread = |values: &[i64]| values.iter().max().unwrap() - values.iter().min().unwrap();
            prop_assert!((spread(&x).max(spread(&y)) - 65535).abs() <= 1);
            prop_assert!(x.iter().chain(&y).all(|v| (0..=65535).contains(v)));
        }
    }

    #[test]
    fn one_place_lies_in_the_middle() {
        assert_eq!(steps(&[3.0, 4.0]), (vec![32768], vec![32767]));
    }
}

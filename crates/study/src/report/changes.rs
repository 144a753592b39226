//! What adapting changed, tag by tag, and what it cost on the music of before.

use super::SYNTHETIC;
use super::table::{Best, Cell, Column, Row, Table};
use crate::StudyResults;
use crate::results::{ModelKind, ModelResult, TagScore};

/// Winners and losers of each tradition that are listed.
const LISTED: usize = 3;

/// Tags that gained and lost most from the base to the model of all cultures.
pub(crate) fn tags(results: &StudyResults) -> Table {
    let rows = compared(results).into_iter().flat_map(|(base, adapted)| {
        results.data.cultures.iter().flat_map(move |culture| {
            let changes = changes(results, base, adapted, &culture.name);
            let shown = extremes(&changes);
            shown.into_iter().enumerate().map(move |(i, change)| Row {
                label: culture.label.clone(),
                is_new_block: i == 0,
                cells: vec![
                    Cell::text(change.tag),
                    Cell::number(100.0 * change.before, 1),
                    Cell::number(100.0 * change.after, 1),
                    Cell::number(100.0 * (change.after - change.before), 1),
                    Cell::count(change.positives),
                    change.example.map_or(Cell::Empty, Cell::text),
                ],
            })
        })
    });
    let names =
        compared(results).map_or((String::new(), String::new()), |(a, b)| (a.name.clone(), b.name.clone()));
    Table {
        id: "tags",
        caption: "Tags that gained and lost most".into(),
        note: format!(
            "ROC-AUC, per cent, mean over probe seeds, under {} and under {}; for each tradition up to {LISTED} tags that gained and {LISTED} that \
             lost. With few test recordings of a tag, one recording that changes place moves its score by many points; the largest of many \
             changes are large by chance alone.",
            names.0, names.1
        ),
        is_synthetic: results.data.synthetic,
        corner: "Tradition",
        columns: ["Tag", &names.0, &names.1, "Change", "Test recordings", "One of them"].map(column).into(),
        rows: rows.collect(),
    }
}

fn column(label: &str) -> Column {
    Column { group: String::new(), label: label.to_owned(), best: Best::No }
}

/// The base, and the model it is compared with: of all cultures, or the first that is adapted at all.
fn compared(results: &StudyResults) -> Option<(&ModelResult, &ModelResult)> {
    let base = results.first_of(ModelKind::Base)?;
    let adapted =
        results.first_of(ModelKind::MultiCulture).or_else(|| results.first_of(ModelKind::SingleCulture))?;
    Some((base, adapted))
}

#[derive(Clone, Copy)]
struct Change<'a> {
    tag: &'a str,
    before: f64,
    after: f64,
    positives: u64,
    example: Option<&'a str>,
}

fn changes<'a>(
    results: &'a StudyResults,
    base: &ModelResult,
    adapted: &ModelResult,
    culture: &str,
) -> Vec<Change<'a>> {
    let scores = |model: &ModelResult| -> &'a [TagScore] {
        results.probe(&model.name, culture).map_or(&[], |probe| &probe.per_tag)
    };
    let after = scores(adapted);
    scores(base)
        .iter()
        .filter_map(|before| {
            let same = after.iter().find(|tag| tag.tag == before.tag)?;
            Some(Change {
                tag: &before.tag,
                before: before.roc_auc,
                after: same.roc_auc,
                positives: before.positives,
                example: before.example.as_deref(),
            })
        })
        .collect()
}

/// The largest gains, largest first, then the largest losses, largest last; a tag is one or the other.
fn extremes<'a>(changes: &[Change<'a>]) -> Vec<Change<'a>> {
    let mut sorted = changes.to_vec();
    let gain = |change: &Change<'_>| change.after - change.before;
    sorted.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then(a.tag.cmp(b.tag)));
    let winners = sorted.iter().copied().filter(|change| gain(change) > 0.0).take(LISTED);
    let mut losers: Vec<Change<'a>> =
        sorted.iter().rev().copied().filter(|change| gain(change) < 0.0).take(LISTED).collect();
    losers.reverse();
    winners.chain(losers).collect()
}

/// Forgetting, and the stability gap: what happened to the music the base knows.
pub(crate) fn forgetting(results: &StudyResults) -> Table {
    let western: Vec<_> = results.data.cultures.iter().filter(|culture| culture.western).collect();
    let base = results.first_of(ModelKind::Base);
    let rows = results.models.iter().filter(|model| model.kind != ModelKind::Base).flat_map(|model| {
        western.iter().filter_map(move |culture| {
            let now = results.probe(&model.name, &culture.name);
            let before = base.and_then(|base| results.probe(&base.name, &culture.name));
            let loss = losses(results, &model.name, &culture.name);
            if now.zip(before).is_none() && loss.is_none() {
                return None;
            }
            let mut cells = vec![now.zip(before).map_or(Cell::Empty, |(now, before)| {
                let spread = now.roc_auc.std.hypot(before.roc_auc.std);
                Cell::spread(100.0 * (now.roc_auc.mean - before.roc_auc.mean), Some(100.0 * spread), 1)
            })];
            cells.extend(match loss {
                None => [Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty],
                Some(Losses { before, highest, after }) => {
                    [before, highest, after, highest - before.max(after)].map(|value| Cell::number(value, 3))
                }
            });
            Some(Row { label: model.name.clone(), is_new_block: false, cells })
        })
    });
    let loss =
        |label: &str| Column { group: "Held-out Western loss".into(), label: label.into(), best: Best::No };
    Table {
        id: "forgetting",
        caption: "Forgetting and the stability gap".into(),
        note: "Change of Western ROC-AUC against the base, points, ± one standard deviation over probe seeds: below zero something was forgotten. \
               Loss on held-out Western crops at the start, at its highest while training, and at the end; the gap is how far the highest lies \
               above both ends. Merged models were not trained, so they have no loss. Western music is measured because the base was \
               trained on it, for no other reason."
            .into(),
        is_synthetic: results.data.synthetic,
        corner: "Model",
        columns: vec![column("Western ROC-AUC"), loss("start"), loss("highest"), loss("end"), loss("gap")],
        rows: rows.collect(),
    }
}

struct Losses {
    before: f64,
    highest: f64,
    after: f64,
}

/// Held-out losses of a model on a tradition, through all its stages.
fn losses(results: &StudyResults, model: &str, culture: &str) -> Option<Losses> {
    let runs = results.runs.iter().filter(|run| run.model == model);
    let all: Vec<f64> =
        runs.flat_map(|run| &run.points).filter_map(|point| point.held_out.get(culture).copied()).collect();
    let highest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(Losses { before: *all.first()?, highest, after: *all.last()? })
}

/// How to use the numbers and models, and how not to.
pub(crate) fn responsible_use(results: &StudyResults) -> Vec<String> {
    let data = if results.data.synthetic {
        format!(
            "{SYNTHETIC}: no musician, archive or community is behind these sounds, so no conclusion about any of them can be drawn from this report."
        )
    } else {
        "The recordings belong to people. What their licences allow, what performers agreed to, and who may object are questions to answer before \
         weights, excerpts or numbers are passed on."
            .to_owned()
    };
    [
        &*data,
        "A tradition here is a column of one collection under a name its community uses. A low number may say as much of the tags and of the \
         choice of recordings as of the model; traditions must not be ranked by it.",
        "Near on a map or alike in tokens means near to this model, which hears twelve equal steps an octave and clips of 30 seconds best. It is \
         no kinship of cultures.",
        "Each model was trained once, on one seed; the test recordings are few. Predicted tags are probabilities of a small network and no authority: a \
         person decides what goes into a catalogue.",
        "The models are not for telling origin, faith or ethnicity of people, nor for imitating a performer or a tradition.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winners_come_first_losers_last_and_none_is_both() {
        let change = |tag, after| Change { tag, before: 0.5, after, positives: 3, example: None };
        let all: Vec<Change<'_>> =
            [("a", 0.6), ("b", 0.5), ("c", 0.9), ("d", 0.2), ("e", 0.55), ("f", 0.51), ("g", 0.4)]
                .map(|(tag, after)| change(tag, after))
                .into();
        let shown: Vec<&str> = extremes(&all).iter().map(|change| change.tag).collect();
        assert_eq!(shown, ["c", "a", "e", "g", "d"]);
        assert!(extremes(&[change("same", 0.5)]).is_empty());
    }
}

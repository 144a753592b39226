//! The tables of the report, in the paper's layouts where the paper has one.

use std::fmt::Write;

use evaluate::{Bounds, OverSplits, PairBounds};

use super::table::{Best, Cell, Column, Row, Table, duration};
use super::{changes, map};
use crate::paper::{PaperScore, PaperSet, TABLE_1, TABLE_2};
use crate::results::{ModelKind, ModelResult, Recipe, Scores, Similarity, Spread, StudyResults};
use crate::statistics::mean;

/// Every table that has numbers, in the order of the report.
pub(crate) fn all(results: &StudyResults) -> Vec<Table> {
    let made = [
        scores(results),
        strategies(results),
        changes::tags(results),
        changes::forgetting(results),
        map::shares(results),
        map::across(results),
        lambda(results),
        super::ablations::table(results),
        divergence(results),
        cosine(results),
        floor(results),
        models(results),
        held_out(results),
        data(results),
        timings(results),
    ];
    made.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// Table 2: every model on every tradition.
pub(crate) fn scores(results: &StudyResults) -> Table {
    let probed: Vec<_> = results
        .data
        .cultures
        .iter()
        .filter(|c| results.probes.iter().any(|probe| probe.tradition == c.name))
        .collect();
    let mut columns: Vec<Column> = probed
        .iter()
        .flat_map(|culture| ["ROC-AUC", "AP"].map(|label| column(&culture.label, label, Best::High)))
        .collect();
    columns.push(column("", "Average", Best::High));
    let mut before = None;
    let rows = results.models.iter().filter_map(|model| {
        let probes: Vec<_> = probed.iter().map(|culture| results.probe(&model.name, &culture.name)).collect();
        if probes.iter().all(Option::is_none) {
            return None;
        }
        let mut cells: Vec<Cell> = probes
            .iter()
            .flat_map(|probe| match probe {
                Some(probe) => [percent(probe.roc_auc), percent(probe.average_precision)],
                None => [Cell::Empty, Cell::Empty],
            })
            .collect();
        let known: Option<Vec<_>> = probes.into_iter().collect();
        cells.push(known.map_or(Cell::Empty, |probes| {
            let means = probes.iter().flat_map(|probe| [probe.roc_auc.mean, probe.average_precision.mean]);
            Cell::number(100.0 * mean(&means.collect::<Vec<_>>()), 1)
        }));
        let is_new_block = before.replace(model.kind).is_some_and(|kind| kind != model.kind);
        Some(Row { label: model.name.clone(), is_new_block, cells })
    });
    Table {
        id: "scores",
        caption: "Every model, probed on every tradition".into(),
        note: format!(
            "Per cent, mean ± standard deviation over {} probe seeds; best of each column in bold. Macro ROC-AUC and macro average \
             precision (AP) over tags. The average is over both scores and all traditions. Layout of the paper's Table 2.",
            results.seeds.len()
        ),
        is_synthetic: results.data.synthetic,
        corner: "Model",
        rows: rows.collect(),
        columns,
    }
}

/// Table 1: how training was staged.
pub(crate) fn strategies(results: &StudyResults) -> Table {
    let baselines: Vec<&ModelResult> =
        results.models.iter().filter(|m| m.kind == ModelKind::Baseline).collect();
    let same = |model: &ModelResult| baselines.iter().any(|baseline| baseline.trained_on == model.trained_on);
    let is_compared = |model: &&ModelResult| {
        model.kind == ModelKind::Base
            || model.kind == ModelKind::Baseline
            || (model.recipe == Recipe::TwoStage && same(model))
    };
    let mut compared: Vec<&ModelResult> = results.models.iter().filter(is_compared).collect();
    compared.sort_by_key(|model| (model.kind != ModelKind::Base, model.recipe == Recipe::TwoStage));
    let cultures: Vec<_> = results
        .data
        .cultures
        .iter()
        .filter(|culture| compared.iter().all(|model| results.probe(&model.name, &culture.name).is_some()))
        .collect();
    let rows = compared.iter().filter(|_| !baselines.is_empty() && !cultures.is_empty()).map(|model| {
        let cell =
            |name: &str| results.probe(&model.name, name).map_or(Cell::Empty, |probe| percent(probe.roc_auc));
        let label = if model.kind == ModelKind::Base {
            format!("{} (base)", model.name)
        } else {
            model.recipe.label().to_owned()
        };
        let cells = cultures.iter().map(|culture| cell(&culture.name)).collect();
        Row { label, is_new_block: model.recipe == Recipe::TwoStage, cells }
    });
    Table {
        id: "strategies",
        caption: "How training is staged".into(),
        note: format!(
            "ROC-AUC, per cent, mean ± standard deviation over {} probe seeds; best of each column in bold. Layout of the paper's Table 1.",
            results.seeds.len()
        ),
        is_synthetic: results.data.synthetic,
        corner: "Strategy",
        columns: cultures.iter().map(|culture| column("", &culture.label, Best::High)).collect(),
        rows: rows.collect(),
    }
}

/// The sweep over shared weights.
pub(crate) fn lambda(results: &StudyResults) -> Table {
    let cultures: Vec<_> = results
        .data
        .cultures
        .iter()
        .filter(|culture| {
            results.lambda_sweep.iter().any(|point| point.traditions.contains_key(&culture.name))
        })
        .collect();
    let mut columns: Vec<Column> = cultures
        .iter()
        .flat_map(|culture| ["ROC-AUC", "AP"].map(|label| column(&culture.label, label, Best::High)))
        .collect();
    columns.push(column("", "Average", Best::High));
    let rows = results.lambda_sweep.iter().map(|point| {
        let mut cells: Vec<Cell> = cultures
            .iter()
            .flat_map(|culture| match point.traditions.get(&culture.name) {
                Some(Scores { roc_auc, average_precision }) => {
                    [percent(*roc_auc), percent(*average_precision)]
                }
                None => [Cell::Empty, Cell::Empty],
            })
            .collect();
        cells.push(percent(point.average));
        Row { label: point.lambda.to_string(), is_new_block: false, cells }
    });
    Table {
        id: "lambda",
        caption: "Merged models by shared weight λ".into(),
        note: "Per cent, mean ± standard deviation over probe seeds; best of each column in bold. 0.25 averages four models' weights.".into(),
        is_synthetic: results.data.synthetic,
        corner: "λ",
        rows: rows.collect(),
        columns,
    }
}

fn divergence(results: &StudyResults) -> Table {
    let caption = "Jensen–Shannon divergence of token distributions";
    let bounds = |pair: &PairBounds| pair.divergence;
    distances(
        results,
        "divergence",
        caption,
        |similarity| &similarity.jensen_shannon,
        bounds,
        "Nats, 0 to 0.693.",
    )
}

fn cosine(results: &StudyResults) -> Table {
    let caption = "Cosine distance of token distributions";
    let bounds = |pair: &PairBounds| pair.cosine_distance;
    distances(results, "cosine", caption, |similarity| &similarity.cosine_distance, bounds, "0 to 1.")
}

fn distances(
    results: &StudyResults,
    id: &'static str,
    caption: &str,
    of: impl Fn(&Similarity) -> &Vec<Vec<f64>>,
    bounds: impl Fn(&PairBounds) -> Option<Bounds>,
    unit: &str,
) -> Table {
    let names: &[String] = results.similarity.as_ref().map_or(&[], |similarity| &similarity.cultures);
    let intervals = results.similarity.as_ref().and_then(|similarity| similarity.intervals.as_ref());
    let label = |name: &String| results.culture_label(name).to_owned();
    let rows = results.similarity.iter().flat_map(|similarity| names.iter().zip(of(similarity)));
    let rows = rows.enumerate().map(|(i, (name, values))| {
        let cell = |(j, value): (usize, &f64)| {
            let pair = intervals.and_then(|intervals| intervals.pair(name, &names[j]));
            match pair.and_then(&bounds) {
                _ if i == j => Cell::Empty,
                Some(Bounds { low, high, .. }) => Cell::interval(*value, [low, high], 3),
                None => Cell::number(*value, 3),
            }
        };
        Row { label: label(name), is_new_block: false, cells: values.iter().enumerate().map(cell).collect() }
    });
    let mut note = format!("{unit} Mean over codebooks of pooled counts; the least of each column in bold.");
    if let Some(intervals) = intervals {
        let _ = write!(
            note,
            " Intervals of {} per cent over recordings (basic bootstrap); they take off what the choice of recordings adds.",
            100.0 * intervals.bootstrap.level
        );
    }
    Table {
        id,
        caption: caption.into(),
        note,
        is_synthetic: results.data.synthetic,
        corner: "Tradition",
        columns: names.iter().map(|name| column("", &label(name), Best::Low)).collect(),
        rows: rows.collect(),
    }
}

/// Distances of halves of one tradition.
fn floor(results: &StudyResults) -> Table {
    let halves = results.similarity.as_ref().and_then(|similarity| similarity.halves.as_ref());
    let shown = |over: Option<OverSplits>| {
        over.map_or(Cell::Empty, |OverSplits { mean, low, high }| Cell::interval(mean, [low, high], 4))
    };
    let rows = halves.iter().flat_map(|halves| &halves.cultures).map(|floor| Row {
        label: results.culture_label(&floor.culture).to_owned(),
        is_new_block: false,
        cells: vec![
            Cell::count(floor.n_recordings as u64),
            shown(floor.divergence),
            shown(floor.cosine_distance),
        ],
    });
    Table {
        id: "token-floor",
        caption: "How far apart two halves of one tradition’s recordings lie".into(),
        note: halves.map_or(String::new(), |halves| {
            format!(
                "Mean over {} random halvings, with the range of the central {} per cent of them; divergence in {}. A distance between \
                 traditions that is no larger says nothing.",
                halves.splits.n_resamples,
                100.0 * halves.splits.level,
                halves.unit
            )
        }),
        is_synthetic: results.data.synthetic,
        corner: "Tradition",
        columns: ["Recordings", "Jensen–Shannon divergence", "Cosine distance"]
            .map(|head| column("", head, Best::No))
            .into(),
        rows: rows.collect(),
    }
}

fn models(results: &StudyResults) -> Table {
    let heads = ["Kind", "Trained on", "Stages", "Updates", "Parameters trained", "Sound", "Time"];
    let rows = results.models.iter().map(|model| {
        let each =
            |of: &dyn Fn(usize) -> String| (0..model.stages.len()).map(of).collect::<Vec<_>>().join(" + ");
        let stages = &model.stages;
        let trained_on: Vec<&str> = model.trained_on.iter().map(|name| results.culture_label(name)).collect();
        let updates = each(&|i| super::table::grouped(stages[i].updates));
        let trained = each(&|i| super::table::grouped(stages[i].trained_parameters));
        let sound = stages.iter().map(|stage| stage.audio_seconds).sum::<f64>();
        let recipe = model.lambda.map_or(model.recipe.label().to_owned(), |lambda| format!("λ = {lambda}"));
        let or_dash = |text: String| if text.is_empty() { Cell::Empty } else { Cell::Text(text) };
        let sound = if sound > 0.0 { Cell::text(duration(sound)) } else { Cell::Empty };
        let cells = vec![
            Cell::text(model.kind.label()),
            or_dash(trained_on.join(", ")),
            Cell::Text(recipe),
            or_dash(updates),
            or_dash(trained),
            sound,
            Cell::text(duration(model.seconds)),
        ];
        Row { label: model.name.clone(), is_new_block: false, cells }
    });
    let all = results.models.first().map_or(0, |model| model.parameters);
    Table {
        id: "models",
        caption: "How each model was made".into(),
        note: format!(
            "Per stage where there are several. Sound counts repetitions. The first model has {} parameters.",
            super::table::grouped(all)
        ),
        is_synthetic: results.data.synthetic,
        corner: "Model",
        columns: heads.map(|head| column("", head, Best::No)).into(),
        rows: rows.collect(),
    }
}

fn held_out(results: &StudyResults) -> Table {
    let cultures: Vec<_> = results
        .data
        .cultures
        .iter()
        .filter(|culture| results.models.iter().any(|model| model.held_out.contains_key(&culture.name)))
        .collect();
    let columns = cultures
        .iter()
        .flat_map(|c| ["before", "after"].map(|label| column(&c.label, label, Best::No)))
        .collect();
    let rows = results.models.iter().filter(|model| !model.held_out.is_empty()).map(|model| {
        let cells = cultures.iter().flat_map(|culture| match model.held_out.get(&culture.name) {
            Some(change) => [Cell::number(change.before, 2), Cell::number(change.after, 2)],
            None => [Cell::Empty, Cell::Empty],
        });
        Row { label: model.name.clone(), is_new_block: false, cells: cells.collect() }
    });
    Table {
        id: "held-out-loss",
        caption: "Loss on held-out crops, before and after training".into(),
        note: "Units of the training objective; lower is better.".into(),
        is_synthetic: results.data.synthetic,
        corner: "Model",
        columns,
        rows: rows.collect(),
    }
}

fn data(results: &StudyResults) -> Table {
    let mut splits: Vec<&String> =
        results.data.cultures.iter().flat_map(|culture| culture.seconds.keys()).collect();
    let order = |name: &str| ["train", "valid", "test"].iter().position(|known| *known == name).unwrap_or(3);
    splits.sort_by_key(|name| (order(name), (*name).clone()));
    splits.dedup();
    let mut columns: Vec<Column> = splits
        .iter()
        .flat_map(|split| ["sound", "files"].map(|label| column(split, label, Best::No)))
        .collect();
    columns.extend(["In the paper", "Licence"].map(|label| column("", label, Best::No)));
    let rows = results.data.cultures.iter().map(|culture| {
        let mut cells: Vec<Cell> = splits
            .iter()
            .flat_map(|split| {
                let sound = culture.seconds.get(*split).map_or(Cell::Empty, |s| Cell::text(duration(*s)));
                [sound, culture.recordings.get(*split).map_or(Cell::Empty, |n| Cell::count(*n))]
            })
            .collect();
        cells.push(culture.paper_set.map_or(Cell::Empty, |set| Cell::text(set.label())));
        cells.push(Cell::text(&culture.licence));
        Row { label: culture.label.clone(), is_new_block: false, cells }
    });
    Table {
        id: "data",
        caption: "Data".into(),
        note: if results.data.synthetic {
            "“In the paper” names the set a tradition stands for; it is not that set.".into()
        } else {
            String::new()
        },
        is_synthetic: results.data.synthetic,
        corner: "Tradition",
        columns,
        rows: rows.collect(),
    }
}

fn timings(results: &StudyResults) -> Table {
    let rows = results.timings.iter().map(|timing| Row {
        label: timing.name.clone(),
        is_new_block: false,
        cells: vec![
            Cell::text(duration(timing.seconds)),
            Cell::text(if timing.cached { "kept from an earlier run" } else { "computed" }),
            Cell::text(timing.key.chars().take(12).collect::<String>()),
        ],
    });
    Table {
        id: "timings",
        caption: "Steps".into(),
        note: "Time is that of the run that computed the step.".into(),
        is_synthetic: false,
        corner: "Step",
        columns: ["Time", "This run", "Inputs (SHA-256)"].map(|head| column("", head, Best::No)).into(),
        rows: rows.collect(),
    }
}

/// The paper's own Table 2.
pub(crate) fn paper_scores() -> Table {
    let mut columns: Vec<Column> = PaperSet::ALL
        .iter()
        .flat_map(|set| ["ROC-AUC", "AP"].map(|label| column(set.label(), label, Best::High)))
        .collect();
    columns.push(column("", "Average", Best::High));
    let cell = |score: &PaperScore| Cell::spread(score.mean, score.std, 1);
    let rows = TABLE_2.iter().map(|row| {
        let mut cells: Vec<Cell> = row
            .roc_auc
            .iter()
            .zip(&row.average_precision)
            .flat_map(|(auc, ap)| [cell(auc), cell(ap)])
            .collect();
        cells.push(row.average.map_or(Cell::Empty, |average| Cell::number(average, 1)));
        Row { label: row.model.into(), is_new_block: row.average.is_none(), cells }
    });
    Table {
        id: "paper-scores",
        caption: "The paper’s Table 2".into(),
        note: "Per cent, mean ± standard deviation over five seeds, on real recordings with a model of 95 million parameters.".into(),
        is_synthetic: false,
        corner: "Model",
        rows: rows.collect(),
        columns,
    }
}

/// The paper's own Table 1.
pub(crate) fn paper_strategies() -> Table {
    let rows = TABLE_1.iter().map(|(label, makam, mtat)| Row {
        label: (*label).into(),
        is_new_block: false,
        cells: vec![Cell::number(*makam, 1), Cell::number(*mtat, 1)],
    });
    Table {
        id: "paper-strategies",
        caption: "The paper’s Table 1".into(),
        note: "ROC-AUC, per cent.".into(),
        is_synthetic: false,
        corner: "Strategy",
        columns: ["Turkish-makam", "MTAT"].map(|label| column("", label, Best::High)).into(),
        rows: rows.collect(),
    }
}

fn column(group: &str, label: &str, best: Best) -> Column {
    Column { group: group.to_owned(), label: label.to_owned(), best }
}

fn percent(spread: Spread) -> Cell {
    Cell::spread(100.0 * spread.mean, Some(100.0 * spread.std), 1)
}

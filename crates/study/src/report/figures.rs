//! The figures of the report.

use super::{SYNTHETIC, map};
use crate::markup::Element;
use crate::results::{CurvePoint, ModelKind, ModelResult, StudyResults, TrainingRun};
use crate::statistics::mean;
use crate::svg::{Dot, DotPlot, HeatMap, LineChart, Series, Stroke};

/// A figure of one or several panels.
pub(crate) struct Figure {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) panels: Vec<Element>,
}

/// Where stages begin, with their names.
type Marks = Vec<(f64, String)>;
/// A curve.
type Points = Vec<(f64, f64)>;

/// More points than this are averaged in groups: a curve has no room for them.
const MOST_POINTS: usize = 240;

/// Every figure that has numbers.
pub(crate) fn all(results: &StudyResults) -> Vec<Figure> {
    let made = [
        transfer(results),
        map::figure(results),
        lambda(results),
        similarity(results),
        training(results),
        rates(results),
    ];
    made.into_iter().filter(|figure| !figure.panels.is_empty()).collect()
}

/// The paper's Figure 2: every model on every tradition against the base.
pub(crate) fn transfer(results: &StudyResults) -> Figure {
    let base = results.first_of(ModelKind::Base);
    let gain = |model: &ModelResult, tradition: &str| {
        let (ours, before) = (results.probe(&model.name, tradition)?, results.probe(&base?.name, tradition)?);
        let spread = ours.roc_auc.std.hypot(before.roc_auc.std);
        Some((100.0 * (ours.roc_auc.mean - before.roc_auc.mean), 100.0 * spread))
    };
    let models: Vec<_> = results.models.iter().filter(|model| model.kind != ModelKind::Base).collect();
    let reach = results.data.cultures.iter().flat_map(|culture| {
        models
            .iter()
            .filter_map(|model| gain(model, &culture.name))
            .flat_map(|(value, s)| [value - s, value + s])
    });
    let range = reach.fold((0.0_f64, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let panels = results.data.cultures.iter().enumerate().filter_map(|(i, culture)| {
        let dots: Vec<Dot> = models
            .iter()
            .filter_map(|model| {
                let (value, spread) = gain(model, &culture.name)?;
                let is_full = model.trained_on.contains(&culture.name);
                Some(Dot { name: model.name.clone(), value, spread, is_full })
            })
            .collect();
        let list: Vec<String> = dots.iter().map(|dot| format!("{} {:+.1}", dot.name, dot.value)).collect();
        let plot = DotPlot {
            id: format!("fig-transfer-{i}"),
            title: culture.label.clone(),
            description: format!(
                "Change of ROC-AUC on {} against the base, points: {}.",
                culture.label,
                list.join(", ")
            ),
            x_label: "points of ROC-AUC against the base".into(),
            range,
            dots,
        };
        (!plot.dots.is_empty()).then(|| plot.draw())
    });
    Figure {
        id: "transfer",
        title: "Transfer".into(),
        caption: caption(
            results,
            "Change of ROC-AUC against the base, per tradition. A full dot: the model was trained on this tradition; a ring: it was \
             not. Blue to the right is a gain, orange to the left a loss; the whisker is one standard deviation of the difference.",
        ),
        panels: panels.collect(),
    }
}

/// The paper's Figure 4: the shared weight of the task vectors.
pub(crate) fn lambda(results: &StudyResults) -> Figure {
    let sweep = &results.lambda_sweep;
    let mut series: Vec<Series> = results
        .data
        .cultures
        .iter()
        .enumerate()
        .filter_map(|(i, culture)| {
            let points: Vec<_> = sweep
                .iter()
                .filter_map(|point| {
                    Some((point.lambda, 100.0 * point.traditions.get(&culture.name)?.roc_auc.mean))
                })
                .collect();
            let (name, spread) = (culture.label.clone(), Vec::new());
            (!points.is_empty()).then_some(Series {
                name,
                colour: i + 1,
                stroke: Stroke::Dotted,
                points,
                spread,
            })
        })
        .collect();
    let per_lambda = |of: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        sweep
            .iter()
            .map(|point| {
                let all: Vec<_> = point.traditions.values().map(|scores| scores.roc_auc).collect();
                let means: Vec<f64> = all.iter().map(|s| s.mean).collect();
                // Traditions are probed apart from one another, so variances add.
                let variance: f64 = all.iter().map(|s| s.std.powi(2)).sum();
                100.0 * of(mean(&means), variance.sqrt() / all.len().max(1) as f64)
            })
            .collect()
    };
    let averages = per_lambda(&|mean, _| mean);
    series.push(Series {
        name: "Average".into(),
        colour: 5,
        stroke: Stroke::Strong,
        points: sweep.iter().map(|point| point.lambda).zip(averages.iter().copied()).collect(),
        spread: per_lambda(&|_, std| std),
    });
    let base = results.first_of(ModelKind::Base).and_then(|base| {
        let scores: Option<Vec<f64>> = sweep
            .first()?
            .traditions
            .keys()
            .map(|name| results.probe(&base.name, name).map(|probe| probe.roc_auc.mean))
            .collect();
        scores.map(|scores| {
            (100.0 * mean(&scores), format!("Average of the base, {:.1}", 100.0 * mean(&scores)))
        })
    });
    let list: Vec<String> = sweep
        .iter()
        .zip(&averages)
        .map(|(point, average)| format!("{} {average:.1}", point.lambda))
        .collect();
    let chart = LineChart {
        id: "fig-lambda".into(),
        title: "ROC-AUC of merged models".into(),
        description: format!("Average ROC-AUC over traditions by shared weight: {}.", list.join(", ")),
        x_label: "shared weight λ".into(),
        y_label: "ROC-AUC, per cent".into(),
        series,
        level: base,
        height: 250.0,
        ..LineChart::default()
    };
    Figure {
        id: "lambda",
        title: "The weight of task vectors".into(),
        caption: caption(
            results,
            "Each merged model is the base plus λ times the change of every single-culture model. Whiskers on the average are one \
             standard deviation over probe seeds. The paper found the best average at λ = 0.2 and poor scores at λ = 1.",
        ),
        panels: if sweep.is_empty() { Vec::new() } else { vec![chart.draw()] },
    }
}

/// The paper's Figure 3: token similarity.
pub(crate) fn similarity(results: &StudyResults) -> Figure {
    let panels = results.similarity.iter().flat_map(|similarity| {
        let names: Vec<String> =
            similarity.cultures.iter().map(|name| results.culture_label(name).to_owned()).collect();
        [
            ("js", "Jensen–Shannon divergence, nats", &similarity.jensen_shannon),
            ("cos", "Cosine distance", &similarity.cosine_distance),
        ]
        .map(|(id, title, values)| {
            let pairs = (0..names.len()).flat_map(|i| (i + 1..names.len()).map(move |j| (i, j)));
            let list: Vec<String> =
                pairs.map(|(i, j)| format!("{} and {} {:.3}", names[i], names[j], values[i][j])).collect();
            HeatMap {
                id: format!("fig-similarity-{id}"),
                title: title.into(),
                description: format!("{title}, between traditions: {}.", list.join(", ")),
                names: names.clone(),
                values: values.clone(),
            }
            .draw()
        })
    });
    Figure {
        id: "similarity",
        title: "Token similarity".into(),
        caption: caption(
            results,
            "How far apart the traditions’ token distributions lie, mean over codebooks. Dark is near. The paper found Hindustani and \
             Carnatic music nearest to each other.",
        ),
        panels: panels.collect(),
    }
}

/// Loss of every model that was trained.
pub(crate) fn training(results: &StudyResults) -> Figure {
    let panels = per_model(results).into_iter().enumerate().filter_map(|(i, (model, runs))| {
        let (marks, points) = joined(&runs);
        let losses: Vec<(f64, f64)> = points.iter().filter_map(|(x, point)| Some((*x, point.loss?))).collect();
        let mut series = vec![Series {
            name: "training".into(),
            colour: 5,
            stroke: Stroke::Faint,
            points: thinned(&losses),
            spread: Vec::new(),
        }];
        for (k, culture) in results.data.cultures.iter().enumerate() {
            let points: Vec<_> =
                points.iter().filter_map(|(x, point)| Some((*x, *point.held_out.get(&culture.name)?))).collect();
            if !points.is_empty() {
                let (name, spread) = (culture.label.clone(), Vec::new());
                series.push(Series { name, colour: k, stroke: Stroke::Dotted, points, spread });
            }
        }
        let (first, last) = (losses.first()?, losses.last()?);
        let chart = LineChart {
            id: format!("fig-training-{i}"),
            title: model.to_owned(),
            description: format!(
                "Training loss of {model} from {:.2} at update {} to {:.2} at update {}; held-out loss per tradition as curves with dots.",
                first.1, first.0, last.1, last.0
            ),
            x_label: "updates".into(),
            y_label: "loss".into(),
            series,
            marks,
            height: 190.0,
            ..LineChart::default()
        };
        Some(chart.draw())
    });
    Figure {
        id: "training",
        title: "Loss while training".into(),
        caption: caption(
            results,
            "Training loss without dots (averaged in groups where updates are many), loss on held-out crops per tradition with dots. \
             Vertical marks: where a stage begins.",
        ),
        panels: panels.collect(),
    }
}

/// Learning rate of every model that was trained; equal schedules are drawn once.
pub(crate) fn rates(results: &StudyResults) -> Figure {
    let mut schedules: Vec<(Vec<&str>, Marks, Points)> = Vec::new();
    for (model, runs) in per_model(results) {
        let (marks, points) = joined(&runs);
        let rates: Vec<_> = points.iter().filter_map(|(x, point)| Some((*x, point.learning_rate?))).collect();
        match schedules.iter_mut().find(|schedule| schedule.2 == rates) {
            Some(schedule) => schedule.0.push(model),
            None if rates.is_empty() => {}
            None => schedules.push((vec![model], marks, rates)),
        }
    }
    let panels = schedules.into_iter().enumerate().map(|(i, (models, marks, rates))| {
        let peak = rates.iter().map(|rate| rate.1).fold(0.0, f64::max);
        let thin = thinned(&rates);
        LineChart {
            id: format!("fig-rate-{i}"),
            title: match models.as_slice() {
                [first, rest @ ..] if rest.len() > 1 => {
                    format!("{first} and {} more with the same", rest.len())
                }
                few => few.join(" and "),
            },
            description: format!("Learning rate of {} by update, at most {peak:.1e}.", models.join(", ")),
            x_label: "updates".into(),
            y_label: "learning rate × 1000".into(),
            series: vec![Series {
                name: "learning rate".into(),
                colour: 0,
                stroke: Stroke::Strong,
                points: thin.iter().map(|(x, rate)| (*x, 1000.0 * rate)).collect(),
                spread: Vec::new(),
            }],
            // The words stand in the figure above; here they would lie on the curve.
            marks: marks.into_iter().map(|(at, _)| (at, String::new())).collect(),
            height: 80.0,
            from_zero: true,
            ..LineChart::default()
        }
        .draw()
    });
    Figure {
        id: "learning-rate",
        title: "Learning rate".into(),
        caption: "By update, through all stages. Models with the same schedule share a panel.".into(),
        panels: panels.collect(),
    }
}

fn per_model(results: &StudyResults) -> Vec<(&str, Vec<&TrainingRun>)> {
    let mut models: Vec<(&str, Vec<&TrainingRun>)> = Vec::new();
    for run in results.runs.iter().filter(|run| !run.points.is_empty()) {
        match models.iter_mut().find(|(model, _)| *model == run.model) {
            Some((_, runs)) => runs.push(run),
            None => models.push((&run.model, vec![run])),
        }
    }
    models
}

/// Stages one after the other: marks where they begin (none for a single stage) and points over all updates.
fn joined<'a>(runs: &[&'a TrainingRun]) -> (Marks, Vec<(f64, &'a CurvePoint)>) {
    let mut before = 0.0;
    let (mut marks, mut points) = (Vec::new(), Vec::new());
    for run in runs {
        if runs.len() > 1 {
            marks.push((before, run.stage.clone()));
        }
        points.extend(run.points.iter().map(|point| (before + point.update as f64, point)));
        before += run.points.last().map_or(0.0, |point| point.update as f64);
    }
    (marks, points)
}

/// At most [`MOST_POINTS`] points: means of neighbours.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(MOST_POINTS).max(1);
    let of =
        |part: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| mean(&part.iter().map(pick).collect::<Vec<_>>());
    points.chunks(group).map(|part| (of(part, |p| p.0), of(part, |p| p.1))).collect()
}

pub(crate) fn caption(results: &StudyResults, text: &str) -> String {
    if results.data.synthetic { format!("{SYNTHETIC}. {text}") } else { text.to_owned() }
}

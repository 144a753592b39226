//! Scores by shared λ as a drawing: every task and the mean on the validation recordings, and the mean on the test recordings.

use super::{Side, Sweep, SweptPoint};
use crate::svg::{LineChart, Series, Stroke, standalone};

/// The chart as a file of its own; none where fewer than two points have one λ for all models.
pub fn svg(sweep: &Sweep) -> Option<String> {
    let mut shared: Vec<(f64, &SweptPoint)> =
        sweep.points.iter().filter_map(|point| Some((point.shared?, point))).collect();
    shared.sort_by(|a, b| a.0.total_cmp(&b.0));
    if shared.len() < 2 {
        return None;
    }
    let of_task = |(at, task): (usize, &super::SweptTask)| Series {
        name: format!("{}, validation", task.name),
        colour: at + 1,
        stroke: Stroke::Dotted,
        points: shared
            .iter()
            .filter_map(|(lambda, point)| {
                let scores = point.validation.tasks.get(&task.name)?;
                Some((*lambda, 100.0 * scores.by(sweep.metric).mean))
            })
            .collect(),
        spread: Vec::new(),
    };
    let mut series: Vec<Series> = sweep.tasks.iter().enumerate().map(of_task).collect();
    series.push(mean(&shared, "Mean, test", 0, Stroke::Dotted, |point| point.test.as_ref()));
    series.push(mean(&shared, "Mean, validation", 5, Stroke::Strong, |point| Some(&point.validation)));
    series.retain(|series| !series.points.is_empty());
    let list: Vec<String> = shared
        .iter()
        .map(|(lambda, point)| format!("{lambda} {:.1}", 100.0 * point.validation.mean.mean))
        .collect();
    let chosen = sweep.points.get(sweep.chosen).and_then(|point| point.shared);
    let synthetic = if sweep.corpus.synthetic { " (synthetic data)" } else { "" };
    let chart = LineChart {
        id: "fig-sweep".into(),
        title: format!("{} of merged models{synthetic}", sweep.metric.label()),
        description: format!("Mean on the validation recordings by shared weight: {}.", list.join(", ")),
        x_label: "shared weight λ".into(),
        y_label: format!("{}, per cent", sweep.metric.label()),
        series,
        marks: chosen.map(|lambda| (lambda, "chosen".to_owned())).into_iter().collect(),
        height: 250.0,
        ..LineChart::default()
    };
    Some(standalone(&chart.draw()))
}

/// The mean over tasks with whiskers of one standard deviation over seeds.
fn mean(
    shared: &[(f64, &SweptPoint)],
    name: &str,
    colour: usize,
    stroke: Stroke,
    side: impl Fn(&SweptPoint) -> Option<&Side>,
) -> Series {
    let known: Vec<(f64, &Side)> =
        shared.iter().filter_map(|(lambda, point)| Some((*lambda, side(point)?))).collect();
    Series {
        name: name.into(),
        colour,
        stroke,
        points: known.iter().map(|(lambda, side)| (*lambda, 100.0 * side.mean.mean)).collect(),
        spread: known.iter().map(|(_, side)| 100.0 * side.mean.std.unwrap_or(0.0)).collect(),
    }
}

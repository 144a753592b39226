//! A line chart: curves over a common axis, with marks and a legend below.

use super::WIDTH;
use super::canvas::{canvas, label, legend, line, n, number, x_axis, y_grid};
use super::scale::{Scale, extent, rounded};
use crate::markup::{Element, el};

const LEFT: f64 = 52.0;
const RIGHT: f64 = WIDTH - 10.0;
const TOP: f64 = 44.0;
/// Dash patterns, so that curves can be told apart without colour.
const DASHES: [&str; 6] = ["", "7 4", "2 4", "9 3 2 3", "4 3", "1 3 6 3"];

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// Many points, in the background.
    Faint,
    /// A curve with dots at its points.
    Dotted,
    /// The curve that matters, with dots.
    Strong,
}

/// One curve.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Which of the six colours and dash patterns.
    pub(crate) colour: usize,
    pub(crate) stroke: Stroke,
    pub(crate) points: Vec<(f64, f64)>,
    /// Half heights of whiskers, one a point, or none.
    pub(crate) spread: Vec<f64>,
}

/// The chart's content.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineChart {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) series: Vec<Series>,
    /// Vertical marks with a word at their head.
    pub(crate) marks: Vec<(f64, String)>,
    /// A horizontal mark with its name.
    pub(crate) level: Option<(f64, String)>,
    /// Height of the plot without titles and legend.
    pub(crate) height: f64,
    /// Values axis starts at zero.
    pub(crate) from_zero: bool,
}

impl LineChart {
    pub(crate) fn draw(&self) -> Element {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x_range = extent(points().map(|point| point.0)).unwrap_or((0.0, 1.0));
        let whiskers = self.series.iter().flat_map(|series| {
            series.points.iter().zip(&series.spread).flat_map(|(point, s)| [point.1 - s, point.1 + s])
        });
        let heights =
            points().map(|point| point.1).chain(whiskers).chain(self.level.iter().map(|level| level.0));
        let mut y_range = extent(heights.chain(self.from_zero.then_some(0.0))).unwrap_or((0.0, 1.0));
        if y_range.1 - y_range.0 < 1e-9 {
            y_range = (y_range.0 - 0.5, y_range.1 + 0.5);
        }
        let bottom = TOP + self.height;
        let x = Scale::new(x_range, (LEFT + 6.0, RIGHT - 6.0));
        let n_ticks = if self.height < 90.0 { 2 } else { 5 };
        let y = Scale::new(rounded(y_range, n_ticks), (bottom, TOP));
        let below = bottom + 36.0 + 18.0;
        let entries: Vec<(Element, String)> = self
            .series
            .iter()
            .filter(|_| self.series.len() > 1)
            .map(|s| (swatch(s), s.name.clone()))
            .collect();
        let level = self.level.iter().map(|(_, name)| (line("mark", (0.0, 0.0), (26.0, 0.0)), name.clone()));
        let (legend, legend_height) =
            legend(&entries.into_iter().chain(level).collect::<Vec<_>>(), LEFT - 40.0, below);
        let marks = self.marks.iter().flat_map(|(at, word)| {
            let (at, near_end) = (x.at(*at), x.at(*at) > RIGHT - 90.0);
            let (anchor, shift) = if near_end { ("end", -4.0) } else { ("start", 4.0) };
            [line("mark", (at, TOP), (at, bottom)), label(at + shift, TOP + 11.0, anchor, "", word)]
        });
        canvas(&self.id, &self.title, &self.description, below + legend_height - 6.0)
            .child(label(0.0, 14.0, "start", "strong", &self.title))
            .child(label(0.0, 33.0, "start", "", &self.y_label))
            .child(y_grid((LEFT, RIGHT), y, n_ticks))
            .child(x_axis(bottom, x, 6, number))
            .child(line("axis", (LEFT, bottom), (RIGHT, bottom)))
            .child(label(RIGHT, bottom + 33.0, "end", "", &self.x_label))
            .children(marks)
            .children(
                self.level.iter().map(|level| line("mark", (LEFT, y.at(level.0)), (RIGHT, y.at(level.0)))),
            )
            .children(self.series.iter().map(|series| curve(series, x, y)))
            .child(legend)
    }
}

fn curve(series: &Series, x: Scale, y: Scale) -> Element {
    let path: Vec<String> =
        series.points.iter().map(|p| format!("{},{}", n(x.at(p.0)), n(y.at(p.1)))).collect();
    let whiskers = series
        .points
        .iter()
        .zip(&series.spread)
        .map(|(p, s)| line("whisker", (x.at(p.0), y.at(p.1 - s)), (x.at(p.0), y.at(p.1 + s))));
    let has_dots = series.stroke != Stroke::Faint && series.points.len() <= 40;
    let dots =
        series.points.iter().filter(|_| has_dots).map(|p| shape(series.colour, x.at(p.0), y.at(p.1), "dot"));
    el("g")
        .class(format!("s{}", series.colour % 6))
        .child(stroked(el("polyline").attr("points", path.join(" ")), series))
        .children(whiskers)
        .children(dots)
}

fn stroked(element: Element, series: &Series) -> Element {
    let class = match series.stroke {
        Stroke::Faint => "faint",
        Stroke::Dotted => "thin",
        Stroke::Strong => "thick",
    };
    let dash = DASHES[series.colour % 6];
    let element = element.class(class);
    if dash.is_empty() || series.stroke != Stroke::Dotted {
        element
    } else {
        element.attr("stroke-dasharray", dash)
    }
}

fn swatch(series: &Series) -> Element {
    let dot = (series.stroke != Stroke::Faint).then(|| shape(series.colour, 13.0, 0.0, "dot"));
    el("g")
        .class(format!("s{}", series.colour % 6))
        .child(stroked(el("polyline").attr("points", "0,0 26,0"), series))
        .children(dot)
}

/// A dot whose shape goes with its colour.
pub(super) fn shape(colour: usize, x: f64, y: f64, class: &str) -> Element {
    let polygon = |points: &[(f64, f64)]| {
        let path: Vec<String> = points.iter().map(|p| format!("{},{}", n(x + p.0), n(y + p.1))).collect();
        el("polygon").class(class).attr("points", path.join(" "))
    };
    match colour % 6 {
        0 => el("circle").class(class).attr("cx", n(x)).attr("cy", n(y)).attr("r", 4),
        1 => polygon(&[(-3.7, -3.7), (3.7, -3.7), (3.7, 3.7), (-3.7, 3.7)]),
        2 => polygon(&[(0.0, -5.0), (4.7, 3.6), (-4.7, 3.6)]),
        3 => polygon(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
        4 => polygon(&[(0.0, 5.0), (4.7, -3.6), (-4.7, -3.6)]),
        _ => polygon(&[(-5.0, -1.7), (5.0, -1.7), (5.0, 1.7), (-5.0, 1.7)]),
    }
}

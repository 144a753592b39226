//! Charts as SVG elements.
//!
//! Every chart is drawn on a narrow canvas ([`WIDTH`] units) so that its letters stay readable on a phone; a wide page sets
//! several side by side. Colours are classes (`s0`…`s5`) that the page's style sheet fills in for light and dark; no meaning hangs
//! on colour alone: lines differ in dashes, dots in shape, cells hold their number. Pure.

mod canvas;
mod dots;
mod heat;
mod lines;
mod scale;
mod scatter;

use crate::markup::{Element, el};

pub(crate) use dots::{Dot, DotPlot};
pub(crate) use heat::HeatMap;
pub(crate) use lines::{LineChart, Series, Stroke};
pub(crate) use scatter::{Point, Scatter};

/// Width of every chart, user units.
pub(crate) const WIDTH: f64 = 440.0;

/// The chart as a file of its own.
pub(crate) fn standalone(chart: &Element) -> String {
    let style = el("style").style(concat!(include_str!("colours.css"), include_str!("chart.css")));
    let chart = chart.clone().attr("xmlns", "http://www.w3.org/2000/svg").first(style);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", chart.render())
}

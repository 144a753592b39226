//! Points on a plane, a shape and a colour for each group, a few with a number.

use super::WIDTH;
use super::canvas::{canvas, label, legend, n};
use super::scale::extent;
use crate::markup::{Element, el};

const TOP: f64 = 26.0;
const EDGE: f64 = 14.0;

/// Shapes of radius one, so that groups can be told apart without colour.
const SHAPES: [&str; 6] = [
    "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
    "M-.88-.88H.88V.88H-.88Z",
    "M0-1.15L1.05.8H-1.05Z",
    "M0-1.25L1.05 0L0 1.25L-1.05 0Z",
    "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    "M0 1.15L1.05-.8H-1.05Z",
];

/// One point.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) at: [f64; 2],
    /// Position in the groups.
    pub(crate) group: usize,
    /// What stands beside it; empty for nothing.
    pub(crate) mark: String,
}

/// One panel.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) groups: Vec<String>,
    pub(crate) points: Vec<Point>,
}

impl Scatter {
    pub(crate) fn draw(&self) -> Element {
        let range =
            |axis: usize| extent(self.points.iter().map(|point| point.at[axis])).unwrap_or((0.0, 0.0));
        let (x, y) = (range(0), range(1));
        // One scale for both axes: distances are all the map has.
        let size = (x.1 - x.0).max(y.1 - y.0);
        let side = WIDTH - 2.0 * EDGE;
        let scale = if size > 0.0 { side / size } else { 0.0 };
        let height = (y.1 - y.0) * scale;
        let place = |at: [f64; 2]| {
            let across = WIDTH / 2.0 + (at[0] - f64::midpoint(x.0, x.1)) * scale;
            // Upwards is upwards.
            (across, TOP + EDGE + (y.1 - at[1]) * scale)
        };
        let points = self.points.iter().map(|point| {
            let (across, down) = place(point.at);
            shape(point.group, across, down, 4.4)
        });
        let numbers = self.points.iter().filter(|point| !point.mark.is_empty()).map(|point| {
            let (across, down) = place(point.at);
            let is_left = across > WIDTH - 30.0;
            let (side, anchor) = if is_left { (-6.0, "end") } else { (6.0, "start") };
            label(across + side, down - 4.0, anchor, "strong halo", &point.mark)
        });
        let entries: Vec<(Element, String)> = self
            .groups
            .iter()
            .enumerate()
            .map(|(group, name)| (shape(group, 14.0, 0.0, 5.0), name.clone()))
            .collect();
        let bottom = TOP + 2.0 * EDGE + height;
        let (names, below) = legend(&entries, 0.0, bottom + 12.0);
        canvas(&self.id, &self.title, &self.description, bottom + 12.0 + below)
            .child(label(0.0, 14.0, "start", "strong", &self.title))
            .children(points)
            .children(numbers)
            .child(names)
    }
}

fn shape(group: usize, x: f64, y: f64, radius: f64) -> Element {
    el("path")
        .class(format!("point s{}", group % SHAPES.len()))
        .attr("d", SHAPES[group % SHAPES.len()])
        .attr("transform", format!("translate({} {}) scale({radius})", n(x), n(y)))
}

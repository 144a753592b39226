//! Dots on rows: one value with its spread per name, to the left or right of zero.

use super::WIDTH;
use super::canvas::{canvas, fit, label, line, number, widest, x_axis};
use super::scale::{Scale, rounded};
use crate::markup::{Element, el};

const ROW: f64 = 24.0;
const TOP: f64 = 26.0;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Dot {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) spread: f64,
    /// Full rather than hollow.
    pub(crate) is_full: bool,
}

/// One panel. Panels that are to be compared get the same range.
#[derive(Clone, Debug)]
pub(crate) struct DotPlot {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) x_label: String,
    pub(crate) dots: Vec<Dot>,
    pub(crate) range: (f64, f64),
}

impl DotPlot {
    pub(crate) fn draw(&self) -> Element {
        let left = (widest(self.dots.iter().map(|dot| dot.name.as_str())) + 12.0).min(160.0);
        let bottom = TOP + ROW * self.dots.len() as f64 + 4.0;
        let x = Scale::new(rounded(self.range, 8), (left + 8.0, WIDTH - 40.0));
        let (ticks, _) = x.ticks(6);
        let grid = ticks.iter().map(|&tick| {
            let class = if tick.abs() < 1e-9 { "axis" } else { "grid" };
            line(class, (x.at(tick), TOP), (x.at(tick), bottom))
        });
        let rows = self.dots.iter().enumerate().map(|(i, dot)| {
            let y = TOP + ROW * (i as f64 + 0.5) + 2.0;
            let class = if dot.value < 0.0 { "s1" } else { "s0" };
            let whisker =
                line("whisker", (x.at(dot.value - dot.spread), y), (x.at(dot.value + dot.spread), y));
            let mark =
                el("circle").attr("cx", super::canvas::n(x.at(dot.value))).attr("cy", super::canvas::n(y));
            let mark = mark.attr("r", if dot.is_full { "5" } else { "4.2" }).class(if dot.is_full {
                "dot"
            } else {
                "ring"
            });
            el("g")
                .class(class)
                .child(label(left, y + 4.0, "end", "name", &fit(&dot.name, left)))
                .child(whisker)
                .child(mark)
                .child(label(WIDTH, y + 4.0, "end", "", &signed(dot.value, 1)))
        });
        canvas(&self.id, &self.title, &self.description, bottom + 40.0)
            .child(label(0.0, 14.0, "start", "strong", &self.title))
            .children(grid)
            .children(rows)
            .child(x_axis(bottom, x, 6, signed))
            .child(label(WIDTH - 40.0, bottom + 34.0, "end", "", &self.x_label))
    }
}

fn signed(x: f64, digits: usize) -> String {
    let text = number(x, digits);
    if x > 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) { format!("+{text}") } else { text }
}

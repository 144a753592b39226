//! What all charts share: the `svg` element with its title and description, labels, gridlines, the legend.

use super::WIDTH;
use super::scale::Scale;
use crate::markup::{Element, el};

/// Rough width of a 12-unit letter; system fonts differ, so labels get room to spare.
const LETTER: f64 = 7.2;

/// An accessible drawing of this height; `id` must be unique in the page.
pub(super) fn canvas(id: &str, title: &str, description: &str, height: f64) -> Element {
    el("svg")
        .class("chart")
        .attr("viewBox", format!("0 0 {WIDTH} {}", n(height)))
        .attr("role", "img")
        .attr("aria-labelledby", format!("{id}-t {id}-d"))
        .child(el("title").attr("id", format!("{id}-t")).text(title))
        .child(el("desc").attr("id", format!("{id}-d")).text(description))
}

/// A coordinate, short.
pub(super) fn n(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(super) fn label(x: f64, y: f64, anchor: &'static str, class: &str, text: &str) -> Element {
    let element = el("text").attr("x", n(x)).attr("y", n(y)).attr("text-anchor", anchor);
    if class.is_empty() { element.text(text) } else { element.class(class).text(text) }
}

pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    let element = el("line").class(class).attr("x1", n(from.0)).attr("y1", n(from.1));
    element.attr("x2", n(to.0)).attr("y2", n(to.1))
}

/// Horizontal gridlines with their labels to the left of `x.0`.
pub(super) fn y_grid(x: (f64, f64), scale: Scale, n_ticks: usize) -> Element {
    let (ticks, digits) = scale.ticks(n_ticks);
    el("g").children(ticks.iter().flat_map(|&tick| {
        let y = scale.at(tick);
        [line("grid", (x.0, y), (x.1, y)), label(x.0 - 6.0, y + 4.0, "end", "", &number(tick, digits))]
    }))
}

/// Tick labels below `y`, with short marks.
pub(super) fn x_axis(y: f64, scale: Scale, n_ticks: usize, write: impl Fn(f64, usize) -> String) -> Element {
    let (ticks, digits) = scale.ticks(n_ticks);
    el("g").children(ticks.iter().flat_map(|&tick| {
        let x = scale.at(tick);
        [line("axis", (x, y), (x, y + 4.0)), label(x, y + 17.0, "middle", "", &write(tick, digits))]
    }))
}

/// A number with a true minus sign, in powers of ten where it is small.
pub(super) fn number(x: f64, digits: usize) -> String {
    if x != 0.0 && x.abs() < 1e-3 && digits > 3 {
        return format!("{x:.0e}").replace('-', "−");
    }
    let text = format!("{x:.digits$}");
    if text.trim_start_matches(['-', '0', '.']).is_empty() {
        format!("{:.digits$}", 0.0)
    } else {
        text.replace('-', "−")
    }
}

/// `text` cut to fit `width` units.
pub(super) fn fit(text: &str, width: f64) -> String {
    let room = (width / LETTER).max(2.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Widest of `labels`, units.
pub(super) fn widest<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels.map(|text| text.chars().count() as f64 * LETTER).fold(0.0, f64::max)
}

/// Swatches with their names in two columns (one where names are long); gives the element and its height.
pub(super) fn legend(entries: &[(Element, String)], left: f64, top: f64) -> (Element, f64) {
    const ROW: f64 = 19.0;
    const SWATCH: f64 = 34.0;
    let room = WIDTH - left;
    let n_columns =
        if widest(entries.iter().map(|entry| entry.1.as_str())) + SWATCH < room / 2.0 { 2 } else { 1 };
    let column = room / n_columns as f64;
    let group = el("g").children(entries.iter().enumerate().map(|(i, (swatch, name))| {
        let (x, y) = (left + (i % n_columns) as f64 * column, top + (i / n_columns) as f64 * ROW);
        let place = format!("translate({} {})", n(x), n(y));
        let text = label(SWATCH, 4.0, "start", "name", &fit(name, column - SWATCH));
        el("g").attr("transform", place).child(swatch.clone()).child(text)
    }));
    (group, entries.len().div_ceil(n_columns) as f64 * ROW)
}

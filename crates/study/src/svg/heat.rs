//! A square of cells, each with its number, dark where the number is small: near things stand out.

use super::WIDTH;
use super::canvas::{canvas, fit, label, n, widest};
use super::scale::extent;
use crate::markup::{Element, el};

/// One hue from dark to light: readable with any colour vision, on light and dark pages alike.
const RAMP: [(f64, f64, f64); 4] =
    [(16.0, 56.0, 96.0), (47.0, 108.0, 158.0), (138.0, 182.0, 214.0), (226.0, 236.0, 243.0)];
/// Where white and black letters have the same contrast: `1.05/(L + 0.05) = (L + 0.05)/0.05`.
const LIGHT_LETTERS_BELOW: f64 = 0.179;
const CELL_HEIGHT: f64 = 44.0;
const HEAD: f64 = 62.0;

/// The map's content: a symmetric matrix with names.
#[derive(Clone, Debug)]
pub(crate) struct HeatMap {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) names: Vec<String>,
    pub(crate) values: Vec<Vec<f64>>,
}

impl HeatMap {
    pub(crate) fn draw(&self) -> Element {
        let left = (widest(self.names.iter().map(String::as_str)) + 10.0).min(130.0);
        let cell = (WIDTH - left) / self.names.len().max(1) as f64;
        let off_diagonal = self.values.iter().enumerate().flat_map(|(i, row)| {
            row.iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, value)| *value)
        });
        let range = extent(off_diagonal).unwrap_or((0.0, 1.0));
        let heads = self.names.iter().enumerate().flat_map(|(j, name)| {
            let x = left + (j as f64 + 0.5) * cell;
            let words: Vec<&str> = name.split(' ').take(2).collect();
            let top = HEAD - 8.0 - 14.0 * (words.len() as f64 - 1.0);
            words
                .into_iter()
                .enumerate()
                .map(move |(k, word)| {
                    label(x, top + 14.0 * k as f64, "middle", "name", &fit(word, cell - 2.0))
                })
                .collect::<Vec<_>>()
        });
        let rows = self.names.iter().enumerate().map(|(i, name)| {
            let y = HEAD + i as f64 * CELL_HEIGHT;
            let side = label(left - 8.0, y + CELL_HEIGHT / 2.0 + 4.0, "end", "name", &fit(name, left - 6.0));
            let cells = self.values[i].iter().enumerate().map(|(j, &value)| {
                Self::cell((left + j as f64 * cell, y), cell, value, (i != j).then_some(range))
            });
            el("g").class("cell").child(side).children(cells)
        });
        canvas(&self.id, &self.title, &self.description, HEAD + self.names.len() as f64 * CELL_HEIGHT)
            .child(label(0.0, 14.0, "start", "strong", &self.title))
            .children(heads)
            .children(rows)
    }

    fn cell(at: (f64, f64), width: f64, value: f64, range: Option<(f64, f64)>) -> Element {
        let middle = (at.0 + width / 2.0, at.1 + CELL_HEIGHT / 2.0 + 4.0);
        let Some((low, high)) = range else {
            return label(middle.0, middle.1, "middle", "", "·");
        };
        let along = if high > low { (value - low) / (high - low) } else { 0.5 };
        let (colour, is_dark) = ramp(along);
        let class = if is_dark { "dark" } else { "light" };
        el("g")
            .child(
                el("rect")
                    .attr("x", n(at.0 + 1.0))
                    .attr("y", n(at.1 + 1.0))
                    .attr("width", n(width - 2.0))
                    .attr("height", n(CELL_HEIGHT - 2.0))
                    .attr("rx", 3)
                    .attr("fill", colour),
            )
            .child(label(middle.0, middle.1, "middle", class, &format!("{value:.3}")))
    }
}

/// The colour at 0 (dark) to 1 (light), and whether light letters belong on it.
fn ramp(along: f64) -> (String, bool) {
    let place = along.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let i = (place as usize).min(RAMP.len() - 2);
    let t = place - i as f64;
    let mix = |a: f64, b: f64| (a + (b - a) * t).round();
    let (a, b) = (RAMP[i], RAMP[i + 1]);
    let rgb = (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2));
    (format!("rgb({} {} {})", rgb.0, rgb.1, rgb.2), luminance(rgb) < LIGHT_LETTERS_BELOW)
}

/// Relative luminance, WCAG 2.
fn luminance((r, g, b): (f64, f64, f64)) -> f64 {
    let linear = |c: f64| {
        let c = c / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_out_on_every_shade() {
        for i in 0..=100 {
            let place = f64::from(i) / 100.0;
            let (colour, is_dark) = ramp(place);
            let rgb: Vec<f64> =
                colour[4..colour.len() - 1].split(' ').map(|part| part.parse().unwrap()).collect();
            let ground = luminance((rgb[0], rgb[1], rgb[2]));
            let letter = if is_dark { 1.0 } else { 0.0 };
            let contrast = (ground.max(letter) + 0.05) / (ground.min(letter) + 0.05);
            // WCAG AA for small text.
            assert!(contrast >= 4.5, "{place}: {contrast}");
        }
    }
}

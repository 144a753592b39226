//! The section on how models place the pieces: maps, who is near whom, and what can be heard.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::figures::{Figure, caption};
use super::table::{Best, Cell, Column, Row, Table};
use crate::StudyResults;
use crate::markup::{Element, el};
use crate::results::{MapExcerpt, MapResult};
use crate::svg::{Point, Scatter};

/// Maps side by side, pieces that can be heard numbered.
pub(crate) fn figure(results: &StudyResults) -> Figure {
    let panels = results.map.iter().flat_map(|map| {
        let groups: Vec<String> =
            map.cultures.iter().map(|name| results.culture_label(name).to_owned()).collect();
        map.views.iter().enumerate().map(move |(i, view)| {
            let points = map.pieces.iter().zip(&view.places).enumerate().map(|(position, (piece, at))| Point {
                at: *at,
                group: map.cultures.iter().position(|name| *name == piece.culture).unwrap_or(0),
                mark: number_of(map, position)
                    .filter(|_| !map.sounds.is_empty())
                    .map_or(String::new(), |number| number.to_string()),
            });
            let list: Vec<String> = view
                .shares
                .iter()
                .enumerate()
                .map(|(row, shares)| format!("{} {:.0} %", groups[row], 100.0 * shares[row]))
                .collect();
            Scatter {
                id: format!("fig-map-{i}"),
                title: view.model.clone(),
                description: format!(
                    "Map of {} pieces as {} hears them. Share of a piece’s {} nearest neighbours that are of its own tradition: {}.",
                    map.pieces.len(),
                    view.model,
                    map.k,
                    list.join(", ")
                ),
                groups: groups.clone(),
                points: points.collect(),
            }
            .draw()
        })
    });
    let trust: Vec<String> = results
        .map
        .iter()
        .flat_map(|map| &map.views)
        .filter_map(|view| {
            let (ours, linear) = (view.trustworthiness?, view.linear_trustworthiness?);
            Some(format!("{ours:.2} for {} (two principal components {linear:.2})", view.model))
        })
        .collect();
    let truth = match trust.as_slice() {
        [] => String::new(),
        list => format!(" Trustworthiness, 1 is perfect: {}.", list.join("; ")),
    };
    let numbers = if results.map.as_ref().is_some_and(|map| !map.sounds.is_empty()) {
        " Numbers name the pieces that can be heard below."
    } else {
        ""
    };
    let text = format!(
        "A point is a piece, placed so that pieces with similar mean hidden states lie together. Which are neighbours means something; how far \
         groups lie apart, and in which direction, does not.{truth}{numbers}"
    );
    Figure {
        id: "map",
        title: "Maps of the pieces".into(),
        caption: caption(results, &text),
        panels: panels.collect(),
    }
}

/// The places as CSV, for drawing them elsewhere.
pub(crate) fn csv(map: &MapResult) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut out = String::from("model,recording,culture,x,y\n");
    for view in &map.views {
        for (piece, [x, y]) in map.pieces.iter().zip(&view.places) {
            let (model, name, culture) =
                (quoted(&view.model), quoted(&piece.recording), quoted(&piece.culture));
            let _ = writeln!(out, "{model},{name},{culture},{x},{y}");
        }
    }
    out
}

/// Of whom the neighbours are.
pub(crate) fn shares(results: &StudyResults) -> Table {
    let map = results.map.as_ref();
    let columns = map.iter().flat_map(|map| {
        map.views.iter().flat_map(|view| {
            map.cultures.iter().map(|name| Column {
                group: view.model.clone(),
                label: results.culture_label(name).to_owned(),
                best: Best::No,
            })
        })
    });
    let rows = map.iter().flat_map(|map| {
        map.cultures.iter().enumerate().map(|(row, name)| Row {
            label: results.culture_label(name).to_owned(),
            is_new_block: false,
            cells: map
                .views
                .iter()
                .flat_map(|view| view.shares[row].iter().map(|share| Cell::number(100.0 * share, 0)))
                .collect(),
        })
    });
    Table {
        id: "neighbour-shares",
        caption: "Of which tradition the nearest neighbours are".into(),
        note: format!(
            "Per cent of the {} nearest neighbours of a tradition’s pieces, other recordings only, by cosine of mean hidden states around their common \
             mean. Being near to a model is no kinship of traditions.",
            map.map_or(0, |map| map.k)
        ),
        is_synthetic: results.data.synthetic,
        corner: "Pieces of",
        columns: columns.collect(),
        rows: rows.collect(),
    }
}

/// The nearest pieces of different traditions.
pub(crate) fn across(results: &StudyResults) -> Table {
    let name = |map: &MapResult, position: u64| {
        let piece = &map.pieces[position as usize];
        let number = number_of(map, position as usize);
        let number =
            number.filter(|_| !map.sounds.is_empty()).map_or(String::new(), |number| format!(" ({number})"));
        format!("{}{number}", piece.recording)
    };
    let rows = results.map.iter().flat_map(|map| {
        map.views.iter().enumerate().flat_map(move |(i, view)| {
            view.across.iter().enumerate().map(move |(j, pair)| Row {
                label: view.model.clone(),
                is_new_block: i > 0 && j == 0,
                cells: vec![
                    Cell::text(name(map, pair.piece)),
                    Cell::text(name(map, pair.neighbour)),
                    Cell::number(pair.cosine, 3),
                ],
            })
        })
    });
    Table {
        id: "nearest-across",
        caption: "Nearest neighbours across traditions".into(),
        note: "For each tradition the piece that a model places nearest to one of another tradition.".into(),
        is_synthetic: results.data.synthetic,
        corner: "Model",
        columns: ["Piece", "Its neighbour", "Cosine"]
            .map(|label| Column { group: String::new(), label: label.into(), best: Best::No })
            .into(),
        rows: rows.collect(),
    }
}

/// The number by which a piece that can be heard is called.
fn number_of(map: &MapResult, position: usize) -> Option<usize> {
    map.excerpts.iter().position(|excerpt| excerpt.piece as usize == position).map(|at| at + 1)
}

/// Players of the excerpts, their sound within the page; none where the sound is not at hand.
pub(crate) fn players(results: &StudyResults) -> Option<Element> {
    let map = results.map.as_ref()?;
    let items: Vec<Element> = map
        .excerpts
        .iter()
        .enumerate()
        .filter_map(|(i, excerpt)| player(results, map, i + 1, excerpt))
        .collect();
    let synthetic =
        if results.data.synthetic { "They are made by a program; no musician plays. " } else { "" };
    let note = format!(
        "{synthetic}Only pieces whose licence is known to allow passing an excerpt on can be heard, and only what the table above names."
    );
    (!items.is_empty()).then(|| {
        el("div")
            .child(el("h3").text("Pieces to hear"))
            .child(el("p").class("note").text(note))
            .child(el("ol").class("players").children(items))
    })
}

fn player(results: &StudyResults, map: &MapResult, number: usize, excerpt: &MapExcerpt) -> Option<Element> {
    let sound = map.sounds.get(&excerpt.sha256)?;
    let piece = &map.pieces[excerpt.piece as usize];
    let name = format!("{number}. {}, {}", piece.recording, results.culture_label(&piece.culture));
    let audio = el("audio")
        .attr("controls", "controls")
        .attr("preload", "none")
        .attr("aria-label", format!("Excerpt of {name}, {:.0} seconds", excerpt.seconds))
        .attr("src", format!("data:audio/wav;base64,{}", STANDARD.encode(sound)));
    let small = el("span").class("note").text(format!(" {:.0} s, {}", excerpt.seconds, piece.licence));
    Some(el("li").child(el("p").text(name).child(small)).child(audio))
}

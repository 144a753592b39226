//! The report as one HTML page that needs nothing else: no script, no font, no picture from anywhere.

use super::figures::{self, Figure};
use super::table::{Cell, Table, bounds, fixed};
use super::{REHEARSAL, SYNTHETIC, TITLE, changes, map, summary, tables};
use crate::StudyResults;
use crate::markup::{Element, el};
use crate::results::{Finding, Verdict};

/// Nothing may be fetched, whatever a text in the results says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; media-src data:; base-uri 'none'; form-action 'none'";

/// The report as one self-contained HTML page.
pub fn html(results: &StudyResults) -> String {
    let sections = sections(results);
    let links = sections
        .iter()
        .map(|(id, title, _)| el("li").child(el("a").attr("href", format!("#{id}")).text(*title)));
    let main = el("main")
        .child(header(results))
        .child(el("nav").attr("aria-label", "Contents").child(el("ol").children(links)))
        .children(sections.into_iter().map(|(id, title, content)| {
            let heading = el("h2").attr("id", format!("{id}-h")).text(title);
            el("section")
                .attr("id", id)
                .attr("aria-labelledby", format!("{id}-h"))
                .child(heading)
                .children(content)
        }));
    page(TITLE, "Results of a study in continual pre-training of a music model across cultures", main)
}

/// A whole page with our style sheet.
pub(crate) fn page(title: &str, description: &str, main: Element) -> String {
    let head = el("head")
        .child(el("meta").attr("charset", "utf-8"))
        .child(el("meta").attr("http-equiv", "Content-Security-Policy").attr("content", POLICY))
        .child(el("meta").attr("name", "viewport").attr("content", "width=device-width, initial-scale=1"))
        .child(el("meta").attr("name", "color-scheme").attr("content", "light dark"))
        .child(el("meta").attr("name", "description").attr("content", description))
        .child(el("title").text(title))
        .child(el("style").style(concat!(
            include_str!("../svg/colours.css"),
            include_str!("../svg/chart.css"),
            include_str!("page.css")
        )));
    let page = el("html").attr("lang", "en").child(head).child(el("body").child(main));
    format!("<!DOCTYPE html>\n{}", page.render())
}

fn header(results: &StudyResults) -> Element {
    let paragraphs = summary::paragraphs(results);
    let kicker = format!("culturemert {} · plan {}", results.tool_version, results.preset);
    el("header")
        .child(el("p").class("kicker").text(kicker))
        .child(el("h1").text(TITLE))
        .children(results.data.synthetic.then(|| {
            let band = el("p").class("band").attr("role", "note");
            band.child(el("strong").text(format!("{SYNTHETIC}. "))).text(summary::WHAT_SYNTHETIC_MEANS)
        }))
        .children(summary::rehearsal(results).map(|rehearsal| {
            let band = el("p").class("band").attr("role", "note");
            band.child(el("strong").text(format!("{REHEARSAL}. "))).text(rehearsal)
        }))
        .children(
            paragraphs
                .iter()
                .enumerate()
                .map(|(i, text)| el("p").class(if i == 0 { "lead" } else { "more" }).text(text.clone())),
        )
}

type Section = (&'static str, &'static str, Vec<Element>);

fn sections(results: &StudyResults) -> Vec<Section> {
    let tables = tables::all(results);
    let table = |id: &str| tables.iter().find(|table| table.id == id).map(write_table);
    let folded = |table: Table| Some(fold(&table));
    let has = |id: &str| tables.iter().any(|table| table.id == id);
    let figures = figures::all(results);
    let figure = |id: &str| figures.iter().find(|figure| figure.id == id).map(write_figure);
    let fold_own = |id: &str| tables.iter().find(|table| table.id == id).map(fold);
    let paper = |id: &str, table: fn() -> Table| if has(id) { folded(table()) } else { None };
    let parts: Vec<(&'static str, &'static str, Vec<Option<Element>>)> = vec![
        ("findings", "Findings", vec![findings(&results.findings)]),
        ("scores-all", "Scores", vec![table("scores"), paper("scores", tables::paper_scores)]),
        (
            "transfer-all",
            "Transfer between traditions",
            vec![figure("transfer"), table("forgetting"), table("tags")],
        ),
        (
            "maps",
            "Which pieces the models hear alike",
            vec![figure("map"), table("neighbour-shares"), table("nearest-across"), map::players(results)],
        ),
        (
            "stages",
            "One stage or two",
            vec![table("strategies"), paper("strategies", tables::paper_strategies)],
        ),
        ("ablations-all", "What single changes do", vec![table("ablations"), ablations(results)]),
        ("merging", "Merging models", vec![figure("lambda"), fold_own("lambda")]),
        ("tokens", "How alike the traditions’ tokens are", vec![figure("similarity"), table("token-floor")]),
        (
            "training-all",
            "Training",
            vec![table("models"), table("held-out-loss"), figure("training"), figure("learning-rate")],
        ),
        (
            "provenance",
            "What made these numbers",
            vec![table("data"), Some(provenance(results)), fold_own("timings")],
        ),
        ("use", "Limits and responsible use", vec![Some(responsible_use(results))]),
    ];
    let filled = parts
        .into_iter()
        .map(|(id, title, parts)| (id, title, parts.into_iter().flatten().collect::<Vec<_>>()));
    filled.filter(|(_, _, content)| !content.is_empty()).collect()
}

fn findings(findings: &[Finding]) -> Option<Element> {
    let items = findings.iter().map(|finding| {
        let (class, sign) = match finding.verdict {
            Verdict::Shown => ("yes", "✓"),
            Verdict::NotShown => ("no", "✕"),
            Verdict::TooSmallToTell => ("maybe", "≈"),
            Verdict::NotMeasured => ("maybe", "–"),
        };
        let verdict = el("p")
            .class(format!("verdict {class}"))
            .child(el("span").attr("aria-hidden", "true").text(sign))
            .text(format!(" {}", finding.verdict.label()));
        let fact = |name: &str, value: &str| [el("dt").text(name), el("dd").text(value)];
        let body = el("div")
            .child(el("h3").text(&finding.claim))
            .child(el("dl").children(fact("Here", &finding.ours)).children(fact("Paper", &finding.paper)))
            .child(el("p").class("why").text(&finding.explanation));
        el("li").child(verdict).child(body)
    });
    let list = el("ul").class("findings").attr("role", "list").children(items);
    let content = el("div").child(list).child(el("p").class("note").text(summary::LIMITS));
    (!findings.is_empty()).then_some(content)
}

/// What variants say, one item each.
fn ablations(results: &StudyResults) -> Option<Element> {
    let items = results.ablations.iter().map(|ablation| {
        let finding = &ablation.finding;
        el("li")
            .child(el("strong").text(format!("{}: ", finding.verdict.label())))
            .text(format!("{} {}. {}", finding.claim, finding.ours, finding.explanation))
    });
    let list = el("ul").children(items);
    let content = el("div").child(list).child(el("p").class("note").text(super::ablations::LIMITS));
    (!results.ablations.is_empty()).then_some(content)
}

fn write_figure(figure: &Figure) -> Element {
    let panels = figure.panels.iter().map(|panel| el("div").class("panel").child(panel.clone()));
    let class = if figure.panels.len() == 1 { "panels one" } else { "panels" };
    el("figure")
        .attr("id", format!("figure-{}", figure.id))
        .child(el("div").class(class).children(panels))
        .child(el("figcaption").child(el("strong").text(format!("{}. ", figure.title))).text(&figure.caption))
}

fn fold(table: &Table) -> Element {
    el("details").child(el("summary").text(&table.caption)).child(write_table(table))
}

pub(crate) fn write_table(table: &Table) -> Element {
    let id = format!("table-{}", table.id);
    let badge = table.is_synthetic.then(|| el("span").class("badge").text(SYNTHETIC));
    let caption = el("p")
        .class("caption")
        .attr("id", format!("{id}-c"))
        .child(el("strong").text(&table.caption))
        .text(" ")
        .children(badge)
        .child(el("span").class("note").text(format!(" {}", table.note)));
    let corner = el("th").attr("scope", "col").text(table.corner);
    let starts: Vec<bool> = (0..table.columns.len())
        .map(|i| table.has_groups() && (i == 0 || table.columns[i].group != table.columns[i - 1].group))
        .collect();
    let mut head = el("thead");
    if table.has_groups() {
        let groups = table.groups().into_iter().map(|(group, n)| {
            if group.is_empty() {
                return el("td").class("start");
            }
            el("th").attr("scope", "colgroup").attr("colspan", n).class("start").text(group)
        });
        head = head.child(el("tr").child(el("td")).children(groups));
    }
    let labels = table.columns.iter().enumerate().map(|(i, column)| {
        let is_number = table.rows.iter().any(|row| matches!(row.cells[i], Cell::Number { .. }));
        classed(el("th").attr("scope", "col"), is_number, starts[i]).text(&column.label)
    });
    head = head.child(el("tr").child(corner).children(labels));
    let rows = table.rows.iter().enumerate().map(|(i, row)| {
        let cells = row.cells.iter().enumerate().map(|(j, cell)| {
            let element = classed(el("td"), matches!(cell, Cell::Number { .. }), starts[j]);
            write_cell(element, cell, table.is_best(i, j))
        });
        let element = if row.is_new_block && i > 0 { el("tr").class("block") } else { el("tr") };
        element.child(el("th").attr("scope", "row").text(&row.label)).children(cells)
    });
    let content =
        el("table").attr("aria-labelledby", format!("{id}-c")).child(head).child(el("tbody").children(rows));
    // A box that scrolls must be reachable by keyboard and have a name.
    let scroll = el("div")
        .class("scroll")
        .attr("tabindex", 0)
        .attr("role", "region")
        .attr("aria-labelledby", format!("{id}-c"))
        .child(content);
    el("div").class("table").attr("id", id).child(caption).child(scroll)
}

/// Numbers stand to the right; the first column of a group stands apart.
fn classed(element: Element, is_number: bool, is_start: bool) -> Element {
    match (is_number, is_start) {
        (true, true) => element.class("num start"),
        (true, false) => element.class("num"),
        (false, true) => element.class("start"),
        (false, false) => element,
    }
}

fn write_cell(element: Element, cell: &Cell, is_best: bool) -> Element {
    match cell {
        Cell::Empty => element.text("–"),
        Cell::Text(text) => element.text(text),
        Cell::Number { value, std, interval, digits, mark } => {
            let number = fixed(*value, *digits);
            let element =
                if is_best { element.child(el("strong").text(number)) } else { element.text(number) };
            let element = if mark.is_empty() { element } else { element.child(el("sup").text(*mark)) };
            let small = |text: String| el("span").class("std").text(text);
            element
                .children(std.map(|std| small(format!(" ± {std:.1}"))))
                .children(interval.map(|ends| small(format!(" {}", bounds(ends, *digits)))))
        }
    }
}

fn responsible_use(results: &StudyResults) -> Element {
    el("ul").children(changes::responsible_use(results).into_iter().map(|text| el("li").text(text)))
}

fn provenance(results: &StudyResults) -> Element {
    let lines = summary::provenance(results);
    el("dl")
        .class("facts")
        .children(lines.iter().flat_map(|(name, value)| [el("dt").text(name), el("dd").text(value)]))
}

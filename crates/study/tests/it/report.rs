//! The report: the same numbers in every format, nothing that breaks out, nothing fetched.

use std::collections::BTreeSet;

use culturemert_study::report::{csv, html, latex, markdown};
use culturemert_study::{StudyResults, findings, write_all};

use crate::plausible;
use crate::results::without_times;

const HOSTILE: &str = "</td><script>alert(\"1\")</script> & 'x' \u{1}|`*_%$";

fn parsed(html: &str) -> roxmltree::Document<'_> {
    let body = html.strip_prefix("<!DOCTYPE html>\n").expect("the page starts with its type");
    roxmltree::Document::parse(body).unwrap()
}

/// Results in which every name and text is hostile.
fn hostile() -> StudyResults {
    let mut results = plausible::results(0.01);
    let old = results.models[0].name.clone();
    for name in results
        .models
        .iter_mut()
        .map(|model| &mut model.name)
        .chain(results.probes.iter_mut().map(|probe| &mut probe.model))
        .chain(results.runs.iter_mut().map(|run| &mut run.model))
        .filter(|name| **name == old)
    {
        HOSTILE.clone_into(name);
    }
    results.data.cultures[0].label = HOSTILE.into();
    results.data.description = HOSTILE.into();
    results.data.cultures[1].licence = HOSTILE.into();
    results.preset = HOSTILE.into();
    results.tokenizer.fitted_on = HOSTILE.into();
    results.timings[0].name = HOSTILE.into();
    results.provenance.insert(HOSTILE.into(), HOSTILE.into());
    results.left_out.quarantined.insert(HOSTILE.into(), 1);
    results.runs[0].stage = HOSTILE.into();
    let map = results.map.as_mut().unwrap();
    map.views[0].model = HOSTILE.into();
    map.pieces[0].recording = HOSTILE.into();
    map.pieces[0].licence = HOSTILE.into();
    results.probes[0].per_tag[0].tag = HOSTILE.into();
    results.probes[0].per_tag[0].example = Some(HOSTILE.into());
    results.findings = findings(&results);
    results.findings[0].claim = HOSTILE.into();
    results
}

#[test]
fn the_page_is_well_formed_and_fetches_nothing() {
    for results in [plausible::results(0.01), hostile()] {
        let page = html(&results);
        let document = parsed(&page);
        let elements = || document.descendants().filter(roxmltree::Node::is_element);
        for node in elements() {
            let name = node.tag_name().name();
            assert!(!["script", "link", "img", "iframe", "object", "use", "image"].contains(&name), "{name}");
            for attribute in node.attributes() {
                assert!(!attribute.name().starts_with("on"), "{attribute:?}");
                // Excerpts lie within the page.
                if attribute.name() == "src" {
                    assert!(name == "audio" && attribute.value().starts_with("data:audio/wav;base64,"));
                }
                if attribute.name() == "href" {
                    assert!(attribute.value().starts_with('#'), "{attribute:?}");
                }
            }
        }
        assert!(!page.contains("url(") && !page.contains("@import"));
    }
}

#[test]
fn the_page_is_accessible() {
    let page = html(&plausible::results(0.01));
    let document = parsed(&page);
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    let ids: Vec<&str> = elements().filter_map(|node| node.attribute("id")).collect();
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id stands there twice");
    for node in elements() {
        for id in node.attribute("aria-labelledby").into_iter().flat_map(str::split_whitespace) {
            assert!(known.contains(id), "{id}");
        }
        if let Some(target) = node.attribute("href") {
            assert!(known.contains(&target[1..]), "{target}");
        }
        let child =
            |name| node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text());
        match node.tag_name().name() {
            "svg" => assert!(child("title").is_some() && child("desc").is_some()),
            "th" => assert!(node.attribute("scope").is_some()),
            _ => {}
        }
    }
    assert_eq!(elements().filter(|node| node.has_tag_name("h1")).count(), 1);
    assert_eq!(document.root_element().attribute("lang"), Some("en"));
}

#[test]
fn synthetic_numbers_are_called_so_everywhere_and_real_ones_are_not() {
    let mut results = plausible::results(0.01);
    let page = html(&results);
    let document = parsed(&page);
    let tables = document.descendants().filter(|node| node.attribute("class") == Some("table"));
    let ours = tables.filter(|node| !node.attribute("id").unwrap_or("").contains("paper"));
    for table in ours.filter(|node| node.attribute("id") != Some("table-timings")) {
        assert!(
            table.descendants().any(|node| node.text() == Some("Synthetic data")),
            "{:?}",
            table.attribute("id")
        );
    }
    assert!(markdown(&results).contains("Synthetic data") && latex(&results).contains("Synthetic data"));
    assert!(csv(&results)[0].1.lines().skip(1).all(|line| line.starts_with("synthetic,")));
    results.data.synthetic = false;
    results.data.description = "Recordings.".into();
    results.findings = findings(&results);
    for text in [html(&results), markdown(&results), latex(&results), csv(&results)[0].1.clone()] {
        assert!(!text.to_lowercase().contains("synthetic"));
    }
}

#[test]
fn a_study_with_hardly_anything_still_makes_a_report() {
    let full = plausible::results(0.01);
    let mut results = StudyResults::new("empty", vec![], full.data.clone(), full.tokenizer);
    results.data.cultures.clear();
    results.findings = findings(&results);
    parsed(&html(&results));
    assert!(markdown(&results).contains("not measured"));
}

#[test]
fn every_file_is_written_and_every_figure_is_xml() {
    let dir = tempfile::tempdir().unwrap();
    let paths = write_all(&hostile(), dir.path()).unwrap();
    assert_eq!(paths[0], dir.path().join("results.json"));
    let figures: Vec<_> = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "svg")).collect();
    assert!(figures.len() > 10);
    for path in figures {
        let text = std::fs::read_to_string(path).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{}", path.display());
    }
    let mut written = hostile();
    written.map.as_mut().unwrap().sounds.clear();
    assert_eq!(StudyResults::read(&paths[0]).unwrap(), without_times(&written));
    let times: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("times.json")).unwrap()).unwrap();
    assert_eq!(times["steps"][0]["name"], written.timings[0].name.as_str());
    let sums = std::fs::read_to_string(paths.last().unwrap()).unwrap();
    assert_eq!(sums.lines().count(), paths.len() - 1);
    for (line, path) in sums.lines().zip(&paths) {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(dir.path().join(name), *path);
        assert_eq!(sum, files::hash_file(path).unwrap().to_string());
    }
}

#[test]
fn markdown_reads_as_before() {
    insta::assert_snapshot!(markdown(&plausible::results(0.008)));
}

#[test]
fn latex_reads_as_before() {
    insta::assert_snapshot!(latex(&plausible::results(0.008)));
}

#[test]
fn csv_reads_as_before() {
    insta::assert_snapshot!(csv(&plausible::results(0.008))[1].1);
}

#[test]
fn pieces_are_mapped_side_by_side_and_heard_where_there_is_sound() {
    let mut results = plausible::results(0.01);
    let page = html(&results);
    let document = parsed(&page);
    let figure = document.descendants().find(|node| node.attribute("id") == Some("figure-map")).unwrap();
    let n_points = |node: roxmltree::Node<'_, '_>| {
        node.descendants()
            .filter(|part| part.attribute("class").is_some_and(|class| class.starts_with("point ")))
            .count()
    };
    let panels: Vec<usize> =
        figure.descendants().filter(|node| node.has_tag_name("svg")).map(n_points).collect();
    let map = results.map.clone().unwrap();
    assert_eq!(panels, [map.pieces.len() + map.cultures.len(); 2], "all pieces and the legend");
    let players: Vec<_> = document.descendants().filter(|node| node.has_tag_name("audio")).collect();
    assert_eq!(players.len(), map.excerpts.len());
    assert!(players.iter().all(|player| player.attribute("aria-label").is_some()));
    for table in ["table-neighbour-shares", "table-nearest-across", "table-tags", "table-forgetting"] {
        assert!(document.descendants().any(|node| node.attribute("id") == Some(table)), "{table}");
    }
    let json = results.to_json().unwrap();
    assert!(!json.contains("RIFF") && !json.contains("sounds"), "sound is not among the numbers");
    results.map.as_mut().unwrap().sounds.clear();
    let page = html(&results);
    assert!(!page.contains("<audio") && !page.contains("can be heard below"));
    let dir = tempfile::tempdir().unwrap();
    write_all(&results, dir.path()).unwrap();
    let places = std::fs::read_to_string(dir.path().join("figures/map.csv")).unwrap();
    assert_eq!(places.lines().count(), 1 + 2 * map.pieces.len());
}

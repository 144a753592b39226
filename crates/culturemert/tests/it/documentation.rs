//! The documentation says what is so: messages are the program's, links lead somewhere, the book has every page.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// The text of all Rust files below `folder`, with strings that go over several lines put together.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let mut lines = source.lines();
            while let Some(line) = lines.next() {
                text.push_str(line.strip_suffix('\\').unwrap_or(line));
                if line.ends_with('\\') {
                    text.push_str(lines.next().unwrap_or_default().trim_start());
                }
                text.push('\n');
            }
        }
    }
}

#[test]
fn every_message_of_the_troubleshooting_page_is_one_of_the_program() {
    let mut program = String::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let source = entry.unwrap().path().join("src");
        if source.is_dir() {
            sources(&source, &mut program);
        }
    }
    let text = page("troubleshooting.md");
    let messages: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(messages.len() > 30, "{messages:?}");
    for message in messages {
        let (_, sentence) = message.split_once(": ").unwrap();
        let parts =
            sentence.split('…').map(|part| part.trim_matches(['`', ' ', ',', ';', ':', '?', '(', ')']));
        let mut parts: Vec<&str> = parts.filter(|part| part.len() > 3).collect();
        assert!(!parts.is_empty(), "`{message}` says nothing");
        // This one is serde's.
        parts.retain(|part| !part.contains("unknown field"));
        for part in parts {
            assert!(program.contains(part), "no source says `{part}` of `{message}`");
        }
    }
}

fn is_page(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "md")
}

#[test]
fn the_book_has_every_page_and_links_lead_somewhere() {
    let summary = page("SUMMARY.md");
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if is_page(&name) && name != "SUMMARY.md" {
            assert!(summary.contains(&format!("]({name})")), "the book lacks {name}");
            let text = page(&name);
            let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for link in links.filter(|link| is_page(link) && !link.contains("://")) {
                assert!(root().join("docs").join(link).is_file(), "{name} links to {link}");
            }
        }
    }
    for link in summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root().join("docs").join(link).is_file(), "{link} is not there");
    }
    let book: toml::Table =
        toml::from_str(&std::fs::read_to_string(root().join("book.toml")).unwrap()).unwrap();
    assert_eq!(book["book"]["src"].as_str(), Some("docs"));
}

#[test]
fn the_table_of_the_readme_has_every_verb() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table: String = readme.lines().filter(|line| line.starts_with("| `")).collect();
    for verb in crate::help::verbs().iter().filter(|verb| *verb != "help") {
        assert!(table.contains(&format!("`{verb}`")), "the README lacks {verb}");
    }
}

#[test]
fn what_to_cite_has_the_version_of_the_program() {
    let citation = std::fs::read_to_string(root().join("CITATION.cff")).unwrap();
    let version = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(citation.contains(&version) && citation.contains("family-names: Kanatas"), "{citation}");
}

use super::*;

fn read_text(name: &str, text: &str) -> Result<Index, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    std::fs::write(&file, text).unwrap();
    read_index(&file, None)
        .map_err(|error| error.to_string().replace(&*directory.path().to_string_lossy(), ""))
}

#[track_caller]
fn check_error(name: &str, text: &str, expected: &str) {
    let message = read_text(name, text).expect_err("the index is wrong");
    assert!(message.contains(expected), "`{message}` does not say `{expected}`");
}

/// What two readings of the same list must agree on.
fn essence(index: &Index) -> Vec<Recording> {
    index.recordings.iter().map(|recording| Recording { path: PathBuf::new(), ..recording.clone() }).collect()
}

#[test]
fn the_three_formats_say_the_same() {
    let tsv = "path\tculture\tsplit\ttags\tlicence\tgroup\tseconds\na/1.wav\ta\ttrain\tmakam:rast;usul:aksak; makam:rast\tCC0\tg\t3\nb/2.wav\tb\t\t\t\t\t4\n";
    let csv = "seconds,group,licence,tags,split,culture,path\r\n3,g,CC0,\"[\"\"makam:rast\"\",\"\"usul:aksak\"\"]\",train,a,a/1.wav\r\n4,,,,,b,./b/2.wav\r\n";
    let jsonl = "{\"path\":\"a/1.wav\",\"culture\":\"a\",\"split\":\"train\",\"tags\":[\"makam:rast\",\"usul:aksak\"],\"license\":\"CC0\",\"group\":\"g\",\"seconds\":3}\n\n{\"path\":\"b/2.wav\",\"culture\":\"b\",\"group\":null}\n";
    let tsv = read_text("x.tsv", tsv).unwrap();
    // The content decides, not the name.
    let csv = read_text("x.tsv", &format!("\u{feff}{csv}")).unwrap();
    let jsonl = read_text("x.txt", jsonl).unwrap();
    assert_eq!(essence(&tsv), essence(&csv));
    assert_eq!(essence(&tsv), essence(&jsonl));
    assert_eq!(
        (&tsv.ignored_columns, &csv.ignored_columns),
        (&vec!["seconds".to_owned()], &jsonl.ignored_columns)
    );
    assert_eq!(tsv.recordings[0].tags, ["makam:rast", "usul:aksak"]);
    assert_eq!(tsv.recordings[0].split, Some(Split::Train));
    assert!(tsv.recordings[1].split.is_none() && tsv.recordings[1].licence.is_none());
}

#[test]
fn quotation_marks_in_a_tab_separated_file_are_text() {
    let index = read_text("x.tsv", "path\tculture\tgroup\n\"a\".wav\tc\tthe \"king\n").unwrap();
    assert_eq!(index.recordings[0].source, "\"a\".wav");
    assert_eq!(index.recordings[0].group.as_deref(), Some("the \"king"));
}

#[test]
fn mistakes_are_named_with_their_line() {
    check_error("x.tsv", "path\tculture\n\tc\n", "line 2: it has no path");
    check_error("x.tsv", "path\tculture\na.wav\tc\nb.wav\t \n", "line 3: `b.wav` has no culture");
    check_error("x.csv", "path,culture,split\na.wav,c,dev\n", "line 2: unknown split `dev`");
    check_error("x.csv", "path,culture\na.wav\n", "line 2: it has 1 fields, the header has 2");
    check_error("x.csv", "path,culture\na.wav,c\nx/../a.wav,c\n", "line 3");
    check_error("x.csv", "file,culture\na.wav,c\n", "no column `path`, only: file, culture");
    check_error("x.csv", "path,culture,path\na,c,b\n", "column `path` stands there twice");
    check_error("x.csv", "path,culture\n", "it names no recording");
    check_error("x.csv", " \n", "it is empty");
    check_error("x.csv", "path,culture,tags\na.wav,c,[1]\n", "line 2: tags `[1]` are not a JSON array");
    check_error("x.jsonl", "{\"path\":\"a\",\"culture\":\"c\"}\n{\"path\":1}\n", "line 2: its `path` is 1");
    check_error("x.jsonl", "{\"path\":\"a\",\"culture\":\"c\"}\n{\n", "line 2: it is not a JSON object");
    check_error(
        "x.jsonl",
        "{\"path\":\"a\",\"culture\":\"c\",\"tags\":[1]}\n",
        "its tags are not all strings",
    );
}

#[test]
fn a_file_that_is_not_text_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.tsv");
    std::fs::write(&file, b"path\tculture\n\xff\xfe\tc\n").unwrap();
    assert!(read_index(&file, None).unwrap_err().to_string().contains("not UTF-8 text, byte 13"));
}

#[test]
fn a_folder_per_culture_is_walked_in_order_and_other_files_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for name in ["b/2.FLAC", "b/1.mp3", "a/deep/x.wav", "a/notes.txt", "README.md", "out/audio/00000.wav"] {
        files::write_atomic(&root.join(name), b"x").unwrap();
    }
    let index = read_index(root, Some(&root.join("out"))).unwrap();
    let names: Vec<&str> = index.recordings.iter().map(|recording| recording.source.as_str()).collect();
    assert_eq!(names, ["a/deep/x.wav", "b/1.mp3", "b/2.FLAC"]);
    assert_eq!(index.skipped_files, ["README.md", "a/notes.txt"]);
    let cultures: Vec<&str> = index.recordings.iter().map(|recording| recording.culture.as_str()).collect();
    assert_eq!(cultures, ["a", "b", "b"]);
}

#[cfg(unix)]
#[test]
fn a_circle_of_links_is_walked_once() {
    let directory = tempfile::tempdir().unwrap();
    files::write_atomic(&directory.path().join("a/1.wav"), b"x").unwrap();
    std::os::unix::fs::symlink(directory.path().join("a"), directory.path().join("a/again")).unwrap();
    assert_eq!(read_index(directory.path(), None).unwrap().recordings.len(), 1);
}

#[test]
fn an_index_inside_the_folder_is_used() {
    let directory = tempfile::tempdir().unwrap();
    files::write_atomic(&directory.path().join("a/1.wav"), b"x").unwrap();
    std::fs::write(directory.path().join("index.csv"), "path,culture,group\na/1.wav,z,g\n").unwrap();
    let index = read_index(directory.path(), None).unwrap();
    assert_eq!(
        (index.recordings[0].culture.as_str(), index.recordings[0].group.as_deref()),
        ("z", Some("g"))
    );
    std::fs::write(directory.path().join("index.tsv"), "path\tculture\na/1.wav\tz\n").unwrap();
    assert!(read_index(directory.path(), None).unwrap_err().to_string().contains("2 index files"));
}

#[test]
fn the_list_that_the_built_in_corpus_writes_is_read_whole() {
    let text = "{\"path\":\"lyra/0001.wav\",\"culture\":\"synthetic-lyra\",\"split\":\"val\",\"group\":\"house-3\",\"tags\":[\"mode:hijaz\",\"rhythm:7/8; 3+2+2\",\"mode:hijaz\"],\"licence\":\"CC0-1.0\",\"seed\":7}\r\n{\"path\":\"lyra/0002.wav\",\"culture\":\"synthetic-lyra\",\"split\":\"Validation\",\"group\":4,\"tags\":[]}";
    let index = read_text("index.jsonl", text).unwrap();
    let first = &index.recordings[0];
    assert_eq!(first.source, "lyra/0001.wav");
    assert!(first.path.ends_with("lyra/0001.wav") && first.path.is_absolute());
    assert_eq!((first.culture.as_str(), first.split), ("synthetic-lyra", Some(Split::Valid)));
    // A semicolon parts tags in tables only.
    assert_eq!(first.tags, ["mode:hijaz", "rhythm:7/8; 3+2+2"]);
    assert_eq!((first.group.as_deref(), first.licence.as_deref()), (Some("house-3"), Some("CC0-1.0")));
    let second = &index.recordings[1];
    assert_eq!((second.split, second.group.as_deref()), (Some(Split::Valid), Some("4")));
    assert_eq!(index.ignored_columns, ["seed"]);
}

#[test]
fn columns_and_splits_are_known_in_capitals_too() {
    let index = read_text("x.csv", "Path,CULTURE,Split,License\na.wav,c,TEST,CC0\n").unwrap();
    assert_eq!(index.recordings[0].split, Some(Split::Test));
    assert_eq!(index.recordings[0].licence.as_deref(), Some("CC0"));
}

#[test]
fn cultures_are_plain_names() {
    for culture in ["..", ".git", "a/b", "/etc", "a\\b", "a\u{1b}[2J"] {
        check_error("x.tsv", &format!("path\tculture\na.wav\t{culture}\n"), "line 2: its culture");
    }
    read_text("x.tsv", "path\tculture\na.wav\tTürk makam müziği (مقام)\n").unwrap();
}

#[test]
fn enormous_fields_are_refused_before_they_make_an_unreadable_corpus() {
    let long = "x".repeat(100_000);
    for (row, what) in [
        (format!("{long}.wav\tc\tt\tg\tl"), "its path"),
        (format!("a.wav\t{long}\tt\tg\tl"), "its culture"),
        (format!("a.wav\tc\t{long}\tg\tl"), "its list of tags"),
        (format!("a.wav\tc\tt\t{long}\tl"), "its group"),
        (format!("a.wav\tc\tt\tg\t{long}"), "its licence"),
    ] {
        let text = format!("path\tculture\ttags\tgroup\tlicence\n{row}\n");
        check_error("x.tsv", &text, &format!("line 2: {what}"));
    }
}

#[test]
fn hidden_folders_and_files_are_no_recordings() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for name in ["a/1.wav", "a/._1.wav", ".trash/2.wav"] {
        files::write_atomic(&root.join(name), b"x").unwrap();
    }
    let index = read_index(root, None).unwrap();
    assert_eq!(index.recordings.len(), 1);
    assert_eq!(index.skipped_files, [".trash", "a/._1.wav"]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_an_index_or_an_error(bytes: Vec<u8>, header in proptest::sample::select(vec!["", "path\tculture\n", "path,culture\n", "{\"path\":"])) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x");
        std::fs::write(&file, [header.as_bytes(), &bytes].concat()).unwrap();
        if let Ok(index) = read_index(&file, None) {
            for recording in &index.recordings {
                proptest::prop_assert!(crate::clip::is_clean_name(&recording.source));
                proptest::prop_assert!(!recording.culture.is_empty());
            }
        }
    }
}

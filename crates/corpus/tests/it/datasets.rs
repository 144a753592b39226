//! The seven data sets: what their real split and tag files give, and what is said where something is not as it should be.

use std::path::{Path, PathBuf};

use culturemert_corpus::Split;
use culturemert_corpus::datasets::{DataSetCheck, DataSetRequest, MtatSplit, cards, check, load};

use crate::helpers::{noise, npy_of, wav};

/// What the real split and tag files give, without any audio.
fn checked(name: &str, split: MtatSplit) -> Option<DataSetCheck> {
    let metadata = golden::metadata()?;
    let audio = tempfile::tempdir().unwrap();
    let request = DataSetRequest { metadata: Some(metadata), split, ..DataSetRequest::new(audio.path()) };
    Some(check(name, &request).unwrap())
}

/// A folder with copies of a set's metadata, to be damaged, and an audio folder beside them.
struct Place {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Place {
    fn new(name: &'static str, files: &[&str]) -> Option<Self> {
        let metadata = golden::metadata()?;
        let place = Self { folder: tempfile::tempdir().unwrap(), name };
        std::fs::create_dir_all(place.audio().join("metadata")).unwrap();
        for file in files {
            std::fs::copy(metadata.join(name).join(file), place.metadata(file)).unwrap();
        }
        Some(place)
    }

    fn audio(&self) -> PathBuf {
        self.folder.path().join("audio")
    }

    fn metadata(&self, file: &str) -> PathBuf {
        self.audio().join("metadata").join(file)
    }

    /// A short recording; its name does not decide what it is.
    fn recording(&self, path: &str) {
        let file = self.audio().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, wav(&noise(path, 2400))).unwrap();
    }

    fn request(&self, allow_missing: bool) -> DataSetRequest {
        DataSetRequest { allow_missing, ..DataSetRequest::new(self.audio()) }
    }

    #[track_caller]
    fn refused(&self, allow_missing: bool, parts: &[&str]) {
        let said = load(self.name, &self.request(allow_missing)).unwrap_err().to_string();
        for part in parts {
            assert!(said.contains(part), "`{said}` does not say `{part}`");
        }
        assert!(!said.contains('\n'), "{said}");
    }
}

const TABLE: [(&str, [usize; 3], usize); 7] = [
    ("makam", [3709, 529, 1059], 30),
    ("hindustani", [844, 120, 240], 20),
    ("carnatic", [1829, 261, 522], 20),
    ("lyra", [1116, 124, 330], 30),
    ("fma", [17486, 2498, 4996], 20),
    ("magnatagatune", [15244, 1529, 4332], 50),
    ("music4all", [87184, 0, 22085], 0),
];

#[test]
fn every_set_says_what_it_is() {
    let cards = cards();
    let stated: Vec<_> = cards.iter().map(|card| (card.name, card.recordings, card.tags)).collect();
    assert_eq!(stated, TABLE);
    for card in cards {
        for text in [card.licence, card.metadata_licence, card.size, card.source, card.citation] {
            assert!(text.len() > 5, "{}", card.name);
        }
        assert!(card.source.contains("https://"), "{}", card.name);
    }
}

#[test]
fn golden_splits_have_the_sizes_of_the_published_ones() {
    for (name, sizes, n_tags) in TABLE.into_iter().filter(|(name, ..)| *name != "music4all") {
        let Some(found) = checked(name, MtatSplit::Jongpillee) else { return };
        let listed: Vec<usize> = found.splits.iter().map(|split| split.listed).collect();
        assert_eq!((listed.as_slice(), found.tags.len()), (&sizes[..], n_tags), "{name}");
        assert_eq!(found.absent.len(), sizes.iter().sum::<usize>(), "{name}");
    }
}

#[test]
fn golden_vocabularies_and_counts_are_the_published_ones() {
    let Some(metadata) = golden::metadata() else { return };
    let reported = golden::json(&metadata.join("reported_classes.json"));
    for (name, _, k) in TABLE.into_iter().filter(|(name, ..)| *name != "music4all") {
        let found = checked(name, MtatSplit::Jongpillee).unwrap();
        let vocabulary = golden::json(&metadata.join(format!("vocabularies/{name}_{k}.json")));
        let tags: Vec<&str> = found.tags.iter().map(|tag| tag.tag.as_str()).collect();
        let published: Vec<&str> =
            vocabulary["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert_eq!(tags, published, "{name}");
        let classes = reported[name]["classes"].as_array().unwrap();
        assert_eq!(classes.len(), k);
        // The reports on MagnaTagATune number the classes.
        if name != "magnatagatune" {
            assert!(
                tags.iter().zip(classes).all(|(tag, class)| *tag == class[0].as_str().unwrap()),
                "{name}"
            );
        }
        let test: Vec<u64> = found.tags.iter().map(|tag| tag.recordings[2] as u64).collect();
        let counts: Vec<u64> = classes.iter().map(|class| class[1].as_u64().unwrap()).collect();
        let is_tagged = ["fma", "lyra", "magnatagatune"].contains(&name);
        assert_eq!(test == counts, is_tagged, "{name}: {test:?} {counts:?}");
        if let Some(counts) = vocabulary["train_counts"].as_array() {
            let counted = |tag: &[usize; 3]| if name == "lyra" { tag[0] + tag[1] } else { tag[0] } as u64;
            let ours: Vec<u64> = found.tags.iter().map(|tag| counted(&tag.recordings)).collect();
            assert_eq!(ours, counts.iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>(), "{name}");
        }
        // Derived by the rule where that can be done, and found to be the published list.
        assert!(
            !found.deviations.iter().any(|said| said.contains("another version")),
            "{:?}",
            found.deviations
        );
    }
}

#[test]
fn golden_traps_of_the_tag_files() {
    let Some(lyra) = checked("lyra", MtatSplit::default()) else { return };
    assert_eq!(lyra.tags[8].tag, "place--None");
    assert_eq!(lyra.tags[8].recordings[0] + lyra.tags[8].recordings[1], 312);
    assert_eq!(lyra.tags[8].recordings[2], 61);
    let fma = checked("fma", MtatSplit::default()).unwrap();
    assert_eq!(fma.splits[2].without_tag, 383);
    let mtat = checked("magnatagatune", MtatSplit::Ccml).unwrap();
    assert_eq!((mtat.tags[47].tag.as_str(), mtat.tags[48].tag.as_str()), ("metal", "female voice"));
    assert_ne!(mtat.tags[47].recordings[2], mtat.tags[48].recordings[2]);
    // Neither ccml's training list nor the tags of training clips are public here, and both are told.
    assert!(mtat.deviations[0].contains("15244 of jongpillee's list"), "{:?}", mtat.deviations);
    assert_eq!((mtat.splits[0].tagged, mtat.splits[1].tagged, mtat.splits[2].tagged), (0, 1529, 4332));
}

#[test]
fn golden_tags_of_recordings_in_part() {
    for (name, tagged) in
        [("makam", [675, 90, 167]), ("hindustani", [75, 7, 26]), ("carnatic", [176, 27, 46])]
    {
        let Some(found) = checked(name, MtatSplit::default()) else { return };
        let ours: Vec<usize> = found.splits.iter().map(|split| split.tagged).collect();
        assert_eq!(ours, tagged, "{name}");
        assert_eq!(found.deviations.iter().any(|said| said.contains("stand-in")), name == "makam");
        let with_recordings =
            found.tags.iter().filter(|tag| tag.recordings.iter().sum::<usize>() > 0).count();
        let expected = if name == "hindustani" {
            15
        } else if name == "carnatic" {
            18
        } else {
            30
        };
        assert_eq!(with_recordings, expected, "{name}");
    }
}

#[test]
fn golden_recordings_that_are_there_become_items_and_the_others_are_named() {
    let files = ["train.npy", "valid.npy", "test.npy", "metadata.npy"];
    let Some(place) = Place::new("fma", &files) else { return };
    let found = check("fma", &place.request(false)).unwrap();
    let (present, empty) = (&found.absent[..3], &found.absent[3]);
    for id in present {
        place.recording(&format!("fma_medium/{}/{id}.mp3", &id[..3]));
    }
    let empty = place.audio().join(format!("fma_medium/{}/{empty}.mp3", &empty[..3]));
    std::fs::create_dir_all(empty.parent().unwrap()).unwrap();
    std::fs::write(&empty, b"").unwrap();
    let counts =
        ["24977 of 24980 recordings are not in", "1 of them without a byte", "test 4996", "--allow-missing"];
    place.refused(false, &counts);
    let data_set = load("fma", &place.request(true)).unwrap();
    let ids: Vec<&String> = data_set.items.iter().map(|item| &item.id).collect();
    assert_eq!(ids, present.iter().collect::<Vec<_>>());
    assert!(data_set.items.iter().all(|item| item.split == Split::Train && item.path.is_file()));
    assert!(data_set.items.iter().flat_map(|item| &item.tags).all(|tag| data_set.vocabulary.contains(tag)));
    assert_eq!((data_set.missing.len(), data_set.is_complete()), (24977, false));
    // A file that is no recording is found when it is looked at.
    std::fs::write(empty, b"<html>no such file</html>").unwrap();
    let found = check("fma", &place.request(false)).unwrap();
    assert_eq!((found.unreadable.len(), found.splits[0].there, found.empty.len()), (1, 3, 0));
}

#[test]
fn golden_pieces_of_lyra_are_files_or_cut_from_films() {
    let Some(place) = Place::new("lyra", &["training.tsv", "test.tsv"]) else { return };
    place.recording("audios/Zy8tjrTf4sg.wav");
    place.recording("ach-ellada.mp3");
    let data_set = load("lyra", &place.request(true)).unwrap();
    let item = |id: &str| data_set.items.iter().find(|item| item.id == id).unwrap();
    assert_eq!(item("abelokoutsoura").piece, Some((2819.0, 2986.0)));
    assert_eq!(item("abelokoutsoura").split, Split::Test);
    assert!(item("abelokoutsoura").path.ends_with("audios/Zy8tjrTf4sg.wav"));
    assert_eq!(item("ach-ellada").piece, None);
    assert!(item("ach-ellada").tags.contains(&"place--None".to_owned()));
    assert_eq!(item("ach-ellada").group.as_deref(), Some("cKXi8_5_Rd4"));
}

/// Recordings of Saraga with what Dunya would answer: the tags of all of them, of which most are not the published ones.
#[test]
fn golden_a_tag_file_of_another_version_is_told() {
    let Some(place) = Place::new("hindustani", &["train.npy", "valid.npy", "test.npy"]) else { return };
    place.refused(false, &["none of its 1204 recordings"]);
    let ids: Vec<String> = check("hindustani", &place.request(true)).unwrap().absent;
    for id in &ids {
        place.recording(&format!("audios/{id}.mp3"));
    }
    place.refused(true, &["nobody states the tags of any of its 1204 recordings"]);
    let tags: serde_json::Map<String, serde_json::Value> =
        ids.iter().map(|id| (id.clone(), serde_json::json!(["raga--new", "instrument--Voice"]))).collect();
    std::fs::write(place.metadata("tags.json"), serde_json::to_vec(&tags).unwrap()).unwrap();
    let counts = [
        "of another version",
        "of the 20 published tags 19 are not",
        "1 others are (`raga--new`)",
        "--allow-missing",
    ];
    place.refused(false, &counts);
    let data_set = load("hindustani", &place.request(true)).unwrap();
    assert_eq!((data_set.items.len(), data_set.deviations.len()), (1204, 1));
    assert!(data_set.items.iter().all(|item| item.tags == ["instrument--Voice"]));
    assert_eq!((data_set.max_seconds, data_set.culture.as_str()), (Some(780.0), "hindustani"));
}

#[test]
fn golden_answers_of_dunya_are_read_one_by_one() {
    let Some(place) = Place::new("carnatic", &["train.npy", "valid.npy", "test.npy"]) else { return };
    let ids: Vec<String> = check("carnatic", &place.request(true)).unwrap().absent;
    let answers = place.metadata("dunya");
    std::fs::create_dir_all(&answers).unwrap();
    for id in &ids[..3] {
        place.recording(&format!("{id}.mp3"));
    }
    let answer = r#"{"raaga": [{"common_name": "kalyani", "name": "x"}], "form": [{"name": "Kriti"}], "concert": [{"mbid": "c"}]}"#;
    std::fs::write(answers.join(format!("{}.json", ids[0])), answer).unwrap();
    std::fs::write(answers.join(format!("{}.json", ids[1])), r#"{"detail": "Not found."}"#).unwrap();
    place.refused(false, &["1 records of tags cannot be read", "nobody states the tags of 2 recordings"]);
    let data_set = load("carnatic", &place.request(true)).unwrap();
    assert_eq!((data_set.items.len(), data_set.untagged.len()), (1, 2));
    assert_eq!(data_set.items[0].tags, ["form--Kriti", "raga--kalyani"]);
    assert_eq!(data_set.items[0].group.as_deref(), Some("c"));
}

#[test]
fn splits_that_cannot_be_are_told_with_counts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, ids: &[&str]| std::fs::write(folder.path().join(name), npy_of(ids)).unwrap();
    let said = |name: &str| load(name, &DataSetRequest::new(folder.path())).unwrap_err().to_string();
    assert!(said("nothing").contains("no data set `nothing`, only: makam, hindustani"));
    assert!(said("makam").contains("there are no split files in"), "{}", said("makam"));
    for name in ["train.npy", "valid.npy", "test.npy"] {
        write(name, &["a", "b", "c"]);
    }
    let repeated = said("makam");
    assert!(
        repeated.contains("6 of the 9 recordings") && repeated.contains("`a` (train and valid)"),
        "{repeated}"
    );
    write("valid.npy", &["d"]);
    write("test.npy", &["e"]);
    assert!(said("makam").contains("none of its 5 recordings is in"), "{}", said("makam"));
    std::fs::write(folder.path().join("test.npy"), b"half a file").unwrap();
    assert!(said("makam").contains("not a readable npy file"), "{}", said("makam"));
    let nowhere = DataSetRequest::new(Path::new("nowhere"));
    assert!(load("makam", &nowhere).is_err());
}

#[test]
fn places_in_the_list_of_music4all_become_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("contrib_split_all_labels_train.txt", "1\n2\n");
    write("contrib_split_all_labels_test.txt", "0\n");
    let said = load("music4all", &DataSetRequest::new(folder.path())).unwrap_err().to_string();
    assert!(said.contains("`id_information.csv`, the authors' list"), "{said}");
    write("id_information.csv", "id\tartist\tsong\na1\tX\tx\nb2\tY\ty\nc3\tX\tz\n");
    for id in ["a1", "b2", "c3"] {
        std::fs::write(folder.path().join(format!("{id}.mp3")), wav(&noise(id, 2400))).unwrap();
    }
    let request = DataSetRequest { allow_missing: true, ..DataSetRequest::new(folder.path()) };
    let data_set = load("music4all", &request).unwrap();
    let items: Vec<(&str, Split)> =
        data_set.items.iter().map(|item| (item.id.as_str(), item.split)).collect();
    assert_eq!(items, [("b2", Split::Train), ("c3", Split::Train), ("a1", Split::Test)]);
    assert_eq!(data_set.items[1].group.as_deref(), Some("X"));
    assert_eq!(data_set.deviations.len(), 2);
}

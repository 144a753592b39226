//! Music4All: 109269 clips of 30 s of Western popular music, replayed in pre-training; no tags are predicted.
//!
//! The split is Keunwoo Choi's, unofficial: places in the list of tracks, `id_information.csv` of the authors, which comes with the audio.

use std::collections::BTreeSet;

use super::adapter::Adapter;
use super::catalogue::{Catalogue, FileName, Listed};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "music4all",
        title: "Music4All",
        culture: "western",
        licence: "for research, given out on request; the audio stays with its rights holders",
        metadata_licence: "split: none stated (keunwoochoi/music4all_contrib)",
        size: "109269 clips of 30 s, MP3, 910 h",
        source: "https://sites.google.com/view/contact4music4all",
        citation: "Santana, Pinhelli, Donini, Catharin, Mangolin, Costa, Feltrim, Domingues: Music4All: A new music database and its \
                   applications, IWSSIP 2020",
        recordings: [87184, 0, 22085],
        tags: 0,
        max_seconds: None,
        pretraining_hours: Some(20.0),
    },
    aliases: &[],
    published: &[],
    counted: &[],
    audio_folders: &["", "audios", "audio"],
    marks: &["contrib_split_all_labels_train.txt"],
    read,
};

fn read(folder: &MetadataFolder, request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    let tracks = tracks(folder, request)?;
    let mut catalogue = Catalogue::default();
    let mut seen = BTreeSet::new();
    let mut n_listed = 0;
    for split in [Split::Train, Split::Test] {
        let file = folder.needed(&format!("contrib_split_all_labels_{split}.txt"))?;
        for (line, text) in (1..).zip(folder.text(&file)?.lines()) {
            let fail = |reason: String| folder.fault_of(&file, format!("line {line}: {reason}"));
            let place: usize = text
                .trim()
                .parse()
                .map_err(|_| fail(format!("`{text}` is no place in the list of tracks")))?;
            if !seen.insert(place) {
                return Err(fail(format!("track {place} stands in the splits a second time")));
            }
            n_listed += 1;
            if let Some(track) = tracks.get(place) {
                let listed = Listed::whole(
                    track.id.clone(),
                    split,
                    FileName::Stem(track.id.clone()),
                    Some(Vec::new()),
                );
                catalogue.recordings.push(Listed { group: track.artist.clone(), ..listed });
            }
        }
    }
    if tracks.len() != n_listed || catalogue.recordings.len() != n_listed {
        catalogue.deviations.push(format!(
            "`{LIST}` has {} tracks, the splits name {n_listed}, of which {} stand in it: it is of another version",
            tracks.len(),
            catalogue.recordings.len()
        ));
    }
    Ok(catalogue)
}

const LIST: &str = "id_information.csv";

struct Track {
    id: String,
    artist: Option<String>,
}

/// The list of tracks, in its order.
fn tracks(folder: &MetadataFolder, request: &DataSetRequest) -> Result<Vec<Track>, CorpusError> {
    let beside = request.audio.join(LIST);
    let file = folder.file(LIST).or_else(|| Some(beside).filter(|file| file.is_file())).ok_or_else(|| {
        folder.fault(format!(
            "`{LIST}`, the authors' list of tracks, is neither in `{}` nor beside the audio; the splits are places in it",
            folder.dir().display()
        ))
    })?;
    let text = folder.text(&file)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').map(str::trim).collect();
    let column = |name: &str| header.iter().position(|&column| column == name);
    let id = column("id").ok_or_else(|| folder.fault_of(&file, "it has no column `id`, tab separated"))?;
    let artist = column("artist");
    let track = |line: &str| {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let id = cells.get(id).filter(|id| crate::clip::is_clean_name(id) && !id.contains('/'))?;
        let artist = artist.and_then(|artist| cells.get(artist)).filter(|artist| !artist.is_empty());
        Some(Track { id: (*id).into(), artist: artist.map(|artist| (*artist).into()) })
    };
    (2..)
        .zip(lines)
        .map(|(at, line)| {
            track(line).ok_or_else(|| folder.fault_of(&file, format!("line {at}: it has no id")))
        })
        .collect()
}

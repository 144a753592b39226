//! Lyra: Greek traditional and folk music, pieces cut from films of concerts and broadcasts; genre, place and instrument.
//!
//! A table a split, with several values in a cell joined by `|`. `None` as a place is a text like any other, and a tag. ccml draws a tenth
//! of the training pieces for validation with numpy's generator; the vocabulary is counted over all training pieces, these included.
//! A piece is a file of its own (`ID.mp3`), or lies between two times of the film it is from (`YOUTUBE-ID.mp3`).

use super::adapter::Adapter;
use super::catalogue::{Catalogue, FileName, Listed, Place, refuse_repeated};
use super::metadata_folder::MetadataFolder;
use super::mt19937::Mt19937;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Cut, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "lyra",
        title: "Lyra",
        culture: "greek",
        licence: "not public: the audio is that of the films whose YouTube ids the tables name",
        metadata_licence: "CC BY-NC-SA 4.0",
        size: "1570 pieces of 74 films, 80 h",
        source: "https://github.com/pxaris/lyra-dataset (tables, mel-spectrograms); the audio from its rights holders",
        citation: "Papaioannou, Valiantzas, Giannakopoulos, Kaliakatsos-Papakostas, Potamianos: A dataset for Greek traditional and folk \
                   music: Lyra, ISMIR 2022",
        recordings: [1116, 124, 330],
        tags: 30,
        max_seconds: None,
        pretraining_hours: Some(50.0),
    },
    aliases: &["greek"],
    published: &[
        "instruments--Voice",
        "genres--Traditional",
        "instruments--Violin",
        "instruments--Percussion",
        "instruments--Laouto",
        "instruments--Guitar",
        "instruments--Klarino",
        "genres--Nisiotiko",
        "place--None",
        "instruments--Bass",
        "instruments--Accordion",
        "instruments--Santouri",
        "genres--Aegean",
        "place--Aegean-sea",
        "genres--Epirotic",
        "place--Epirus",
        "instruments--Bouzouki",
        "genres--Mikrasiatiko",
        "place--Asia-minor",
        "genres--Rebetiko",
        "genres--Laiko",
        "instruments--Piano",
        "instruments--Lyra",
        "instruments--Oud",
        "genres--Macedonian",
        "place--Macedonia",
        "genres--Peloponnesian",
        "place--Peloponnese",
        "instruments--Mandolin",
        "instruments--Kanonaki",
    ],
    counted: &[Split::Train, Split::Valid],
    audio_folders: &["", "audios", "audio"],
    marks: &["training.tsv"],
    read,
};

/// Columns whose values are tags, in the order of the tags.
const TAG_COLUMNS: [&str; 3] = ["instruments", "genres", "place"];
/// What ccml seeds numpy's generator with.
const VALIDATION_SEED: u32 = 10;

fn read(folder: &MetadataFolder, _request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    let mut training = table(folder, "training.tsv", Split::Train)?;
    for &piece in &validation(training.len()) {
        training[piece].split = Split::Valid;
    }
    let mut recordings = training;
    recordings.extend(table(folder, "test.tsv", Split::Test)?);
    // The order of the split files, validation apart.
    recordings.sort_by_key(|listed| listed.split);
    let ids: Vec<(String, Split)> =
        recordings.iter().map(|listed| (listed.id.clone(), listed.split)).collect();
    refuse_repeated(folder, &ids)?;
    Ok(Catalogue { recordings, ..Catalogue::default() })
}

/// The places in `training.tsv` of the pieces that ccml validates on: the first ⌊n/10⌋ of the shuffled ones.
fn validation(n_training: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..n_training).collect();
    Mt19937::new(VALIDATION_SEED).shuffle(&mut indices);
    indices.truncate(n_training / 10);
    indices
}

fn table(folder: &MetadataFolder, name: &str, split: Split) -> Result<Vec<Listed>, CorpusError> {
    let file = folder.needed(name)?;
    let text = folder.text(&file)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let missing =
            || folder.fault_of(&file, format!("it has no column `{name}`, only: {}", header.join(", ")));
        header.iter().position(|&column| column == name).ok_or_else(missing)
    };
    let [id, film, start, end] = ["id", "youtube-id", "start-ts", "end-ts"].map(column);
    let (id, film, start, end) = (id?, film?, start?, end?);
    let tag_columns =
        TAG_COLUMNS.iter().map(|&name| Ok((name, column(name)?))).collect::<Result<Vec<_>, CorpusError>>()?;
    let mut pieces = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let cells: Vec<&str> = text.split('\t').collect();
        let fail = |reason: String| folder.fault_of(&file, format!("line {line}: {reason}"));
        if cells.len() != header.len() {
            return Err(fail(format!("it has {} cells, the header has {}", cells.len(), header.len())));
        }
        let seconds = |at: usize| {
            cells[at].parse::<f64>().map_err(|_| fail(format!("`{}` is no time in seconds", cells[at])))
        };
        let (from, to) = (seconds(start)?, seconds(end)?);
        Cut::new(from, to).map_err(fail)?;
        let tags = tag_columns.iter().flat_map(|&(name, at)| {
            cells[at]
                .split('|')
                .filter(|value| !value.is_empty())
                .map(move |value| format!("{name}--{value}"))
        });
        let place = |stem: &str, piece| Place { file: FileName::Stem(stem.into()), piece };
        pieces.push(Listed {
            id: cells[id].into(),
            split,
            labels: Some(tags.collect()),
            group: Some(cells[film].into()),
            places: vec![place(cells[id], None), place(cells[film], Some((from, to)))],
        });
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from numpy 2.4.6: `np.random.seed(10); np.random.shuffle(indices)` of 1240, cut at `floor(0.1 * 1240)`.
    #[test]
    fn the_pieces_for_validation_are_those_of_numpy() {
        let drawn = validation(1240);
        assert_eq!(drawn.len(), 124);
        assert_eq!((&drawn[..5], &drawn[120..]), (&[123, 416, 326, 229, 307][..], &[329, 234, 267, 970][..]));
    }
}

//! FMA-medium: 25000 clips of 30 s from the Free Music Archive, 20 genres of a hierarchy.
//!
//! Tags are names of genres, parents included; 20 of the 25000 tracks are in no split.

use super::adapter::Adapter;
use super::catalogue::{Catalogue, FileName, Listed};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest, labels, split_lists};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "fma",
        title: "FMA-medium",
        culture: "western",
        licence: "each track under the licence its artist chose (fma_metadata of mdeff/fma)",
        metadata_licence: "CC BY 4.0",
        size: "25000 clips of 30 s (24980 of them in the splits), MP3, 22 GiB",
        source: "https://github.com/mdeff/fma (fma_medium.zip)",
        citation: "Defferrard, Benzi, Vandergheynst, Bresson: FMA: A dataset for music analysis, ISMIR 2017",
        recordings: [17486, 2498, 4996],
        tags: 20,
        max_seconds: None,
        pretraining_hours: None,
    },
    aliases: &["fma-medium"],
    published: &[
        "Rock",
        "Electronic",
        "Punk",
        "Experimental",
        "Hip-Hop",
        "Folk",
        "Garage",
        "Instrumental",
        "Indie-Rock",
        "Pop",
        "Chip Music",
        "Ambient Electronic",
        "International",
        "IDM",
        "Techno",
        "Downtempo",
        "Soundtrack",
        "Chiptune",
        "House",
        "Hardcore",
    ],
    counted: &[Split::Train],
    audio_folders: &["", "fma_medium", "audios"],
    marks: &["test.npy"],
    read,
};

fn read(folder: &MetadataFolder, _request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    let mut genres = labels::of_pickle(folder, &folder.needed("metadata.npy")?)?;
    let mut catalogue = Catalogue::default();
    for (id, split) in split_lists::read(folder)? {
        let path = path_of(&id).ok_or_else(|| folder.fault(format!("`{id}` is no number of a track")))?;
        let labels = genres.remove(&id).flatten();
        catalogue.recordings.push(Listed::whole(id, split, FileName::Path(path), labels));
    }
    Ok(catalogue)
}

/// Track `000123` is `000/000123.mp3`: the first three digits are the folder.
fn path_of(id: &str) -> Option<String> {
    let is_number = id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{}/{id}.mp3", &id[..3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_lies_in_the_folder_of_its_first_digits() {
        assert_eq!(path_of("000123").unwrap(), "000/000123.mp3");
        assert_eq!(path_of("098567").unwrap(), "098/098567.mp3");
        for wrong in ["123", "12345a", "0001234", "../../a", "ééé"] {
            assert_eq!(path_of(wrong), None, "{wrong}");
        }
    }
}

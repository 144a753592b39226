//! MagnaTagATune: 25863 clips of 29 s with tags of genre, instrument and mood; the 50 most frequent are predicted.
//!
//! Two published splits share validation and test. The three parts of the zip unpack into sixteen folders, `0` to `f`.

mod clips;
mod tags;

use self::clips::Clip;
use self::tags::Tags;
use super::adapter::Adapter;
use super::catalogue::{Catalogue, FileName, Listed, refuse_repeated};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest, MtatSplit};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "magnatagatune",
        title: "MagnaTagATune",
        culture: "western",
        licence: "CC BY-NC-SA, as Magnatune gives out its recordings",
        metadata_licence: "splits Apache-2.0 (pxaris/ccml), MIT (jongpillee/music_dataset_split)",
        size: "25863 clips of 29 s (21105 of them in the splits), MP3, 208 h, a zip in three parts",
        source: "https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset (mp3.zip.001 to .003, annotations_final.csv)",
        citation: "Law, West, Mandel, Bay, Downie: Evaluation of algorithms using games: the case of music tagging, ISMIR 2009",
        recordings: [15244, 1529, 4332],
        tags: 50,
        max_seconds: None,
        pretraining_hours: None,
    },
    aliases: &["mtat", "magna-tag-a-tune"],
    published: &[
        "guitar",
        "classical",
        "slow",
        "techno",
        "strings",
        "drums",
        "electronic",
        "rock",
        "fast",
        "piano",
        "ambient",
        "beat",
        "violin",
        "vocal",
        "synth",
        "female",
        "indian",
        "opera",
        "male",
        "singing",
        "vocals",
        "no vocals",
        "harpsichord",
        "loud",
        "quiet",
        "flute",
        "woman",
        "male vocal",
        "no vocal",
        "pop",
        "soft",
        "sitar",
        "solo",
        "man",
        "classic",
        "choir",
        "voice",
        "new age",
        "dance",
        "male voice",
        "female vocal",
        "beats",
        "harp",
        "cello",
        "no voice",
        "weird",
        "country",
        "metal",
        "female voice",
        "choral",
    ],
    counted: &[],
    audio_folders: &["", "mp3", "audios", "audio"],
    marks: &["clips.tsv", "test.npy"],
    read,
};

fn read(folder: &MetadataFolder, request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    let mut catalogue = Catalogue::default();
    let clips = clips::read(folder, request.split, &mut catalogue.deviations)?;
    let paths: Vec<(String, Split)> = clips.iter().map(|clip| (clip.path.clone(), clip.split)).collect();
    refuse_repeated(folder, &paths)?;
    let columns = tags::columns(folder)?;
    let tags = Tags::find(folder, request, &columns)?;
    catalogue.remarks.extend(tags.origin());
    for Clip { path, split, row } in clips {
        let labels = tags.of(&path, row);
        let group = Some(song_of(&path).to_owned());
        catalogue
            .recordings
            .push(Listed { group, ..Listed::whole(path.clone(), split, FileName::Path(path), labels) });
    }
    if request.split == MtatSplit::Ccml {
        // How many clips ccml's own training list has is not known here.
        catalogue.free_sizes.push(Split::Train);
    }
    catalogue.columns = Some(columns);
    Ok(catalogue)
}

/// The song a clip was cut from: its path without the two times and the ending, `a/album-01-song-30-59.mp3`.
fn song_of(path: &str) -> &str {
    let is_time = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = path.trim_end_matches(".mp3").rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(end), Some(start), Some(song)) if is_time(end) && is_time(start) => song,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_of_a_song_share_a_group() {
        assert_eq!(song_of("f/a_b-c-01-aria-30-59.mp3"), "f/a_b-c-01-aria");
        assert_eq!(song_of("f/a_b-c-01-aria-146-175.mp3"), "f/a_b-c-01-aria");
        assert_eq!(song_of("f/aria.mp3"), "f/aria.mp3");
    }
}

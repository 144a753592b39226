//! Turkish-makam: recordings of classical Turkish makam music from the CompMusic corpus; makam, usul and instrument.

use super::adapter::Adapter;
use super::catalogue::Catalogue;
use super::dunya::{self, Rules};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "makam",
        title: "Turkish-makam (Dunya)",
        culture: "turkish-makam",
        licence: "for research, given out on request to holders of an account (Dunya, terms of CompMusic)",
        metadata_licence: "splits Apache-2.0 (pxaris/ccml); tags with the account",
        size: "5297 recordings, MP3",
        source: "https://dunya.compmusic.upf.edu (account, then a request for the audio; `audios/MBID.mp3`)",
        citation: "Uyar, Atli, Senturk, Bozkurt, Serra: A corpus for computational research of Turkish makam music, DLfM 2014; splits: ccml, ISMIR 2023",
        recordings: [3709, 529, 1059],
        tags: 30,
        max_seconds: Some(150.0),
        pretraining_hours: Some(200.0),
    },
    aliases: &["turkish-makam"],
    published: &[
        "instrument--Voice",
        "instrument--Kanun",
        "instrument--Tanbur",
        "instrument--Ney",
        "instrument--performing orchestra",
        "instrument--Oud",
        "instrument--Classical kemençe",
        "instrument--Cello",
        "instrument--Violin",
        "usul--Aksak",
        "makam--Hicaz",
        "instrument--Percussion",
        "usul--Düyek",
        "usul--Aksaksemai",
        "makam--Nihavent",
        "makam--Hüzzam",
        "instrument--Clarinet",
        "usul--Curcuna",
        "makam--Kürdilihicazkar",
        "instrument--Bendir",
        "makam--Uşşak",
        "makam--Rast",
        "instrument--Kudüm",
        "instrument--Viola",
        "usul--Yürüksemai",
        "usul--Sofyan",
        "makam--Segah",
        "usul--Ağıraksak",
        "makam--Hüseyni",
        "usul--Devr-i Kebir",
    ],
    counted: &[Split::Train],
    audio_folders: &["", "audios", "audio"],
    marks: &["test.npy"],
    read,
};

/// How a record becomes tags.
pub(super) const RULES: Rules = Rules {
    lists: &[("makam", &["makamlist", "makam"], &["name"]), ("usul", &["usullist", "usul"], &["name"])],
    performances: &["performers", "artists"],
    stand_in: Some((
        "otmm_recordings.json",
        "a stand-in made of MusicBrainz attributes of the works, not what Dunya answers",
    )),
};

fn read(folder: &MetadataFolder, _request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    dunya::read(folder, &RULES)
}

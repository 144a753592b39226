//! Hindustani: recordings of the art music of North India from the CompMusic corpus; raga, tala, instrument and form.

use super::adapter::Adapter;
use super::catalogue::Catalogue;
use super::dunya::{self, Rules};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "hindustani",
        title: "Hindustani (Dunya)",
        culture: "hindustani",
        licence: "for research, given out on request to holders of an account (Dunya, terms of CompMusic)",
        metadata_licence: "splits Apache-2.0 (pxaris/ccml); tags with the account",
        size: "1204 recordings, MP3",
        source: "https://dunya.compmusic.upf.edu (account, then a request for the audio; `audios/MBID.mp3`)",
        citation: "Srinivasamurthy, Koduri, Gulati, Ishwar, Serra: Corpora for music information research in Indian art music, ICMC/SMC 2014; splits: ccml, ISMIR 2023",
        recordings: [844, 120, 240],
        tags: 20,
        max_seconds: Some(780.0),
        pretraining_hours: Some(200.0),
    },
    aliases: &[],
    published: &[
        "instrument--Voice",
        "instrument--Tabla",
        "form--Khayal",
        "instrument--Harmonium",
        "tala--Teentaal",
        "instrument--Tambura",
        "tala--Ektaal",
        "instrument--Sarangi",
        "instrument--Pakhavaj",
        "form--Dhrupad",
        "tala--Jhaptaal",
        "form--Thumri",
        "form--Bhajan",
        "instrument--Sitar",
        "raga--Bhairabi",
        "form--Tarana",
        "instrument--Bansuri",
        "raga--Yaman kalyan",
        "tala--Rupak",
        "raga--Bageshree",
    ],
    counted: &[Split::Train],
    audio_folders: &["", "audios", "audio"],
    marks: &["test.npy"],
    read,
};

/// How a record becomes tags.
pub(super) const RULES: Rules = Rules {
    lists: &[
        ("raga", &["raags"], &["common_name", "name"]),
        ("tala", &["taals"], &["common_name", "name"]),
        ("form", &["forms"], &["common_name", "name"]),
    ],
    performances: &["artists"],
    stand_in: None,
};

fn read(folder: &MetadataFolder, _request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    dunya::read(folder, &RULES)
}

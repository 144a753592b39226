//! Carnatic: recordings of the art music of South India from the CompMusic corpus; raga, tala, instrument and form.

use super::adapter::Adapter;
use super::catalogue::Catalogue;
use super::dunya::{self, Rules};
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest};
use crate::{CorpusError, Split};

pub(super) const ADAPTER: Adapter = Adapter {
    card: DataSetCard {
        name: "carnatic",
        title: "Carnatic (Dunya)",
        culture: "carnatic",
        licence: "for research, given out on request to holders of an account (Dunya, terms of CompMusic)",
        metadata_licence: "splits Apache-2.0 (pxaris/ccml); tags with the account",
        size: "2612 recordings, MP3",
        source: "https://dunya.compmusic.upf.edu (account, then a request for the audio; `audios/MBID.mp3`)",
        citation: "Srinivasamurthy, Koduri, Gulati, Ishwar, Serra: Corpora for music information research in Indian art music, ICMC/SMC 2014; splits: ccml, ISMIR 2023",
        recordings: [1829, 261, 522],
        tags: 20,
        max_seconds: Some(330.0),
        pretraining_hours: Some(200.0),
    },
    aliases: &[],
    published: &[
        "instrument--Voice",
        "instrument--Violin",
        "instrument--Mridangam",
        "form--Kriti",
        "tala--adi",
        "instrument--Ghatam",
        "instrument--Khanjira",
        "tala--rupaka",
        "tala--mishra chapu",
        "form--Varnam - Tana Varnam",
        "form--Alapana",
        "form--Pallavi",
        "raga--ragamalika",
        "tala--khanda chapu",
        "instrument--Morsing",
        "raga--thodi",
        "form--Thillana",
        "form--Mangalam",
        "raga--bhairavi",
        "raga--kalyani",
    ],
    counted: &[Split::Train],
    audio_folders: &["", "audios", "audio"],
    marks: &["test.npy"],
    read,
};

/// How a record becomes tags.
pub(super) const RULES: Rules = Rules {
    lists: &[
        ("raga", &["raaga"], &["common_name", "name"]),
        ("tala", &["taala"], &["common_name", "name"]),
        ("form", &["form"], &["common_name", "name"]),
    ],
    performances: &["artists"],
    stand_in: None,
};

fn read(folder: &MetadataFolder, _request: &DataSetRequest) -> Result<Catalogue, CorpusError> {
    dunya::read(folder, &RULES)
}

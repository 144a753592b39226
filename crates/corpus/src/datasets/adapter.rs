//! A data set as a declaration, and the list of all there are.

use super::catalogue::Catalogue;
use super::metadata_folder::MetadataFolder;
use super::{DataSetCard, DataSetRequest, carnatic, fma, hindustani, lyra, magnatagatune, makam, music4all};
use crate::{CorpusError, Split};

/// What is particular to one data set.
pub(super) struct Adapter {
    pub(super) card: DataSetCard,
    /// Other names it goes by.
    pub(super) aliases: &'static [&'static str],
    /// The published vocabulary, in the order of the label columns; empty where the set has no tags.
    pub(super) published: &'static [&'static str],
    /// Splits whose tags make the vocabulary, by the rule of ccml; none where a file states it.
    pub(super) counted: &'static [Split],
    /// Folders below the audio folder that recordings may lie in; the empty one is the folder itself.
    pub(super) audio_folders: &'static [&'static str],
    /// Files of which one at least is in the folder of its metadata.
    pub(super) marks: &'static [&'static str],
    /// Reads splits and tags.
    pub(super) read: fn(&MetadataFolder, &DataSetRequest) -> Result<Catalogue, CorpusError>,
}

/// All data sets, in the order of the paper's tables.
pub(super) static ADAPTERS: [Adapter; 7] = [
    makam::ADAPTER,
    hindustani::ADAPTER,
    carnatic::ADAPTER,
    lyra::ADAPTER,
    fma::ADAPTER,
    magnatagatune::ADAPTER,
    music4all::ADAPTER,
];

/// The adapter called `name`.
pub(super) fn named(name: &str) -> Result<&'static Adapter, CorpusError> {
    let is_it = |adapter: &&Adapter| adapter.card.name == name || adapter.aliases.contains(&name);
    ADAPTERS.iter().find(is_it).ok_or_else(|| CorpusError::UnknownDataSet {
        name: name.into(),
        known: ADAPTERS.iter().map(|adapter| adapter.card.name).collect::<Vec<_>>().join(", "),
    })
}

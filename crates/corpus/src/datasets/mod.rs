//! Evaluation data sets as they lie on disk: which recordings, in which split, with which tags.
//!
//! One file an adapter (`makam`, `hindustani`, `carnatic`, `lyra`, `fma`, `magnatagatune`, `music4all`): what the set is, where its audio
//! lies, where its tags come from. What they share stands beside them: [`load()`] puts together what a probe reads, [`check()`] says what is
//! there. The split files and the rule of the vocabularies are those of the ccml study (Papaioannou, Benetos, Potamianos, ISMIR
//! 2023), which CultureMERT evaluates on.
//!
//! **Invariant:** nothing is left out in silence. What a split names and the disk lacks is an error with its count, or, where the user
//! allows it, stands in [`DataSet::missing`], [`DataSet::untagged`] and [`DataSet::deviations`].

mod adapter;
mod audio_files;
mod card;
mod carnatic;
mod catalogue;
mod check;
mod data_set;
mod dunya;
mod fma;
mod gather;
mod hindustani;
mod labels;
mod load;
mod lyra;
mod magnatagatune;
mod makam;
mod metadata_folder;
mod mt19937;
mod music4all;
mod own;
mod request;
mod split_lists;
mod vocabulary;

pub use card::{DataSetCard, cards};
pub use check::{DataSetCheck, SplitCheck, TagCount, Unreadable, check};
pub use data_set::{DataSet, DataSetItem};
pub use gather::{
    DataReport, Excluded, GatherRequest, GatherSet, Gathered, GatheredSet, Overlap, UsedFile, gather,
};
pub use load::load;
pub use own::{IndexRequest, load_index};
pub use request::{DataSetRequest, MtatSplit};

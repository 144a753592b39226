//! Splits as lists of ids: `train.npy`, `valid.npy` and `test.npy`.

use super::catalogue::refuse_repeated;
use super::metadata_folder::MetadataFolder;
use crate::{CorpusError, Split};

/// Every id with its split, training first. An id that stands there twice is an error.
pub(super) fn read(folder: &MetadataFolder) -> Result<Vec<(String, Split)>, CorpusError> {
    let mut ids = Vec::new();
    for split in Split::ALL {
        let file = folder.needed(&format!("{split}.npy"))?;
        let listed = files::read_npy_text(&file)?;
        if listed.is_empty() {
            return Err(folder.fault_of(&file, "it lists no recording"));
        }
        ids.extend(listed.into_iter().map(|id| (id, split)));
    }
    refuse_repeated(folder, &ids)?;
    Ok(ids)
}

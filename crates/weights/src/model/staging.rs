//! A model directory that appears wholly or not at all.

use std::fs;
use std::path::Path;

use crate::WeightsError;
use crate::merge::VECTOR;

/// Fills a directory beside `target` and puts it in the place of `target`. What was there stays whole until then, and is only
/// replaced when it is a model directory or empty.
pub(crate) fn replace_directory(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    refuse_occupied(target)?;
    files::replace_directory(target, |staging| {
        fill(staging)?;
        // Once more: somebody may have put something else there meanwhile.
        refuse_occupied(target)
    })
}

fn refuse_occupied(target: &Path) -> Result<(), WeightsError> {
    if !target.exists() {
        return Ok(());
    }
    let holds = |name: &str| target.join(name).is_file();
    let weights = ["model.safetensors", "model.safetensors.index.json", VECTOR];
    let ours = holds("config.json") && weights.into_iter().any(holds);
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if ours || empty() { Ok(()) } else { Err(WeightsError::Occupied { dir: target.into() }) }
}

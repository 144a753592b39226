//! Which clip is in which split.

use super::super::metadata_folder::MetadataFolder;
use super::super::request::MtatSplit;
use crate::{CorpusError, Split};

/// A clip of a split.
pub(super) struct Clip {
    /// Path below the folder of the audio, which is its name too.
    pub(super) path: String,
    pub(super) split: Split,
    /// Its place among all 25863 clips, where it is known.
    pub(super) row: Option<usize>,
}

/// The clips of a published split, training first.
///
/// `clips.tsv` lists all clips with `split` as jongpillee has it. `train.npy`, `valid.npy` and `test.npy` are ccml's: lines of row and path.
/// Where ccml's training list is not there, jongpillee's stands in for it, which is told.
pub(super) fn read(
    folder: &MetadataFolder,
    split: MtatSplit,
    deviations: &mut Vec<String>,
) -> Result<Vec<Clip>, CorpusError> {
    if split == MtatSplit::Jongpillee {
        return all(folder);
    }
    let mut clips = match folder.file("train.npy") {
        Some(_) => list(folder, Split::Train)?,
        None if folder.file("clips.tsv").is_some() => {
            let mut clips = all(folder)?;
            clips.retain(|clip| clip.split == Split::Train);
            deviations.push(format!(
                "`train.npy`, ccml's list of training clips, is not there; the {} of jongpillee's list stand in",
                clips.len()
            ));
            clips
        }
        None => {
            return Err(folder
                .fault_of(&folder.dir().join("train.npy"), "ccml's list of training clips is not there"));
        }
    };
    clips.extend(list(folder, Split::Valid)?);
    clips.extend(list(folder, Split::Test)?);
    Ok(clips)
}

/// A list of ccml.
fn list(folder: &MetadataFolder, split: Split) -> Result<Vec<Clip>, CorpusError> {
    let file = folder.needed(&format!("{split}.npy"))?;
    let clip = |line: String| {
        let (row, path) = line.split_once('\t')?;
        Some(Clip { path: clean(path)?, split, row: Some(row.parse().ok()?) })
    };
    let lines = files::read_npy_text(&file)?.into_iter().enumerate();
    lines
        .map(|(at, line)| {
            let fault = || folder.fault_of(&file, format!("its row {at} is not `row<TAB>path`"));
            clip(line).ok_or_else(fault)
        })
        .collect()
}

/// The clips of `clips.tsv` that are in a split.
fn all(folder: &MetadataFolder) -> Result<Vec<Clip>, CorpusError> {
    let file = folder.needed("clips.tsv")?;
    let text = folder.text(&file)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let fault =
            || folder.fault_of(&file, format!("it has no column `{name}`, only: {}", header.join(", ")));
        header.iter().position(|&column| column == name).ok_or_else(fault)
    };
    let (row, path, split) = (column("row")?, column("path")?, column("split")?);
    let mut clips = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let cells: Vec<&str> = text.split('\t').collect();
        let fail = |reason: String| folder.fault_of(&file, format!("line {line}: {reason}"));
        if cells.len() != header.len() {
            return Err(fail(format!("it has {} cells, the header has {}", cells.len(), header.len())));
        }
        if cells[split].is_empty() {
            continue;
        }
        let row = cells[row].parse().map_err(|_| fail(format!("`{}` is no row", cells[row])))?;
        let path =
            clean(cells[path]).ok_or_else(|| fail(format!("`{}` is no path of a clip", cells[path])))?;
        clips.push(Clip { path, split: cells[split].parse().map_err(fail)?, row: Some(row) });
    }
    clips.sort_by_key(|clip| clip.split);
    Ok(clips)
}

/// A path that stays below its folder.
fn clean(path: &str) -> Option<String> {
    crate::clip::is_clean_name(path).then(|| path.to_owned())
}

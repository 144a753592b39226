//! Which clip has which of the 50 tags.
//!
//! Three files say it, each for all clips or some: `annotations_final.csv` of the authors by path and name of tag; ccml's `binary.npy` by row
//! among all clips; `y_train.npy`, `y_valid.npy` and `y_test.npy` by place in ccml's lists. The last two name no tags: their columns are in the
//! order of `tags.npy`. **Columns 47 and 48 are swapped between sources** (ccml: metal, female voice; jongpillee: femaleVoice, metal), so
//! nothing is ever read in jongpillee's order.

use std::collections::HashMap;
use std::path::Path;

use files::{FilesError, Npy, NpyElement};

use super::super::DataSetRequest;
use super::super::metadata_folder::MetadataFolder;
use crate::{CorpusError, Split};

/// All clips of the original list, a row of `binary.npy` each.
const N_CLIPS: usize = 25_863;

/// The tags of clips, by path or by row.
pub(super) struct Tags {
    by_path: HashMap<String, Vec<String>>,
    by_row: Vec<Vec<String>>,
    origins: Vec<String>,
}

/// The tags in the order of the label columns.
pub(super) fn columns(folder: &MetadataFolder) -> Result<Vec<String>, CorpusError> {
    Ok(files::read_npy_text(&folder.needed("tags.npy")?)?)
}

impl Tags {
    /// Reads what is there; the authors' file may lie beside the audio.
    pub(super) fn find(
        folder: &MetadataFolder,
        request: &DataSetRequest,
        columns: &[String],
    ) -> Result<Self, CorpusError> {
        let mut tags = Self { by_path: HashMap::new(), by_row: Vec::new(), origins: Vec::new() };
        let beside = request.audio.join(ANNOTATIONS);
        if let Some(file) = folder.file(ANNOTATIONS).or_else(|| Some(beside).filter(|file| file.is_file())) {
            tags.by_path = annotations(folder, &file, columns)?;
            tags.origins.push(format!("tags of {} clips are those of `{ANNOTATIONS}`", tags.by_path.len()));
            return Ok(tags);
        }
        if let Some(file) = folder.file("binary.npy") {
            tags.by_row = matrix(folder, &file, columns)?;
            if tags.by_row.len() != N_CLIPS {
                let reason = format!("it has {} rows, there are {N_CLIPS} clips", tags.by_row.len());
                return Err(folder.fault_of(&file, reason));
            }
            tags.origins.push("tags are those of `binary.npy`".into());
            return Ok(tags);
        }
        for split in Split::ALL {
            let Some(file) = folder.file(&format!("y_{split}.npy")) else { continue };
            let list = folder.needed(&format!("{split}.npy"))?;
            let (rows, lines) = (matrix(folder, &file, columns)?, files::read_npy_text(&list)?);
            if rows.len() != lines.len() {
                let reason = format!("it has {} rows, `{split}.npy` lists {} clips", rows.len(), lines.len());
                return Err(folder.fault_of(&file, reason));
            }
            tags.origins.push(format!("tags of {} {split} clips are those of `y_{split}.npy`", rows.len()));
            let path = |line: &str| line.split_once('\t').map_or(line, |(_, path)| path).to_owned();
            tags.by_path.extend(lines.iter().map(|line| path(line)).zip(rows));
        }
        Ok(tags)
    }

    /// The tags of a clip, where a file states them.
    pub(super) fn of(&self, path: &str, row: Option<usize>) -> Option<Vec<String>> {
        self.by_path.get(path).or_else(|| self.by_row.get(row?)).cloned()
    }

    /// Where they are from, a sentence each.
    pub(super) fn origin(&self) -> Vec<String> {
        self.origins.clone()
    }
}

const ANNOTATIONS: &str = "annotations_final.csv";

/// The authors' table: a row a clip, a column a tag, `1` where it has it.
fn annotations(
    folder: &MetadataFolder,
    file: &Path,
    columns: &[String],
) -> Result<HashMap<String, Vec<String>>, CorpusError> {
    let opened = std::fs::File::open(file).map_err(FilesError::io("open", file))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(opened);
    let header = reader.headers().map_err(|error| folder.fault_of(file, error))?.clone();
    let column = |name: &str| {
        let fault = || folder.fault_of(file, format!("it has no column `{name}`"));
        header.iter().position(|column| column == name).ok_or_else(fault)
    };
    let path = column("mp3_path")?;
    let places = columns.iter().map(|tag| column(tag)).collect::<Result<Vec<_>, _>>()?;
    let mut tags = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| folder.fault_of(file, error))?;
        let of_clip = columns.iter().zip(&places).filter(|(_, place)| &record[**place] == "1");
        tags.insert(record[path].to_owned(), of_clip.map(|(tag, _)| tag.clone()).collect());
    }
    Ok(tags)
}

/// A matrix of zeros and ones with a column a tag, whatever kind of number numpy kept them in.
fn matrix(folder: &MetadataFolder, file: &Path, columns: &[String]) -> Result<Vec<Vec<String>>, CorpusError> {
    let tried = rows::<u8>(file, columns)
        .or_else(|error| rows::<i64>(file, columns).map_err(|_| error))
        .or_else(|error| rows::<f32>(file, columns).map_err(|_| error))
        .or_else(|error| rows::<f64>(file, columns).map_err(|_| error));
    match tried {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(reason)) => Err(folder.fault_of(file, reason)),
        Err(error) => Err(error.into()),
    }
}

/// The tags of every row, or why it is no matrix of them.
fn rows<T: NpyElement + PartialEq + From<u8>>(
    file: &Path,
    columns: &[String],
) -> Result<Result<Vec<Vec<String>>, String>, FilesError> {
    let array = Npy::<T>::open(file)?;
    let &[_, width] = array.shape() else {
        return Ok(Err(format!("its shape {:?} is not that of a matrix", array.shape())));
    };
    if width != columns.len() || width == 0 {
        return Ok(Err(format!("it has {width} columns, there are {} tags", columns.len())));
    }
    let (zero, one) = (T::from(0), T::from(1));
    if let Some(at) = array.as_slice().iter().position(|value| *value != zero && *value != one) {
        return Ok(Err(format!("row {} holds something that is neither 0 nor 1", at / width)));
    }
    let tags = |row: &[T]| {
        row.iter().zip(columns).filter(|(value, _)| **value == one).map(|(_, tag)| tag.clone()).collect()
    };
    Ok(Ok(array.as_slice().chunks_exact(width).map(tags).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::magnatagatune::ADAPTER;

    /// The first twenty tags of every clip, as another project keeps them, against the matrices read here.
    #[test]
    fn golden_the_columns_are_those_of_an_independent_source() {
        let Some(metadata) = golden::metadata() else { return };
        let request = DataSetRequest { metadata: Some(metadata), ..DataSetRequest::new("nowhere") };
        let folder = MetadataFolder::find(&ADAPTER, &request).unwrap();
        let columns = columns(&folder).unwrap();
        let tags = Tags::find(&folder, &request, &columns).unwrap();
        let text = folder.text(&folder.needed("clips.tsv").unwrap()).unwrap();
        let mut compared = 0;
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            let (path, bits) = (cells[2], cells[4]);
            let Some(labels) = tags.of(path, None).filter(|_| !bits.is_empty()) else { continue };
            let first: String =
                columns[..20].iter().map(|tag| if labels.contains(tag) { '1' } else { '0' }).collect();
            assert_eq!(first, bits, "{path}");
            compared += 1;
        }
        assert_eq!(compared, 5489);
    }

    /// jongpillee's list of the same tags has two columns the other way round; whoever reads in its order mistakes metal for a voice.
    #[test]
    fn golden_two_columns_differ_between_sources() {
        let Some(metadata) = golden::metadata() else { return };
        let request = DataSetRequest { metadata: Some(metadata), ..DataSetRequest::new("nowhere") };
        let folder = MetadataFolder::find(&ADAPTER, &request).unwrap();
        let theirs = folder.text(&folder.needed("top50_tags_pub.txt").unwrap()).unwrap();
        let same = |name: &str| name.replace(' ', "").to_lowercase();
        let columns = columns(&folder).unwrap();
        let differing: Vec<(usize, &str, &str)> = columns
            .iter()
            .zip(theirs.lines())
            .enumerate()
            .filter(|(_, (ours, theirs))| same(ours) != same(theirs))
            .map(|(at, (ours, theirs))| (at, ours.as_str(), theirs))
            .collect();
        assert_eq!(differing, [(47, "metal", "femaleVoice"), (48, "female voice", "metal")]);
    }
}

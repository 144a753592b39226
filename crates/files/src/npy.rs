//! The npy format, version 1.0: what `numpy.save` writes and `numpy.load` reads.
//!
//! Little-endian, C order, one of the element types we use. Files are memory-mapped for reading, so a crop of an hour costs a crop.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use memmap2::Mmap;

use crate::npy_header::{Header, MAGIC};
use crate::{AtomicFile, FilesError};

/// Room for any header we write; a streamed header is padded to it because the length is known last.
pub(crate) const HEADER_BYTES: usize = 128;

/// Element types of the arrays we keep on disk, with numpy's name for each.
pub trait NpyElement: Pod {
    /// numpy's `descr`, for instance `<f4`.
    const DESCR: &'static str;
}

impl NpyElement for f32 {
    const DESCR: &'static str = "<f4";
}
impl NpyElement for f64 {
    const DESCR: &'static str = "<f8";
}
impl NpyElement for i16 {
    const DESCR: &'static str = "<i2";
}
impl NpyElement for u16 {
    const DESCR: &'static str = "<u2";
}
impl NpyElement for u8 {
    const DESCR: &'static str = "|u1";
}
impl NpyElement for i64 {
    const DESCR: &'static str = "<i8";
}

/// A memory-mapped npy array.
pub struct Npy<T> {
    map: Mmap,
    data_offset: usize,
    shape: Vec<usize>,
    element: PhantomData<T>,
}

impl<T: NpyElement> Npy<T> {
    /// Maps `path`, after checking that header, element type and size agree with the file.
    pub fn open(path: &Path) -> Result<Self, FilesError> {
        let bad = |reason: String| FilesError::Npy { path: path.to_path_buf(), reason };
        let file = File::open(path).map_err(FilesError::io("open", path))?;
        #[expect(unsafe_code, reason = "memory maps are unsafe by nature")]
        // SAFETY: the map is read-only, and files of a corpus are replaced by renaming, never rewritten in place.
        let map = unsafe { Mmap::map(&file) }.map_err(FilesError::io("map", path))?;
        let header = Header::read(&map).map_err(bad)?;
        if header.descr != T::DESCR {
            return Err(bad(format!("its elements are not `{}`", T::DESCR)));
        }
        let bytes = header.n_elements().and_then(|n| n.checked_mul(size_of::<T>()));
        let Header { shape, data_offset, .. } = header;
        if bytes != Some(map.len() - data_offset) {
            return Err(bad(format!(
                "its shape {shape:?} does not fit its {} bytes",
                map.len() - data_offset
            )));
        }
        if !(map.as_ptr() as usize + data_offset).is_multiple_of(align_of::<T>()) {
            return Err(bad("its data are not aligned".into()));
        }
        Ok(Self { map, data_offset, shape, element: PhantomData })
    }

    /// Sizes of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All elements in C order.
    pub fn as_slice(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.data_offset..])
    }
}

pub(crate) fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    // Python writes a tuple of one as `(3,)`.
    let axes = axes.join(", ") + if shape.len() == 1 { "," } else { "" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let mut bytes = MAGIC.to_vec();
    bytes.extend(((HEADER_BYTES - 10) as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    assert!(bytes.len() < HEADER_BYTES, "arrays of ours have few axes");
    bytes.resize(HEADER_BYTES - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Writes an array row by row; the number of rows need not be known before the end.
pub struct NpyWriter<T> {
    file: AtomicFile,
    path: PathBuf,
    row_shape: Vec<usize>,
    written: usize,
    element: PhantomData<T>,
}

impl<T: NpyElement> NpyWriter<T> {
    /// Starts an array `[rows, row_shape...]`; an empty `row_shape` makes a one-dimensional array.
    pub fn create(path: &Path, row_shape: &[usize]) -> Result<Self, FilesError> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(&[0; HEADER_BYTES]).map_err(FilesError::io("write", path))?;
        Ok(Self { file, path: path.into(), row_shape: row_shape.into(), written: 0, element: PhantomData })
    }

    /// Appends elements; together they must make whole rows by the end.
    pub fn push(&mut self, elements: &[T]) -> Result<(), FilesError> {
        self.written += elements.len();
        self.file.write_all(bytemuck::cast_slice(elements)).map_err(FilesError::io("write", &self.path))
    }

    /// Writes the header and puts the file under its name. Returns the number of rows.
    pub fn finish(mut self) -> Result<usize, FilesError> {
        let row: usize = self.row_shape.iter().product();
        if row == 0 || !self.written.is_multiple_of(row) {
            let reason = format!("{} elements do not make whole rows of {row}", self.written);
            return Err(FilesError::Npy { path: self.path, reason });
        }
        let rows = self.written / row;
        let shape: Vec<usize> = std::iter::once(rows).chain(self.row_shape.iter().copied()).collect();
        let start =
            self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&header(T::DESCR, &shape)));
        start.map_err(FilesError::io("write", &self.path))?;
        self.file.commit()?;
        Ok(rows)
    }
}

/// Writes a whole array of `shape`.
///
/// # Panics
/// When `elements` do not fill `shape`.
pub fn write_npy<T: NpyElement>(path: &Path, shape: &[usize], elements: &[T]) -> Result<(), FilesError> {
    assert_eq!(elements.len(), shape.iter().product::<usize>(), "elements fill the shape {shape:?}");
    let mut file = AtomicFile::create(path)?;
    let written = file
        .write_all(&header(T::DESCR, shape))
        .and_then(|()| file.write_all(bytemuck::cast_slice(elements)));
    written.map_err(FilesError::io("write", path))?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.npy");
        write_npy(&path, &[2, 3], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let read = Npy::<f32>::open(&path).unwrap();
        assert_eq!((read.shape(), read.as_slice()[4]), (&[2usize, 3][..], 5.0));
        let mut writer = NpyWriter::<u16>::create(&path, &[2]).unwrap();
        writer.push(&[1, 2, 3]).unwrap();
        writer.push(&[4]).unwrap();
        assert_eq!(writer.finish().unwrap(), 2);
        assert_eq!(Npy::<u16>::open(&path).unwrap().shape(), [2, 2]);
        let mut writer = NpyWriter::<i16>::create(&path, &[]).unwrap();
        writer.push(&[7; 5]).unwrap();
        assert_eq!(writer.finish().unwrap(), 5);
        assert_eq!(Npy::<i16>::open(&path).unwrap().shape(), [5]);
    }

    #[test]
    fn under_every_fault_an_array_is_old_or_new() {
        let write = |root: &Path, value: u16| {
            let mut writer = NpyWriter::create(&root.join("x.npy"), &[2])?;
            writer.push(&[value; 2])?;
            writer.push(&[value; 4])?;
            writer.finish().map(drop)
        };
        let before = |root: &Path| write(root, 1).unwrap();
        let work = |root: &Path| write(root, 2);
        crate::faults::everywhere(before, work, |root, is_done| {
            let read = Npy::<u16>::open(&root.join("x.npy")).unwrap();
            assert!(read.as_slice() == [2; 6] || (!is_done && read.as_slice() == [1; 6]));
        });
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.npy");
        write_npy(&path, &[4], &[1i16, 2, 3, 4]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 5, 9, 60, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(Npy::<i16>::open(&path).is_err(), "cut at {cut}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert!(Npy::<f32>::open(&path).is_err());
    }
}

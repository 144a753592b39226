//! An npy array whose parts come in any order, written where they belong: memory holds a part, never the whole.

use std::io::{Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::npy::{HEADER_BYTES, header};
use crate::{AtomicFile, FilesError, NpyElement};

/// An array of a known shape in the making.
pub struct NpyGrid<T> {
    file: AtomicFile,
    path: PathBuf,
    elements: usize,
    written: usize,
    element: PhantomData<T>,
}

impl<T: NpyElement> NpyGrid<T> {
    /// Starts an array of `shape`.
    pub fn create(path: &Path, shape: &[usize]) -> Result<Self, FilesError> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(&header(T::DESCR, shape)).map_err(FilesError::io("write", path))?;
        let elements = shape.iter().product();
        Ok(Self { file, path: path.into(), elements, written: 0, element: PhantomData })
    }

    /// Writes `part` from element `offset` on, counted in C order.
    ///
    /// # Panics
    /// When the part does not lie inside the array.
    pub fn write_at(&mut self, offset: usize, part: &[T]) -> Result<(), FilesError> {
        assert!(offset + part.len() <= self.elements, "a part lies inside its array");
        let place = (HEADER_BYTES + offset * size_of::<T>()) as u64;
        let done = self
            .file
            .seek(SeekFrom::Start(place))
            .and_then(|_| self.file.write_all(bytemuck::cast_slice(part)));
        self.written += part.len();
        done.map_err(FilesError::io("write", &self.path))
    }

    /// Puts the file under its name, once as many elements were written as it has.
    pub fn finish(self) -> Result<(), FilesError> {
        if self.written == self.elements {
            return self.file.commit();
        }
        let reason = format!("{} of its {} elements were written", self.written, self.elements);
        Err(FilesError::Npy { path: self.path, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Npy;

    #[test]
    fn parts_come_to_lie_where_they_belong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.npy");
        let mut grid = NpyGrid::<f32>::create(&path, &[2, 3]).unwrap();
        grid.write_at(3, &[4.0, 5.0, 6.0]).unwrap();
        grid.write_at(0, &[1.0, 2.0]).unwrap();
        grid.write_at(2, &[3.0]).unwrap();
        grid.finish().unwrap();
        let read = Npy::<f32>::open(&path).unwrap();
        assert_eq!((read.shape(), read.as_slice()), (&[2, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]));
        let mut grid = NpyGrid::<f32>::create(&path, &[2]).unwrap();
        grid.write_at(1, &[9.0]).unwrap();
        assert!(grid.finish().unwrap_err().to_string().contains("1 of its 2 elements"));
        assert_eq!(Npy::<f32>::open(&path).unwrap().shape(), [2, 3]);
    }
}

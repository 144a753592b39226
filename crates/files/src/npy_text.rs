//! Npy files that hold no numbers: texts of a fixed width, and a pickle.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::FilesError;
use crate::npy_header::Header;

/// Largest file of either kind that is read, bytes.
const MOST_BYTES: u64 = 1 << 28;

/// Reads a one-dimensional array of unicode (`<U36`): four bytes (UTF-32) a character, each text padded with zeros to the width.
pub fn read_npy_text(path: &Path) -> Result<Vec<String>, FilesError> {
    let bytes = read_bounded(path)?;
    texts(&bytes).map_err(|reason| FilesError::Npy { path: path.into(), reason })
}

/// Reads the bytes of the pickle that an array of type `object` is. They are data; nothing in them is run.
pub fn read_npy_pickle(path: &Path) -> Result<Vec<u8>, FilesError> {
    let mut bytes = read_bounded(path)?;
    let bad = |reason: String| FilesError::Npy { path: path.into(), reason };
    let header = Header::read(&bytes).map_err(bad)?;
    if header.descr != "|O" {
        return Err(bad(format!("its elements are `{}`, not objects", header.descr)));
    }
    Ok(bytes.split_off(header.data_offset))
}

fn texts(bytes: &[u8]) -> Result<Vec<String>, String> {
    let header = Header::read(bytes)?;
    let width = header.descr.strip_prefix("<U").and_then(|width| width.parse::<usize>().ok());
    let width = width.ok_or_else(|| format!("its elements are `{}`, not text", header.descr))?;
    let &[n] = header.shape.as_slice() else {
        return Err(format!("its shape {:?} is not that of a list", header.shape));
    };
    let data = &bytes[header.data_offset..];
    let row = width.checked_mul(4);
    if row.and_then(|row| row.checked_mul(n)) != Some(data.len()) {
        return Err(format!("{n} texts of {width} characters do not fit its {} bytes", data.len()));
    }
    if width == 0 {
        // Texts without a character take no byte, so their number is not bounded by the file's size.
        return if n == 0 { Ok(Vec::new()) } else { Err("its texts have no characters".into()) };
    }
    data.chunks_exact(width * 4)
        .enumerate()
        .map(|(row, cell)| text(cell).ok_or(row))
        .collect::<Result<_, _>>()
        .map_err(|row| format!("its row {row} is not text"))
}

/// One text: its characters up to the padding.
fn text(cell: &[u8]) -> Option<String> {
    let (characters, _) = cell.as_chunks::<4>();
    let padding = characters.iter().rev().take_while(|bytes| **bytes == [0; 4]).count();
    let content = &characters[..characters.len() - padding];
    content.iter().map(|bytes| char::from_u32(u32::from_le_bytes(*bytes))).collect()
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, FilesError> {
    let file = File::open(path).map_err(FilesError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(FilesError::io("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        let reason = format!("it is larger than {MOST_BYTES} bytes");
        return Err(FilesError::Npy { path: path.into(), reason });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn utf32(text: &str) -> Vec<u8> {
        text.chars().flat_map(|letter| (letter as u32).to_le_bytes()).collect()
    }

    #[test]
    fn texts_lose_their_padding_and_nothing_else() {
        let bytes = array("<U3", "(4,)", &utf32("ab\0ışk\0\0\0 \0c"));
        assert_eq!(texts(&bytes).unwrap(), ["ab", "ışk", "", " \0c"]);
        assert_eq!(texts(&array("<U3", "(0,)", &[])).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_list_of_texts_is_an_error() {
        let one = utf32("abc");
        for (bytes, part) in [
            (array("<U3", "(2,)", &one), "do not fit"),
            (array("<U4", "(1,)", &one), "do not fit"),
            (array("<U3", "(1, 1)", &one), "not that of a list"),
            (array("<f4", "(3,)", &one), "`<f4`, not text"),
            (array("<U0", "(999999999999,)", &[]), "no characters"),
            (array("<U99999999999999999999", "(1,)", &one), "not text"),
            (array("<U1", "(1,)", &[0, 0xd8, 0, 0]), "row 0 is not text"),
            (array("|O", "()", b"N."), "`|O`, not text"),
            (b"\x93NUMPY\x02\x00".to_vec(), "version 1.0"),
        ] {
            let message = texts(&bytes).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_pickle_is_what_follows_the_header() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.npy");
        std::fs::write(&path, array("|O", "()", b"N.")).unwrap();
        assert_eq!(read_npy_pickle(&path).unwrap(), b"N.");
        std::fs::write(&path, array("<U1", "(0,)", &[])).unwrap();
        assert!(read_npy_pickle(&path).unwrap_err().to_string().contains("not objects"));
    }
}

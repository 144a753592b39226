//! The header of an npy file, version 1.0: a Python dictionary of element type, order and shape.

/// What every file of version 1.0 starts with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// What stands in a header.
pub(crate) struct Header {
    /// numpy's name of the element type, for instance `<f4`.
    pub(crate) descr: String,
    /// Sizes of the axes, outermost first.
    pub(crate) shape: Vec<usize>,
    /// Where the elements begin.
    pub(crate) data_offset: usize,
}

impl Header {
    /// Reads the header that `bytes` start with; the elements must be in C order.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < 10 || &bytes[..8] != MAGIC {
            return Err("it does not start like a version 1.0 npy file".into());
        }
        let data_offset = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = bytes.get(10..data_offset).ok_or("its header is cut short")?;
        let text = std::str::from_utf8(text).map_err(|_| "its header is not text")?;
        let descr = value(text, "'descr':")
            .and_then(|rest| rest.strip_prefix('\''))
            .and_then(|rest| rest.split_once('\''))
            .map(|(descr, _)| descr.to_owned())
            .ok_or("its element type cannot be read")?;
        if !value(text, "'fortran_order':").is_some_and(|order| order.starts_with("False")) {
            return Err("it is not in C order".into());
        }
        let shape = shape(text).ok_or("its shape cannot be read")?;
        Ok(Self { descr, shape, data_offset })
    }

    /// The number of elements, where it can be counted.
    pub(crate) fn n_elements(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))
    }
}

/// What follows a key.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key).map(|(_, rest)| rest.trim_start())
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = value(text, "'shape':")?.strip_prefix('(')?.split_once(')')?;
    inside.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

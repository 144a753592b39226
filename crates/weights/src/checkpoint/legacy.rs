//! The format torch wrote before its release 1.6: five pickles, then the storages one after the other.
//!
//! Magic number, protocol, system, the object, the keys of the storages; each storage is its element count (8 bytes) and its elements.

use std::collections::BTreeMap;
use std::io::{Read as _, SeekFrom};

use pickle::{Node, Pickle};

use super::tree::View;
use super::zip::{Input, Span};

/// 0x1950a86a20f9469cfc6c, little-endian with its sign.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The pickles of a checkpoint are far shorter.
const LONGEST_PICKLES: u64 = 16 << 20;

/// The object and the keys of its storages with the position of the first of them.
pub(super) struct Legacy {
    pub(super) pickle: Pickle,
    keys: Vec<String>,
    begin: u64,
}

/// Reads the pickles at the start of a file.
pub(super) fn read(file: &mut dyn Input, file_length: u64) -> Result<Legacy, String> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    file.take(file_length.min(LONGEST_PICKLES)).read_to_end(&mut start).map_err(|error| error.to_string())?;
    let mut position = 0;
    let mut next = || {
        let pickle = pickle::read(&start[position..])?;
        position += pickle.length;
        Ok::<Pickle, String>(pickle)
    };
    let magic = next()?;
    if magic.node(magic.root) != &Node::LongInt(MAGIC.to_vec()) {
        return Err("it is a pickle, but not one of torch".into());
    }
    let protocol = next()?;
    if protocol.node(protocol.root) != &Node::Int(1001) {
        return Err("its protocol is not 1001".into());
    }
    let system = next()?;
    let little = super::tree::json_at(&system, "/little_endian");
    if little != Some(true.into()) {
        return Err("it was written on a big-endian machine".into());
    }
    let pickle = next()?;
    let list = next()?;
    let Node::List(keys) = list.node(list.root) else { return Err("it has no list of storages".into()) };
    let key = |&id: &u32| list.text(id).map(ToOwned::to_owned).ok_or("the key of a storage is no text");
    let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
    Ok(Legacy { pickle, keys, begin: position as u64 })
}

impl Legacy {
    /// Where the storages lie. How long an element is only the tensors tell, so a storage nobody uses ends the search.
    pub(super) fn storages(
        &self,
        file: &mut dyn Input,
        file_length: u64,
        tensors: &[(String, View)],
    ) -> Result<BTreeMap<String, Span>, String> {
        let sizes: BTreeMap<&str, u64> =
            tensors.iter().map(|(_, view)| (view.storage.as_str(), view.dtype.size() as u64)).collect();
        let mut spans = BTreeMap::new();
        let mut position = self.begin;
        for key in &self.keys {
            if spans.contains_key(key) {
                return Err(format!("storage `{key}` is listed twice"));
            }
            let Some(&size) = sizes.get(key.as_str()) else {
                return Err(format!("storage `{key}` belongs to no tensor that can be read"));
            };
            let mut count = [0; 8];
            file.seek(SeekFrom::Start(position))
                .and_then(|_| file.read_exact(&mut count))
                .map_err(|_| format!("it ends before storage `{key}`"))?;
            let length = u64::from_le_bytes(count).checked_mul(size);
            let begin = position + 8;
            let end = length.and_then(|length| begin.checked_add(length)).filter(|&end| end <= file_length);
            let (Some(length), Some(end)) = (length, end) else {
                return Err(format!("storage `{key}` ends behind the file"));
            };
            spans.insert(key.clone(), Span { begin, length });
            position = end;
        }
        Ok(spans)
    }
}

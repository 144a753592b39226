//! Writes what `torch.save` writes: a zip file with a pickle of the structure and the bytes of every tensor beside it.
//!
//! Source: torch's `serialization.py` and PKWARE's application note. The pickle has protocol 2 and names nothing but
//! `collections.OrderedDict`, `torch._utils._rebuild_tensor_v2` and storages, so that `torch.load(weights_only=True)` opens it.

use std::path::Path;

use serde_json::Value;

use super::zip_writer::ZipWriter;
use crate::{Dtype, RawTensor, TensorInfo, WeightsError};

/// A value of a pickle that is to be written.
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Item>),
    Dict(Vec<(String, Item)>),
    /// A `collections.OrderedDict`.
    Ordered(Vec<(String, Item)>),
    /// Type and shape of the tensor whose bytes are stored under this number.
    Tensor(usize, TensorInfo),
}

impl From<&Value> for Item {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => {
                n.as_i64().map_or_else(|| Self::Float(n.as_f64().unwrap_or(f64::NAN)), Self::Int)
            }
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(items) => {
                Self::Dict(items.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

/// Writes `item` with its tensors, wholly or not at all; tensor number `n` is asked of `tensor`.
pub(super) fn write_torch(
    path: &Path,
    item: &Item,
    n_tensors: usize,
    mut tensor: impl FnMut(usize) -> Result<RawTensor, WeightsError>,
) -> Result<(), WeightsError> {
    let bad = |reason: String| WeightsError::malformed(path, "a torch checkpoint", reason);
    let mut pickle = vec![0x80, 2];
    write(&mut pickle, item).map_err(bad)?;
    pickle.push(b'.');
    let mut zip = ZipWriter::create(path)?;
    zip.member("archive/data.pkl", &pickle)?;
    zip.member("archive/byteorder", b"little")?;
    for number in 0..n_tensors {
        zip.member(&format!("archive/data/{number}"), &tensor(number)?.bytes)?;
    }
    zip.member("archive/version", b"3\n")?;
    zip.finish()
}

fn write(out: &mut Vec<u8>, item: &Item) -> Result<(), String> {
    match item {
        Item::None => out.push(b'N'),
        Item::Bool(b) => out.push(if *b { 0x88 } else { 0x89 }),
        Item::Int(n) => int(out, *n),
        Item::Float(x) => {
            out.push(b'G');
            out.extend(x.to_be_bytes());
        }
        Item::Text(text) => self::text(out, text)?,
        Item::List(items) => {
            out.extend(b"](");
            items.iter().try_for_each(|item| write(out, item))?;
            out.push(b'e');
        }
        Item::Dict(items) => {
            out.push(b'}');
            set_items(out, items)?;
        }
        Item::Ordered(items) => {
            out.extend(b"ccollections\nOrderedDict\n)R");
            set_items(out, items)?;
        }
        Item::Tensor(number, info) => tensor(out, *number, info)?,
    }
    Ok(())
}

fn set_items(out: &mut Vec<u8>, items: &[(String, Item)]) -> Result<(), String> {
    out.push(b'(');
    for (key, value) in items {
        text(out, key)?;
        write(out, value)?;
    }
    out.push(b'u');
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let length = u32::try_from(text.len()).map_err(|_| "a text has more than 4 GiB".to_owned())?;
    out.push(b'X');
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn int(out: &mut Vec<u8>, n: i64) {
    if let Ok(n) = i32::try_from(n) {
        out.push(b'J');
        out.extend(n.to_le_bytes());
    } else {
        out.extend([0x8a, 8]);
        out.extend(n.to_le_bytes());
    }
}

/// `_rebuild_tensor_v2((storage), 0, shape, strides, False, OrderedDict())`
fn tensor(out: &mut Vec<u8>, number: usize, info: &TensorInfo) -> Result<(), String> {
    let n = info.n_elements().ok_or_else(|| format!("shape {:?} is absurd", info.shape))?;
    let storage = match info.dtype {
        Dtype::Float64 => "Double",
        Dtype::Float32 => "Float",
        Dtype::Float16 => "Half",
        Dtype::Bfloat16 => "BFloat16",
        Dtype::Int64 => "Long",
        Dtype::Int32 => "Int",
        Dtype::Int16 => "Short",
        Dtype::Int8 => "Char",
        Dtype::Uint8 => "Byte",
        Dtype::Bool => "Bool",
        other => return Err(format!("torch has no storage of {}", other.name())),
    };
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage")?;
    out.extend(format!("ctorch\n{storage}Storage\n").as_bytes());
    text(out, &number.to_string())?;
    text(out, "cpu")?;
    int(out, n as i64);
    out.extend(b"tQK\x00");
    let mut strides = vec![1usize; info.shape.len()];
    for axis in (1..info.shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(info.shape[axis].max(1));
    }
    for sizes in [&info.shape, &strides] {
        out.push(b'(');
        for &size in sizes {
            int(out, size as i64);
        }
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    Ok(())
}

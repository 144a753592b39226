//! Labels of recordings as files state them.

use std::collections::BTreeMap;
use std::path::Path;

use pickle::{Node, NodeId, Pickle};

use super::metadata_folder::MetadataFolder;
use crate::CorpusError;

/// What a file says of a recording: its labels, or that there are none known.
pub(super) type Labels = BTreeMap<String, Option<Vec<String>>>;

/// Reads a dictionary of id to list of labels that numpy pickled (`metadata.npy` of ccml). `None` in place of a list: nobody knows.
pub(super) fn of_pickle(folder: &MetadataFolder, file: &Path) -> Result<Labels, CorpusError> {
    let bytes = files::read_npy_pickle(file)?;
    let labels = pickle::read(&bytes).and_then(|pickle| of_dictionary(&pickle));
    labels.map_err(|reason| folder.fault_of(file, reason))
}

fn of_dictionary(pickle: &Pickle) -> Result<Labels, String> {
    let Node::Dict(items) = pickle.node(inside_array(pickle)) else {
        return Err("it holds no dictionary of recordings".into());
    };
    let mut labels = Labels::new();
    for &(key, value) in items {
        let id = pickle.text(key).ok_or("a key of its dictionary is no text")?;
        let list = match pickle.node(value) {
            Node::None => None,
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => {
                let texts = items.iter().map(|&item| pickle.text(item).map(ToOwned::to_owned));
                Some(
                    texts
                        .collect::<Option<Vec<_>>>()
                        .ok_or_else(|| format!("the labels of `{id}` are no texts"))?,
                )
            }
            _ => return Err(format!("the labels of `{id}` are no list")),
        };
        labels.insert(id.to_owned(), list);
    }
    Ok(labels)
}

/// The only element of an array of no axes, or the value itself where it is no array.
fn inside_array(pickle: &Pickle) -> NodeId {
    let Node::Object { state: Some(state), .. } = pickle.node(pickle.root) else { return pickle.root };
    // An array's state is (version, shape, type, order, elements).
    let elements = pickle.tuple(*state).and_then(|parts| parts.get(4)).map(|&id| pickle.node(id));
    match elements {
        Some(Node::List(items)) if items.len() == 1 => items[0],
        _ => pickle.root,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_of_lists_is_read_and_nothing_else() {
        let read = |bytes: &[u8]| of_dictionary(&pickle::read(bytes)?);
        let labels =
            read(b"\x80\x03}q\0(X\x02\0\0\0id]q\x01(X\x01\0\0\0ah\x01e0X\x01\0\0\0xNX\x01\0\0\0y]u.")
                .unwrap_err();
        assert!(labels.contains("pickle"), "{labels}");
        let labels = read(b"}(X\x02\0\0\0id](X\x01\0\0\0aX\x01\0\0\0beX\x01\0\0\0xNu.").unwrap();
        assert_eq!(labels["id"], Some(vec!["a".into(), "b".into()]));
        assert_eq!(labels["x"], None);
        for (bytes, part) in [
            (&b"]."[..], "no dictionary"),
            (b"}(K\x01]u.", "key of its dictionary"),
            (b"}(X\x01\0\0\0aK\x01u.", "`a` are no list"),
            (b"}(X\x01\0\0\0a](K\x01eu.", "`a` are no texts"),
            (b"cos\nsystem\n(S'x'\ntR.", "runs code"),
        ] {
            let message = read(bytes).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}

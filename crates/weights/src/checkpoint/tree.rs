//! Walking what a pickle describes: where its tensors are, and the rest as JSON.

use std::collections::BTreeSet;

use pickle::{Node, NodeId, Pickle};
use serde_json::{Map, Value, json};

use crate::Dtype;

/// Shared values are met once for every way to them; a pickle can make these ways exponentially many.
const MOST_VISITS: usize = 1 << 20;
/// Of these, the part that becomes JSON, whose values are large.
const MOST_JSON_VISITS: usize = 1 << 17;
const DEEPEST: usize = 200;
/// No checkpoint has a longer way to a tensor, or a longer name of a storage.
const LONGEST_PATH: usize = 1024;
/// Bytes that the descriptions of all tensors take together.
const MOST_DESCRIBED: usize = 12 << 20;
/// torch has no tensor of more axes.
const MOST_AXES: usize = 64;
/// Of the name of a class that is shown, characters.
const LONGEST_NAME: usize = 200;
/// Bytes of text that cost as much as one visit.
const TEXT_A_VISIT: usize = 32;

/// A tensor as a view of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) storage: String,
    /// Elements the storage claims to have.
    pub(super) storage_elements: u64,
    pub(super) dtype: Dtype,
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
}

/// All tensors of a pickle with the ways to them, and the classes of what was not looked into.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tensors: Vec<(String, View)>,
    pub(super) skipped: BTreeSet<String>,
}

/// Finds all tensors. The way to one is written `/key/index/key`.
pub(super) fn find_tensors(pickle: &Pickle) -> Result<Found, String> {
    let mut walk = Walk { pickle, found: Found::default(), path: String::new(), visits: 0, described: 0 };
    walk.visit(pickle.root, 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    found: Found,
    path: String,
    visits: usize,
    /// Bytes of what was found.
    described: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: NodeId, depth: usize) -> Result<(), String> {
        self.visits += 1 + cost(self.pickle.node(id));
        if depth > DEEPEST || self.visits > MOST_VISITS {
            return Err("its values contain each other too deeply".into());
        }
        match self.pickle.node(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => {
                for (index, &item) in items.iter().enumerate() {
                    self.enter(&index.to_string(), item, depth)?;
                }
            }
            Node::Object { class, arguments, .. } => {
                if let Some(view) =
                    tensor(self.pickle, *class, *arguments, 0).map_err(|reason| self.at(&reason))?
                {
                    self.described += 256 + 2 * self.path.len() + 32 * view.shape.len();
                    if self.described > MOST_DESCRIBED {
                        return Err(format!("it has more than {} tensors", self.found.tensors.len()));
                    }
                    self.found.tensors.push((self.path.clone(), view));
                } else if dictionary(self.pickle, id).is_none() {
                    self.found.skipped.insert(class_name(self.pickle, *class));
                }
            }
            _ => {}
        }
        for (key, value) in dictionary(self.pickle, id).unwrap_or_default() {
            if let Some(key) = key_text(self.pickle, key) {
                self.enter(&key, value, depth)?;
            }
        }
        Ok(())
    }

    fn enter(&mut self, key: &str, id: NodeId, depth: usize) -> Result<(), String> {
        let length = self.path.len();
        if length + key.len() >= LONGEST_PATH {
            return Err(format!("the name of a value has more than {LONGEST_PATH} bytes"));
        }
        self.path.push('/');
        self.path.push_str(key);
        self.visit(id, depth + 1)?;
        self.path.truncate(length);
        Ok(())
    }

    fn at(&self, reason: &str) -> String {
        format!("tensor `{}`: {reason}", self.path)
    }
}

/// What looking at a value costs beyond a visit: a dictionary is copied, item by item.
fn cost(node: &Node) -> usize {
    match node {
        Node::Dict(items) | Node::Object { items, .. } => items.len() / 8,
        Node::List(items) | Node::Tuple(items) | Node::Set(items) => items.len() / 8,
        Node::Text(text) => text.len() / TEXT_A_VISIT,
        _ => 0,
    }
}

/// Module and name of a class, cut where no class has so long a name.
fn class_name(pickle: &Pickle, class: NodeId) -> String {
    let Some((module, name)) = pickle.global(class) else { return "?".into() };
    module.chars().take(LONGEST_NAME).chain(['.']).chain(name.chars().take(LONGEST_NAME)).collect()
}

/// The items of a dictionary, ordered dictionary or the like; `None` for anything else.
fn dictionary(pickle: &Pickle, id: NodeId) -> Option<Vec<(NodeId, NodeId)>> {
    match pickle.node(id) {
        Node::Dict(items) => Some(items.clone()),
        Node::Object { class, arguments, items, .. } => {
            let known = matches!(
                pickle.global(*class)?,
                ("collections", "OrderedDict" | "defaultdict" | "Counter")
                    | ("builtins" | "__builtin__", "dict")
            );
            if !known {
                return None;
            }
            // Python 2 gave the items as one argument: a list of pairs.
            let given = pickle.tuple(*arguments).and_then(|arguments| arguments.first());
            let list = match given.map(|&given| pickle.node(given)) {
                Some(Node::List(pairs)) => pairs.as_slice(),
                _ => &[],
            };
            let pair = |&id: &NodeId| match pickle.node(id) {
                Node::List(pair) | Node::Tuple(pair) => pair.first().copied().zip(pair.get(1).copied()),
                _ => None,
            };
            Some(list.iter().filter_map(pair).chain(items.iter().copied()).collect())
        }
        _ => None,
    }
}

fn key_text(pickle: &Pickle, id: NodeId) -> Option<String> {
    match pickle.node(id) {
        Node::Text(text) => Some(text.clone()),
        Node::Int(n) => Some(n.to_string()),
        Node::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// The tensor that a call would have made; `None` when it is not one we know.
fn tensor(pickle: &Pickle, class: NodeId, arguments: NodeId, depth: usize) -> Result<Option<View>, String> {
    let Some(("torch._utils", function)) = pickle.global(class) else { return Ok(None) };
    let arguments = pickle.tuple(arguments).ok_or("it is made from no arguments")?;
    match function {
        "_rebuild_parameter" | "_rebuild_parameter_with_state" => {
            match arguments.first().map(|&id| pickle.node(id)) {
                Some(Node::Object { class, arguments, .. }) if depth == 0 => {
                    tensor(pickle, *class, *arguments, 1)
                }
                _ => Err("it is a parameter without a tensor".into()),
            }
        }
        "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3" => {
            let [storage, offset, shape, strides, rest @ ..] = arguments else {
                return Err("it is made from too few arguments".into());
            };
            let Some((storage, storage_dtype, storage_elements)) = storage_of(pickle, *storage)? else {
                return Ok(None);
            };
            let named = match (function, rest) {
                ("_rebuild_tensor_v3", [_, _, dtype, ..]) => pickle
                    .global(*dtype)
                    .filter(|(module, _)| *module == "torch")
                    .and_then(|(_, name)| dtype_named(name)),
                _ => storage_dtype,
            };
            let Some(dtype) = named else { return Ok(None) };
            let counts = |id: &NodeId| -> Option<Vec<u64>> {
                let all = pickle.tuple(*id).filter(|all| all.len() <= MOST_AXES)?;
                all.iter().map(|&n| pickle.count(n)).collect()
            };
            let offset = pickle.count(*offset).ok_or("its offset is no count")?;
            let shape = counts(shape).ok_or("its shape is no tuple of counts")?;
            let strides = counts(strides).ok_or("its strides are no tuple of counts")?;
            if shape.len() != strides.len() || shape.len() > MOST_AXES {
                return Err(format!("it has {} axes and {} strides", shape.len(), strides.len()));
            }
            Ok(Some(View { storage, storage_elements, dtype, offset, shape, strides }))
        }
        _ => Ok(None),
    }
}

/// Key, element type and length of a storage; the type is open for an untyped one, and `None` stands for kinds we do not read.
fn storage_of(pickle: &Pickle, id: NodeId) -> Result<Option<(String, Option<Dtype>, u64)>, String> {
    let Node::Persistent(id) = pickle.node(id) else { return Err("its storage is not in the file".into()) };
    let Some([kind, class, key, _location, elements, rest @ ..]) = pickle.tuple(*id) else {
        return Err("its storage is described by too few values".into());
    };
    if pickle.text(*kind) != Some("storage") {
        return Err("its storage is described by something else".into());
    }
    if rest.first().is_some_and(|&view| pickle.node(view) != &Node::None) {
        return Err("its storage is a view of another, as torch before 0.4 wrote; save it anew".into());
    }
    let key = key_text(pickle, *key).filter(|key| key.len() < LONGEST_PATH);
    let key = key.ok_or("its storage has no key, or an absurd one")?;
    let elements = pickle.count(*elements).ok_or("its storage has no length")?;
    let Some((_, class)) = pickle.global(*class) else { return Ok(None) };
    let dtype = match class {
        "DoubleStorage" => Dtype::Float64,
        "FloatStorage" => Dtype::Float32,
        "HalfStorage" => Dtype::Float16,
        "BFloat16Storage" => Dtype::Bfloat16,
        "LongStorage" => Dtype::Int64,
        "IntStorage" => Dtype::Int32,
        "ShortStorage" => Dtype::Int16,
        "CharStorage" => Dtype::Int8,
        "ByteStorage" => Dtype::Uint8,
        "BoolStorage" => Dtype::Bool,
        "UntypedStorage" => return Ok(Some((key, None, elements))),
        _ => return Ok(None),
    };
    Ok(Some((key, Some(dtype), elements)))
}

fn dtype_named(name: &str) -> Option<Dtype> {
    use Dtype as D;
    let all = [
        D::Float64,
        D::Float32,
        D::Float16,
        D::Bfloat16,
        D::Int64,
        D::Int32,
        D::Int16,
        D::Int8,
        D::Uint64,
        D::Uint32,
        D::Uint16,
        D::Uint8,
        D::Bool,
    ];
    all.into_iter().find(|dtype| dtype.name() == name)
}

/// What lies at `/key/index/key`, as JSON: tensors and objects by what they are, circles cut off. `None` where nothing is.
pub(super) fn json_at(pickle: &Pickle, path: &str) -> Option<Value> {
    let mut id = pickle.root;
    for step in path.split('/').filter(|step| !step.is_empty()) {
        id = match pickle.node(id) {
            Node::List(items) | Node::Tuple(items) => *items.get(step.parse::<usize>().ok()?)?,
            Node::Object { state: Some(state), .. } if dictionary(pickle, id).is_none() => {
                child(pickle, *state, step)?
            }
            _ => child(pickle, id, step)?,
        };
    }
    Some(to_json(pickle, id, 0, &mut 0))
}

fn child(pickle: &Pickle, id: NodeId, step: &str) -> Option<NodeId> {
    let items = dictionary(pickle, id)?;
    // A key that is set twice has the later value.
    items
        .into_iter()
        .rev()
        .find(|&(key, _)| key_text(pickle, key).as_deref() == Some(step))
        .map(|(_, value)| value)
}

fn to_json(pickle: &Pickle, id: NodeId, depth: usize, visits: &mut usize) -> Value {
    *visits += 1 + cost(pickle.node(id));
    if depth > DEEPEST || *visits > MOST_JSON_VISITS {
        return json!("…");
    }
    if let Some(items) = dictionary(pickle, id) {
        let mut map = Map::new();
        for (key, value) in items {
            if let Some(key) = key_text(pickle, key) {
                *visits += key.len() / TEXT_A_VISIT;
                map.insert(key, to_json(pickle, value, depth + 1, visits));
            }
        }
        return map.into();
    }
    match pickle.node(id) {
        Node::Bool(b) => (*b).into(),
        Node::Int(n) => (*n).into(),
        Node::LongInt(bytes) => format!("integer of {} bytes", bytes.len()).into(),
        Node::Float(x) => (*x).into(),
        Node::Text(text) => text.as_str().into(),
        Node::Bytes(bytes) => format!("{} bytes", bytes.len()).into(),
        Node::List(items) | Node::Tuple(items) | Node::Set(items) => {
            items.iter().map(|&item| to_json(pickle, item, depth + 1, visits)).collect()
        }
        Node::None | Node::Dict(_) | Node::Persistent(_) => Value::Null,
        Node::Global { .. } => {
            *visits += LONGEST_NAME / TEXT_A_VISIT;
            json!({ "class": class_name(pickle, id) })
        }
        Node::Object { class, arguments, state, .. } => {
            if let Ok(Some(view)) = tensor(pickle, *class, *arguments, 0) {
                *visits += view.shape.len();
                return json!({ "tensor": view.dtype.name(), "shape": view.shape });
            }
            *visits += LONGEST_NAME / TEXT_A_VISIT;
            let mut inner = |id: NodeId| to_json(pickle, id, depth + 1, visits);
            let (arguments, state) = (inner(*arguments), state.map(inner));
            json!({ "class": class_name(pickle, *class), "arguments": arguments, "state": state })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pickle::read;

    /// A list of two references to a list of two references, and so on.
    fn doubled(levels: usize) -> Pickle {
        let mut bytes = b"]q\0".to_vec();
        for level in 0..levels {
            let (below, above) = (level as u8, level as u8 + 1);
            bytes.extend([b']', b'q', above, b'(', b'h', below, b'h', below, b'e', b'0', b'h', above, b'0']);
        }
        bytes.extend([b'h', levels as u8, b'.']);
        read(&bytes).unwrap()
    }

    #[test]
    fn exponentially_many_ways_are_cut_off() {
        assert!(find_tensors(&doubled(10)).is_ok());
        assert!(find_tensors(&doubled(60)).is_err());
        assert!(json_at(&doubled(60), "/").is_some());
    }

    #[test]
    fn circles_are_cut_off() {
        let pickle = read(b"]q\0h\0a.").unwrap();
        assert!(find_tensors(&pickle).is_err());
        assert!(json_at(&pickle, "/0/0/0").is_some());
    }

    #[test]
    fn a_key_set_twice_has_the_later_value() {
        let pickle = read(b"}(U\x01aK\x01U\x01aK\x02u.").unwrap();
        assert_eq!(json_at(&pickle, "/a"), Some(json!(2)));
        assert_eq!(json_at(&pickle, "/"), Some(json!({"a": 2})));
        assert_eq!(json_at(&pickle, "/b"), None);
    }
}

//! What a pickle describes, as data. Values refer to each other by number, so shared and circular ones cost nothing.

/// Number of a value.
pub(super) type NodeId = u32;

/// One value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// Little-endian two's complement of more than 64 bits.
    LongInt(Vec<u8>),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<NodeId>),
    Tuple(Vec<NodeId>),
    Set(Vec<NodeId>),
    Dict(Vec<(NodeId, NodeId)>),
    /// A name of Python code. It is only ever compared with names we know.
    Global {
        module: String,
        name: String,
    },
    /// What torch keeps outside the pickle: a storage.
    Persistent(NodeId),
    /// What calling a global would have made.
    Object {
        class: NodeId,
        arguments: NodeId,
        state: Option<NodeId>,
        items: Vec<(NodeId, NodeId)>,
        list: Vec<NodeId>,
    },
}

/// A read pickle.
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// Bytes it took, `STOP` included.
    pub(super) length: usize,
}

impl Pickle {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn global(&self, id: NodeId) -> Option<(&str, &str)> {
        match self.node(id) {
            Node::Global { module, name } => Some((module, name)),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, id: NodeId) -> Option<u64> {
        match self.node(id) {
            Node::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }
}

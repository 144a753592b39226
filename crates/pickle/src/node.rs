//! What a pickle describes, as data. Values refer to each other by number, so shared and circular ones cost nothing.

/// Number of a value.
pub type NodeId = u32;

/// One value of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Python's `None`.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Little-endian two's complement of more than 64 bits.
    LongInt(Vec<u8>),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<NodeId>),
    /// A tuple.
    Tuple(Vec<NodeId>),
    /// A set, frozen or not.
    Set(Vec<NodeId>),
    /// Keys and values, in the order they were set.
    Dict(Vec<(NodeId, NodeId)>),
    /// A name of Python code. It is only ever compared with names we know.
    Global {
        /// Where Python would look for it.
        module: String,
        /// What it is called there.
        name: String,
    },
    /// What torch keeps outside the pickle: a storage.
    Persistent(NodeId),
    /// What calling a global would have made.
    Object {
        /// What would have been called.
        class: NodeId,
        /// With which arguments.
        arguments: NodeId,
        /// What would have been set afterwards.
        state: Option<NodeId>,
        /// Items set in it.
        items: Vec<(NodeId, NodeId)>,
        /// Values appended to it.
        list: Vec<NodeId>,
    },
}

/// A read pickle.
pub struct Pickle {
    /// All values; a value's number is its place.
    pub nodes: Vec<Node>,
    /// The value that the whole describes.
    pub root: NodeId,
    /// Bytes it took, `STOP` included.
    pub length: usize,
}

impl Pickle {
    /// A value.
    ///
    /// # Panics
    /// For a number that is not of this pickle.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    /// Module and name, where the value is a global.
    pub fn global(&self, id: NodeId) -> Option<(&str, &str)> {
        match self.node(id) {
            Node::Global { module, name } => Some((module, name)),
            _ => None,
        }
    }

    /// The items of a tuple.
    pub fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn count(&self, id: NodeId) -> Option<u64> {
        match self.node(id) {
            Node::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }
}

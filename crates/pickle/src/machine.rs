//! Runs a pickle, protocols 0 to 5, as a description of data: nothing is imported and nothing is called.
//!
//! Source: the opcodes of Python's `pickletools`. Every operation checks the stack; sizes are checked against what is left of
//! the input before anything is allocated. Values, texts, stack, memo and marks are bounded, so that no pickle needs more than
//! some 80 MB or a second, whatever it says.

use std::collections::HashMap;

use crate::danger::runs_code;
use crate::node::{Node, NodeId, Pickle};

/// A checkpoint of a billion parameters has some ten thousand values, with optimiser state and dictionaries; this leaves room.
const MOST_NODES: usize = 250_000;
/// Bytes of all texts, lists and dictionaries together.
const MOST_BYTES: usize = 16 << 20;
const MOST_MARKS: usize = 1 << 16;
const DEEPEST_STACK: usize = 1 << 20;
/// A line that is quoted in a message.
const LONGEST_QUOTE: usize = 40;

/// Why a pickle cannot be read.
type Failure = String;

/// Reads the pickle that `bytes` start with. The error says, in words for the one who gave the file, what is wrong and where.
pub fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine {
        bytes,
        position: 0,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        held: 0,
    };
    loop {
        let at = machine.position;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => return Ok(Pickle { nodes: machine.nodes, root, length: machine.position }),
            Err(reason) => return Err(format!("its pickle cannot be read at byte {at}: {reason}")),
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    marks: Vec<usize>,
    memo: HashMap<u64, NodeId>,
    /// Bytes of texts, lists and dictionaries so far.
    held: usize,
}

impl<'a> Machine<'a> {
    /// One operation; the result when it is `STOP`.
    fn step(&mut self) -> Result<Option<NodeId>, Failure> {
        match self.array::<1>()?[0] {
            b'.' => return self.pop().map(Some),
            0x80 => drop(self.array::<1>()?),
            0x95 => drop(self.array::<8>()?),
            b'(' => {
                if self.marks.len() >= MOST_MARKS {
                    return Err("it nests too deep".into());
                }
                self.marks.push(self.stack.len());
            }
            b'0' => {
                // POP takes a mark away when that is what lies on top.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.push_id(top)?;
            }
            b'N' => self.push(Node::None)?,
            0x88 => self.push(Node::Bool(true))?,
            0x89 => self.push(Node::Bool(false))?,
            b'I' => self.text_int()?,
            b'L' => {
                let line = self.line()?;
                let number = line.trim_end_matches('L').parse().map_err(|_| no_number(line))?;
                self.push(Node::Int(number))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Node::Int(number.into()))?;
            }
            b'K' => {
                let number = self.array::<1>()?[0];
                self.push(Node::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Node::Int(number.into()))?;
            }
            0x8a => {
                let length = self.size1()?;
                self.long(length)?;
            }
            0x8b => {
                let length = self.size4()?;
                self.long(length)?;
            }
            b'F' => {
                let line = self.line()?;
                let number = line.parse().map_err(|_| no_number(line))?;
                self.push(Node::Float(number))?;
            }
            b'G' => {
                let number = f64::from_be_bytes(self.array()?);
                self.push(Node::Float(number))?;
            }
            b'S' => {
                let line = self.line()?;
                self.push_text(line.trim_matches(['\'', '"']).as_bytes())?;
            }
            b'V' => {
                let line = self.line()?;
                self.push_text(line.as_bytes())?;
            }
            b'U' | 0x8c => {
                let length = self.size1()?;
                let bytes = self.take(length)?;
                self.push_text(bytes)?;
            }
            b'T' | b'X' => {
                let length = self.size4()?;
                let bytes = self.take(length)?;
                self.push_text(bytes)?;
            }
            0x8d => {
                let length = self.size8()?;
                let bytes = self.take(length)?;
                self.push_text(bytes)?;
            }
            b'C' => {
                let length = self.size1()?;
                self.push_bytes(length)?;
            }
            b'B' => {
                let length = self.size4()?;
                self.push_bytes(length)?;
            }
            0x8e | 0x96 => {
                let length = self.size8()?;
                self.push_bytes(length)?;
            }
            other => self.step_structure(other)?,
        }
        Ok(None)
    }

    /// Operations on containers, globals and the memo.
    fn step_structure(&mut self, operation: u8) -> Result<(), Failure> {
        match operation {
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x8f => self.push(Node::Set(Vec::new())),
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items))
            }
            0x91 => {
                let items = self.pop_mark()?;
                self.push(Node::Set(items))
            }
            b'd' => {
                let pairs = pairs(&self.pop_mark()?)?;
                self.push(Node::Dict(pairs))
            }
            0x85..=0x87 => {
                let length = usize::from(operation - 0x84);
                let from = self.above_mark(length)?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.append(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(vec![(key, value)])
            }
            b'u' => {
                let pairs = pairs(&self.pop_mark()?)?;
                self.set_items(pairs)
            }
            b'c' => {
                let global = self.global_of_lines()?;
                self.push(global)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let length = |id: NodeId| match &self.nodes[id as usize] {
                    Node::Text(text) => Ok(text.len()),
                    _ => Err("a global is not named by text"),
                };
                // Counted before it is copied: the same long text can name many globals.
                self.hold(length(module)? + length(name)?)?;
                let text = |id: NodeId| match &self.nodes[id as usize] {
                    Node::Text(text) => text.clone(),
                    _ => String::new(),
                };
                let global = Node::Global { module: text(module), name: text(name) };
                self.push(global)
            }
            b'R' | 0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.object(class, arguments)
            }
            0x92 => {
                let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.object(class, arguments)
            }
            b'o' => {
                let mut items = self.pop_mark()?.into_iter();
                let class = items.next().ok_or("an object has no class")?;
                self.object_of(class, items.collect())
            }
            b'i' => {
                let global = self.global_of_lines()?;
                let items = self.pop_mark()?;
                let class = self.add(global)?;
                self.object_of(class, items)
            }
            b'b' => {
                let given = self.pop()?;
                let target = self.top()?;
                // The state of anything but an object would run code of its class; it is left alone.
                if let Node::Object { state, .. } = &mut self.nodes[target as usize] {
                    *state = Some(given);
                }
                Ok(())
            }
            b'P' => {
                let line = self.line()?;
                let text = self.text(line.as_bytes())?;
                let id = self.add(text)?;
                self.push(Node::Persistent(id))
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id))
            }
            b'p' | b'g' => {
                let line = self.line()?;
                let key = line.parse().map_err(|_| no_number(line))?;
                if operation == b'p' { self.put(key) } else { self.get(key) }
            }
            b'q' => {
                let key = self.array::<1>()?[0];
                self.put(key.into())
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.put(key.into())
            }
            0x94 => self.put(self.memo.len() as u64),
            b'h' => {
                let key = self.array::<1>()?[0];
                self.get(key.into())
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.get(key.into())
            }
            other => Err(format!("operation {other:#04x} is not one of a checkpoint")),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let rest = &self.bytes[self.position..];
        let taken =
            rest.get(..length).ok_or_else(|| format!("{length} bytes are due, {} are left", rest.len()))?;
        self.position += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn line(&mut self) -> Result<&'a str, Failure> {
        let rest = &self.bytes[self.position..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or("a line does not end")?;
        self.position += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| "a line is not text".into())
    }

    fn size1(&mut self) -> Result<usize, Failure> {
        Ok(self.array::<1>()?[0].into())
    }

    fn size4(&mut self) -> Result<usize, Failure> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn size8(&mut self) -> Result<usize, Failure> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| "a length is absurd".into())
    }

    fn add(&mut self, node: Node) -> Result<NodeId, Failure> {
        if let Node::Global { module, name } = &node
            && runs_code(module, name)
        {
            let name: String = format!("{module}.{name}").chars().take(LONGEST_QUOTE).collect();
            return Err(format!(
                "it names `{name}`, which runs code when Python opens the file; do not open it elsewhere"
            ));
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} values"));
        }
        self.nodes.push(node);
        Ok((self.nodes.len() - 1) as NodeId)
    }

    fn push(&mut self, node: Node) -> Result<(), Failure> {
        let id = self.add(node)?;
        self.push_id(id)
    }

    fn push_id(&mut self, id: NodeId) -> Result<(), Failure> {
        if self.stack.len() >= DEEPEST_STACK {
            return Err("its stack grows too deep".into());
        }
        self.stack.push(id);
        Ok(())
    }

    /// Where the `length` topmost values begin; they must lie above the last mark.
    fn above_mark(&self, length: usize) -> Result<usize, Failure> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack
            .len()
            .checked_sub(length)
            .filter(|&from| from >= floor)
            .ok_or_else(|| "its stack runs empty".into())
    }

    fn top(&self) -> Result<NodeId, Failure> {
        self.above_mark(1).map(|from| self.stack[from])
    }

    fn pop(&mut self) -> Result<NodeId, Failure> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The values above the last mark. They are counted here, and again by a container that keeps them.
    fn pop_mark(&mut self) -> Result<Vec<NodeId>, Failure> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        self.hold((self.stack.len() - mark) * size_of::<NodeId>())?;
        Ok(self.stack.split_off(mark))
    }

    fn text_int(&mut self) -> Result<(), Failure> {
        let line = self.line()?;
        let node = match line {
            "00" => Node::Bool(false),
            "01" => Node::Bool(true),
            _ => Node::Int(line.trim().parse().map_err(|_| no_number(line))?),
        };
        self.push(node)
    }

    fn long(&mut self, length: usize) -> Result<(), Failure> {
        let bytes = self.take(length)?;
        let node = if length <= 8 {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut whole = if negative { [0xff; 8] } else { [0; 8] };
            whole[..length].copy_from_slice(bytes);
            Node::Int(i64::from_le_bytes(whole))
        } else {
            self.hold(length)?;
            Node::LongInt(bytes.to_vec())
        };
        self.push(node)
    }

    fn text(&mut self, bytes: &[u8]) -> Result<Node, Failure> {
        // Three times, because a byte that is no text becomes a mark of three.
        self.hold(if bytes.is_ascii() { bytes.len() } else { 3 * bytes.len() })?;
        // Python lets lone surrogates through; such text is nobody's tensor name.
        Ok(Node::Text(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn push_text(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let text = self.text(bytes)?;
        self.push(text)
    }

    fn global_of_lines(&mut self) -> Result<Node, Failure> {
        let (module, name) = (self.line()?, self.line()?);
        self.hold(module.len() + name.len())?;
        Ok(Node::Global { module: module.to_owned(), name: name.to_owned() })
    }

    fn push_bytes(&mut self, length: usize) -> Result<(), Failure> {
        let bytes = self.take(length)?;
        self.hold(length)?;
        self.push(Node::Bytes(bytes.to_vec()))
    }

    /// Counts bytes that are about to be kept.
    fn hold(&mut self, bytes: usize) -> Result<(), Failure> {
        self.held = self.held.saturating_add(bytes);
        if self.held > MOST_BYTES {
            return Err(format!("its texts and lists have more than {MOST_BYTES} bytes"));
        }
        Ok(())
    }

    fn append(&mut self, more: Vec<NodeId>) -> Result<(), Failure> {
        self.hold(size_of_val(more.as_slice()))?;
        let target = self.top()?;
        match &mut self.nodes[target as usize] {
            Node::List(items) | Node::Set(items) | Node::Object { list: items, .. } => items.extend(more),
            _ => return Err("something is appended to what is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, more: Vec<(NodeId, NodeId)>) -> Result<(), Failure> {
        self.hold(size_of_val(more.as_slice()))?;
        let target = self.top()?;
        match &mut self.nodes[target as usize] {
            Node::Dict(items) | Node::Object { items, .. } => items.extend(more),
            _ => return Err("an item is set in what is no dictionary".into()),
        }
        Ok(())
    }

    fn object(&mut self, class: NodeId, arguments: NodeId) -> Result<(), Failure> {
        self.push(Node::Object { class, arguments, state: None, items: Vec::new(), list: Vec::new() })
    }

    fn object_of(&mut self, class: NodeId, arguments: Vec<NodeId>) -> Result<(), Failure> {
        let arguments = self.add(Node::Tuple(arguments))?;
        self.object(class, arguments)
    }

    fn put(&mut self, key: u64) -> Result<(), Failure> {
        if self.memo.len() >= MOST_NODES {
            return Err("its memo grows too large".into());
        }
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn get(&mut self, key: u64) -> Result<(), Failure> {
        let id = *self.memo.get(&key).ok_or_else(|| format!("its memo has no {key}"))?;
        self.push_id(id)
    }
}

fn no_number(line: &str) -> Failure {
    let quote: String = line.chars().take(LONGEST_QUOTE).collect();
    format!("`{quote}` is no number")
}

fn pairs(items: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>, Failure> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err("a key has no value".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn containers_share_their_values() {
        // x = [1]; {"a": x, "b": x}, protocol 2.
        let pickle = read(b"\x80\x02}q\0(X\x01\0\0\0a]q\x01K\x01aX\x01\0\0\0bh\x01u.").unwrap();
        let Node::Dict(items) = pickle.node(pickle.root) else { panic!("no dictionary") };
        assert_eq!(items[0].1, items[1].1);
        assert_eq!(pickle.text(items[1].0), Some("b"));
    }

    #[test]
    fn long_integers_keep_their_sign() {
        for (bytes, value) in [(&b"\x8a\0."[..], 0), (b"\x8a\x01\xff.", -1), (b"\x8a\x02\xff\x00.", 255)] {
            let pickle = read(bytes).unwrap();
            assert_eq!(pickle.node(pickle.root), &Node::Int(value));
        }
    }

    #[test]
    fn hostile_pickles_are_errors() {
        for bytes in [
            &b""[..],
            b".",
            b"(.",
            b"R.",
            b"K\x01a.",
            b"h\x05.",
            b"X\xff\xff\xff\xffabc.",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x82\x01.",
            b"(K\x01d.",
            b"K\x01(\x85.",
            b"u.",
            b"cos\n",
            b"t.",
            b"Iabc\n.",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&vec![b'('; 10 << 20]).is_err());
        assert!(read(&vec![b'N'; 10 << 20]).is_err());
        // A long text that names a global again and again, five bytes each time.
        let long = [&b"X\x00\x00\x10\x00"[..], &vec![b'a'; 1 << 20], b"q\0"].concat();
        assert!(read(&[&long[..], &b"h\0h\0\x93".repeat(100), b"."].concat()).is_err());
        // A tuple of a thousand values, made a hundred thousand times.
        let many = [b"(".as_slice(), &b"2".repeat(1000), b"t0"].concat();
        assert!(read(&[b"N".as_slice(), &many.repeat(10_000), b"."].concat()).is_err());
        let calls_a_shell = read(b"cos\nsystem\n(S'echo owned'\ntR.").err().unwrap();
        assert!(calls_a_shell.contains("`os.system`"), "{calls_a_shell}");
        let unknown = read(b"cstudio\nMixer\n(S'echo owned'\ntR.").unwrap();
        assert!(matches!(unknown.node(unknown.root), Node::Object { .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"()]}tuasRbQq\0h\0N.0K\x01X\x85\x93\x94".to_vec())], 0..60)) {
            let _ = read(&bytes);
        }
    }
}

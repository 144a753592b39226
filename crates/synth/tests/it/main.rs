//! What the built-in corpus promises to those who train on it.

mod rendering;
mod traditions;

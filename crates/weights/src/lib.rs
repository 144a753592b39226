//! Model files: read, check, write, convert, merge.

//! The program as users meet it: arguments, exit codes, files.

#![allow(clippy::unwrap_used, reason = "a test that cannot start fails")]

mod array;
mod command;
mod crashes;
mod datasets;
mod disk;
mod documentation;
mod evaluate;
mod explore;
mod formats;
mod heads;
mod help;
mod hostile;
mod pipeline;
mod resume;
mod study;
mod wrong;
mod zoo;

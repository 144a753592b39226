//! The program as users meet it: arguments, exit codes, files.

#![allow(clippy::unwrap_used, reason = "a test that cannot start fails")]

mod array;
#[cfg(unix)]
mod book;
mod card;
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
mod ranks;
mod resume;
mod studies;
mod study;
mod sweep;
mod wrong;
mod zoo;

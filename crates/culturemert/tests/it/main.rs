//! The program as users meet it: arguments, exit codes, files.

#![allow(clippy::unwrap_used, reason = "a test that cannot start fails")]

mod array;
mod command;
mod crashes;
mod disk;
mod formats;
mod heads;
mod hostile;
mod pipeline;
mod resume;
mod study;
mod wrong;
mod zoo;

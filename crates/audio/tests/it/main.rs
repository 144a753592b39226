//! The crate against recordings, golden numbers and damaged files.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod constant_q;
mod curious;
mod folder;
mod hostile;
mod log_mel;
mod makers;
mod recordings;
mod resampling;
mod wav_files;

//! TensorBoard's event files: scalars by update.
//!
//! A file is a row of records: length (u64, little-endian), masked CRC-32C of its 8 bytes, the message, masked CRC-32C of the message.
//! A message is an `Event` in protocol buffers: `wall_time = 1` (double), `step = 2` (varint), and one of `file_version = 3` (string),
//! `summary = 5` (`Summary { value = 1: Value { tag = 1, simple_value = 2 (float) } }`), `session_log = 7` (`status = 1`).
//! Source: TensorFlow's `event.proto`, `summary.proto` and `record_writer.cc`. A resumed run begins a file of its own whose session log
//! tells the reader to forget later steps of the files before.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::PretrainError;
use crate::crc32c::masked_crc32c;
use crate::record::{Accuracies, LogLine, Losses};

/// `SessionLog.SessionStatus.START`.
const SESSION_START: u64 = 1;

/// An event file that is being written.
pub struct TensorBoard {
    writer: BufWriter<File>,
    path: PathBuf,
}

impl TensorBoard {
    /// Begins an event file in `folder` (made if absent) for a run that goes on after `completed` updates.
    pub fn open(folder: &Path, completed: u64) -> Result<Self, PretrainError> {
        files::create_directories(folder)?;
        let goes_on = completed > 0 || holds_files(folder)?;
        let (file, path) = new_file(folder)?;
        let mut board = Self { writer: BufWriter::new(file), path };
        let mut version = header(0);
        bytes_field(&mut version, 3, b"brain.Event:2");
        board.record(&version)?;
        if goes_on {
            let mut session = Vec::new();
            varint_field(&mut session, 1, SESSION_START);
            // What is measured before the first update has step 0.
            let mut event = header(if completed > 0 { completed + 1 } else { 0 });
            bytes_field(&mut event, 7, &session);
            board.record(&event)?;
        }
        board.flush()?;
        Ok(board)
    }

    /// Adds the numbers of a line of the log. Those that are not finite are left out: TensorBoard has no place for them.
    pub fn write(&mut self, line: &LogLine) -> Result<(), PretrainError> {
        self.scalars(line.update(), &scalars(line))
    }

    /// Adds named numbers at `step`.
    pub fn scalars(&mut self, step: u64, scalars: &[(String, f64)]) -> Result<(), PretrainError> {
        let mut summary = Vec::new();
        for (tag, value) in scalars.iter().filter(|(_, value)| value.is_finite()) {
            let mut entry = Vec::new();
            bytes_field(&mut entry, 1, tag.as_bytes());
            key(&mut entry, 2, 5);
            entry.extend_from_slice(&(*value as f32).to_le_bytes());
            bytes_field(&mut summary, 1, &entry);
        }
        let mut event = header(step);
        bytes_field(&mut event, 5, &summary);
        self.record(&event)
    }

    /// Hands everything to the system, so that a viewer sees it.
    pub fn flush(&mut self) -> Result<(), PretrainError> {
        self.writer.flush().map_err(PretrainError::io("write", &self.path))
    }

    fn record(&mut self, message: &[u8]) -> Result<(), PretrainError> {
        let length = (message.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(message.len() + 16);
        record.extend_from_slice(&length);
        record.extend_from_slice(&masked_crc32c(&length).to_le_bytes());
        record.extend_from_slice(message);
        record.extend_from_slice(&masked_crc32c(message).to_le_bytes());
        self.writer.write_all(&record).map_err(PretrainError::io("write", &self.path))
    }
}

fn holds_files(folder: &Path) -> Result<bool, PretrainError> {
    Ok(fs::read_dir(folder).map_err(PretrainError::io("list", folder))?.next().is_some())
}

/// Makes a file that no other run writes; names sort in the order of their beginnings, which is the order viewers read them in.
fn new_file(folder: &Path) -> Result<(File, PathBuf), PretrainError> {
    let seconds = now() as u64;
    for serial in 0u32.. {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.{serial:05}.culturemert"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(PretrainError::io("create", &path)(error)),
        }
    }
    unreachable!("2^32 event files began in one second")
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn header(step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, 1);
    event.extend_from_slice(&now().to_le_bytes());
    varint_field(&mut event, 2, step);
    event
}

fn key(message: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(message, field << 3 | wire_type);
}

fn varint_field(message: &mut Vec<u8>, field: u64, value: u64) {
    key(message, field, 0);
    varint(message, value);
}

fn bytes_field(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key(message, field, 2);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// Names and values of a line, in groups that TensorBoard shows together.
fn scalars(line: &LogLine) -> Vec<(String, f64)> {
    let mut scalars = Vec::new();
    match line {
        LogLine::Update(record) => {
            losses(&mut scalars, "train", "", &record.loss, &record.accuracy);
            let mut add = |tag: &str, value: f64| scalars.push((tag.to_owned(), value));
            add("step/learning_rate", record.learning_rate);
            add("step/gradient_norm", record.gradient_norm);
            add("step/clip_factor", record.clip_factor);
            add("step/skipped", f64::from(u8::from(record.skipped)));
            add("step/spike", f64::from(u8::from(record.spike)));
            add("step/masked_frames", record.masked_frames as f64);
            if let Some(scale) = record.loss_scale {
                add("step/loss_scale", scale);
            }
            for (tag, bytes) in [
                ("now", record.memory_bytes),
                ("peak", record.memory_peak_bytes),
                ("card_now", record.card_memory_bytes),
                ("card_peak", record.card_memory_peak_bytes),
            ] {
                if let Some(bytes) = bytes {
                    add(&format!("memory_gib/{tag}"), bytes as f64 / f64::from(1 << 30));
                }
            }
            add("seconds/loading", record.seconds.loading);
            if record.ranks > 1 {
                add("seconds/exchanging", record.seconds.exchanging);
            }
            add("seconds/waiting_share", record.waiting_share());
            add("seconds/computing", record.seconds.computing);
            add("seconds/total", record.seconds.total);
            add("seconds/audio_per_second", record.audio_seconds_per_second);
        }
        LogLine::HeldOut(record) => {
            losses(&mut scalars, "held_out", &format!("/{}", record.culture), &record.loss, &record.accuracy);
        }
        LogLine::RolledBack(record) => {
            scalars.push(("step/rolled_back_to".to_owned(), record.restored as f64));
        }
        LogLine::Drift(_) => {}
    }
    scalars
}

fn losses(scalars: &mut Vec<(String, f64)>, group: &str, end: &str, loss: &Losses, accuracy: &Accuracies) {
    let mut add = |name: &str, value: f64| scalars.push((format!("{group}/{name}{end}"), value));
    add("loss", loss.total);
    add("codes_masked", loss.masked());
    for (book, &value) in loss.masked_codebooks.iter().enumerate() {
        add(&format!("codes_masked_{book}"), value);
    }
    for (book, &value) in loss.unmasked_codebooks.iter().enumerate() {
        add(&format!("codes_unmasked_{book}"), value);
    }
    add("features_penalty", loss.features_penalty);
    add("cqt", loss.cqt);
    add("accuracy_masked", accuracy.masked);
    if let Some(unmasked) = accuracy.unmasked {
        add("accuracy_unmasked", unmasked);
    }
}

#[cfg(test)]
pub(crate) mod tests;

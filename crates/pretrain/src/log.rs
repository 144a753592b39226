//! `log.jsonl`: one JSON object a line, appended after each update.
//!
//! A resumed run goes on after the update of its checkpoint: lines of later updates, which will be written again, are cut, and so is a last
//! line that a kill left unfinished. Cutting rewrites the file beside and renames it. Any other line that cannot be read is an error.

use std::path::{Path, PathBuf};

use files::GrowingFile;

use crate::PretrainError;
use crate::record::LogLine;

/// A log that is being written.
pub struct Log {
    file: GrowingFile,
    path: PathBuf,
}

impl Log {
    /// Opens the log at `path` to go on after `completed` updates (0: an empty log). `remeasured`: the measurement after that update is made
    /// again, so what there is of it goes.
    pub fn open(path: &Path, completed: u64, remeasured: bool) -> Result<Self, PretrainError> {
        let stays = |line: &LogLine| {
            let is_remeasured =
                remeasured && line.update() == completed && matches!(line, LogLine::HeldOut(_));
            completed > 0 && line.update() <= completed && !is_remeasured
        };
        if path.exists() {
            let text = std::fs::read(path).map_err(PretrainError::io("read", path))?;
            let mut kept = String::new();
            for line in lines(path, &text)?.iter().filter(|line| stays(line)) {
                kept.push_str(&to_json(path, line)?);
                kept.push('\n');
            }
            if kept.as_bytes() != text {
                files::write_atomic(path, kept.as_bytes())?;
            }
        }
        Ok(Self { file: GrowingFile::open(path)?, path: path.into() })
    }

    /// Appends a line. One write a line, so a kill leaves whole lines but for the last.
    pub fn write(&mut self, line: &LogLine) -> Result<(), PretrainError> {
        let text = to_json(&self.path, line)? + "\n";
        Ok(self.file.append(text.as_bytes())?)
    }

    /// Brings what was written to the disk; before each checkpoint, so that no checkpoint is newer than the log.
    pub fn sync(&mut self) -> Result<(), PretrainError> {
        Ok(self.file.sync()?)
    }

    /// Reads a log; a last line without an end is left out.
    pub fn read(path: &Path) -> Result<Vec<LogLine>, PretrainError> {
        lines(path, &std::fs::read(path).map_err(PretrainError::io("read", path))?)
    }
}

fn to_json(path: &Path, line: &LogLine) -> Result<String, PretrainError> {
    serde_json::to_string(line).map_err(|error| PretrainError::damaged(path, error))
}

fn lines(path: &Path, text: &[u8]) -> Result<Vec<LogLine>, PretrainError> {
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let lines = text[..whole].split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let wrong = |error: serde_json::Error| {
                PretrainError::damaged(path, format!("line {} is no line of a log: {error}", index + 1))
            };
            serde_json::from_slice(line).map_err(wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Accuracies, HeldOutRecord, Losses, Timing, UpdateRecord};

    fn update(update: u64) -> LogLine {
        LogLine::Update(UpdateRecord {
            update,
            stage: "stabilise".into(),
            stage_update: update,
            loss: Losses {
                total: 12.5 / update as f64,
                masked_codebooks: vec![0.1, 3.0],
                cqt: 1e-9,
                ..Losses::default()
            },
            accuracy: Accuracies { masked: 0.25, ..Accuracies::default() },
            gradient_norm: 1.0 / 3.0,
            ranks: 1,
            seconds: Timing { loading: 0.1, computing: 0.7, total: 0.8, ..Timing::default() },
            memory_bytes: Some(1 << 33),
            ..UpdateRecord::default()
        })
    }

    fn held_out(update: u64) -> LogLine {
        LogLine::HeldOut(HeldOutRecord { update, culture: "carnatic".into(), ..HeldOutRecord::default() })
    }

    #[test]
    fn lines_are_read_back_and_resuming_cuts_what_comes_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = Log::open(&path, 0, false).unwrap();
        let all = [held_out(0), update(1), update(2), held_out(2), update(3)];
        for line in &all {
            log.write(line).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(Log::read(&path).unwrap(), all);
        let mut resumed = Log::open(&path, 2, false).unwrap();
        assert_eq!(Log::read(&path).unwrap(), all[..4]);
        resumed.write(&all[4]).unwrap();
        assert_eq!(Log::read(&path).unwrap(), all);
        drop(Log::open(&path, 2, true).unwrap());
        assert_eq!(Log::read(&path).unwrap(), all[..3]);
        drop(Log::open(&path, 0, false).unwrap());
        assert_eq!(Log::read(&path).unwrap(), []);
    }

    #[test]
    fn an_unfinished_line_is_cut_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        Log::open(&path, 0, false).unwrap().write(&update(1)).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..40])).unwrap();
        let mut log = Log::open(&path, 5, false).unwrap();
        log.write(&update(2)).unwrap();
        assert_eq!(Log::read(&path).unwrap(), [update(1), update(2)]);
        std::fs::write(&path, format!("{whole}{{\"kind\":3}}\n{whole}")).unwrap();
        let message = Log::open(&path, 5, false).err().unwrap().to_string();
        assert!(message.contains("log.jsonl") && message.contains("line 2"), "{message}");
    }

    #[test]
    fn a_norm_that_is_not_finite_is_null() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = Log::open(&path, 0, false).unwrap();
        let skipped = UpdateRecord {
            update: 1,
            skipped: true,
            gradient_norm: f64::INFINITY,
            loss: Losses { masked_codebooks: vec![1.0, f64::NAN], ..Losses::default() },
            ..UpdateRecord::default()
        };
        log.write(&LogLine::Update(skipped)).unwrap();
        let [LogLine::Update(read)] = &Log::read(&path).unwrap()[..] else {
            panic!("one update was written")
        };
        assert!(read.skipped && read.gradient_norm.is_nan() && read.loss.masked_codebooks[1].is_nan());
        drop(Log::open(&path, 1, false).unwrap());
    }
}

//! What a run writes down while it trains: the log and TensorBoard's files. One rank of a run keeps them; the others have none.

use crate::record::DriftRecord;
use crate::{Log, LogLine, PretrainError, RunFolder, TensorBoard, TrainState};

/// Log and TensorBoard.
pub(super) struct Books {
    log: Log,
    board: TensorBoard,
}

impl Books {
    /// Opens them to go on where `state` stands. Accepted changes stand in the log too, from the update on at which they took hold.
    pub(super) fn open(folder: &RunFolder, state: &TrainState) -> Result<Self, PretrainError> {
        let mut books = Self {
            log: Log::open(&folder.log(), state.update, state.unmeasured)?,
            board: TensorBoard::open(&folder.tensorboard(), state.update)?,
        };
        let drift = |line| if let LogLine::Drift(drift) = line { Some(drift.changes) } else { None };
        let mut logged: Vec<_> = Log::read(&folder.log())?.into_iter().filter_map(drift).collect();
        for drift in folder.identity()?.drifts {
            // The same change may have been made twice, with its opposite between.
            if let Some(at) = logged.iter().position(|changes| *changes == drift.changes) {
                logged.remove(at);
            } else {
                let update = drift.update.min(state.update);
                books.write(&LogLine::Drift(DriftRecord { update, ..drift }))?;
            }
        }
        Ok(books)
    }

    pub(super) fn write(&mut self, line: &LogLine) -> Result<(), PretrainError> {
        self.log.write(line)?;
        self.board.write(line)
    }

    /// Brings everything to the disk.
    pub(super) fn sync(&mut self) -> Result<(), PretrainError> {
        self.log.sync()?;
        self.board.flush()
    }
}

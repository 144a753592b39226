//! What a run leaves and its resumption reads: the log, and state, weights and moments of a checkpoint. Event files are only written.
#![no_main]

use culturemert_fuzz::{Room, pieces};
use libfuzzer_sys::fuzz_target;
use pretrain::{Checkpoints, Log, Retention};

const FILES: [&str; 3] = ["weights.safetensors", "optimizer.safetensors", "state.json"];

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let pieces = pieces(bytes);
    let piece = |i: usize| pieces.get(i).copied().unwrap_or_default();
    let directory = room.directory(&[], b"");
    let log = room.file("log.jsonl", piece(0));
    let _ = Log::read(&log);
    let _ = Log::open(&log, 1, true);
    // The hashes are right, as those of a hostile checkpoint would be.
    let mut commit = String::new();
    for (i, name) in FILES.iter().enumerate() {
        room.file(&format!("checkpoints/000001/{name}"), piece(1 + i));
        commit += &format!("{}  {name}\n", files::hash_bytes(piece(1 + i)));
    }
    room.file("checkpoints/000001/COMMIT", commit.as_bytes());
    if let Ok(newest) = Checkpoints::new(directory.join("checkpoints"), Retention::newest(2)).newest()
        && let Some(checkpoint) = newest.checkpoint
    {
        let _ = (checkpoint.weights(), checkpoint.optimizer());
    }
});

//! Checkpoints of torch, zip and legacy: pickles run nothing, and any bytes are tensors or an error.
#![no_main]

use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;
use weights::{TensorSource, TorchCheckpoint, import_checkpoint, inspect};

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let file = room.file("checkpoint.pt", bytes);
    let _ = inspect(&file);
    let _ = import_checkpoint(&file, None);
    if let Ok(checkpoint) = TorchCheckpoint::open(&file) {
        let _ = (checkpoint.skipped().len(), checkpoint.json("cfg"));
        let state = checkpoint.into_state_dict();
        for name in state.infos().keys() {
            let _ = state.read(name);
        }
    }
});

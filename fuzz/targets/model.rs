//! Model directories in the Hugging Face layout.
#![no_main]

use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;
use weights::{ModelDirectory, inspect};

const NAMES: [&str; 6] = [
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "heads.safetensors",
    "preprocessor_config.json",
    "culturemert.toml",
];

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let directory = room.directory(&NAMES, bytes);
    let _ = inspect(&directory);
    // Without the whole file, a directory of shards.
    for _ in 0..2 {
        if let Ok(model) = ModelDirectory::open(&directory) {
            let _ = (model.tensors(), model.heads(), model.identity());
        }
        let _ = std::fs::remove_file(directory.join("model.safetensors"));
    }
});

//! Tokenizers of ours: `codec.toml` and its codebooks.
#![no_main]

use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let directory = room.directory(&["codec.toml", "codebooks.safetensors"], bytes);
    if let Ok(tokenizer) = codec::open(&directory) {
        let _ = tokenizer.encode(&[0.25; 4800]);
    }
});

//! EnCodec directories: `config.json`, `model.safetensors`, perhaps a `codec.toml`.
#![no_main]

use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let directory = room.directory(&["config.json", "model.safetensors", "codec.toml"], bytes);
    let _ = codec::open(&directory);
    let _ = codec::Encodec::open(&directory, codec::Depth::Codebooks(2));
});

//! Single safetensors files.
#![no_main]

use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;
use weights::{SafetensorsFile, TensorSource, read_safetensors};

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let file = room.file("model.safetensors", bytes);
    let _ = read_safetensors(&file);
    if let Ok(file) = SafetensorsFile::open(&file) {
        for name in file.infos().keys() {
            let _ = file.read(name);
        }
    }
});

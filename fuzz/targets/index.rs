//! Lists of recordings: tab separated, comma separated, JSON lines.
#![no_main]

use corpus::read_index;
use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let Ok(index) = read_index(&room.file("index", bytes), None) else { return };
    for recording in &index.recordings {
        let parts: Vec<&str> = recording.source.split('/').collect();
        assert!(parts.iter().all(|part| !["", ".", ".."].contains(part)), "{}", recording.source);
        assert!(!recording.culture.is_empty());
    }
});

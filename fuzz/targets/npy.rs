//! Arrays of numpy.
#![no_main]

use culturemert_fuzz::Room;
use files::{Npy, NpyElement};
use libfuzzer_sys::fuzz_target;

fn read<T: NpyElement>(path: &std::path::Path) {
    if let Ok(array) = Npy::<T>::open(path) {
        assert_eq!(array.as_slice().len(), array.shape().iter().product::<usize>());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let file = room.file("array.npy", bytes);
    read::<f32>(&file);
    read::<f64>(&file);
    read::<i16>(&file);
    read::<u16>(&file);
    read::<i64>(&file);
});

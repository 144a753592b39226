//! Recordings: any bytes are samples or an error, within bounds.
#![no_main]

use audio::{AudioError, Resampler, Stream24k};
use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;

/// Samples after which an input has shown what it does.
const ENOUGH: usize = 1 << 15;

fn read(path: &std::path::Path) -> Result<(), AudioError> {
    let mut stream = Stream24k::open(path, Resampler::Torchaudio)?;
    let mut n_samples = 0;
    while let Some(block) = stream.next_block()? {
        assert!(!block.is_empty() && block.iter().all(|x| x.is_finite()));
        n_samples += block.len();
        if n_samples > ENOUGH {
            break;
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    if let Err(error) = read(&room.file("recording", bytes)) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});

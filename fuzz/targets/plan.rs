//! Training plans with overrides: the plan's text, then one `key=value` a line.
#![no_main]

use culturemert_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use pretrain::TrainFile;

fuzz_target!(|text: &str| {
    let pieces = pieces(text.as_bytes());
    let text = |i: usize| pieces.get(i).and_then(|piece| std::str::from_utf8(piece).ok()).unwrap_or_default();
    let Ok(file) = TrainFile::parse("fuzzed", text(0)) else { return };
    let _ = file.plan();
    let assignments: Vec<&str> = text(1).lines().take(16).collect();
    if let Ok(file) = file.with_overrides(&assignments) {
        let _ = file.plan();
    }
});

//! Prepared corpora: manifest, clips, an array, and the codes of a tokenizer.
#![no_main]

use corpus::Corpus;
use culturemert_fuzz::Room;
use libfuzzer_sys::fuzz_target;

const TOKENIZER: &str = "0123456789abcdef";

fuzz_target!(|bytes: &[u8]| {
    let room = Room::new();
    let (manifest, codes) = (format!("codes/{TOKENIZER}/codes.toml"), format!("codes/{TOKENIZER}/00000.npy"));
    let names = [
        "corpus.toml",
        "clips.jsonl",
        "audio/00000.npy",
        "quarantine.jsonl",
        "report.json",
        &manifest,
        &codes,
    ];
    let Ok(corpus) = Corpus::open(&room.directory(&names, bytes)) else { return };
    let _ =
        (corpus.report(), corpus.quarantine(), corpus.verify(), corpus.content_hash(), corpus.recordings());
    for clip in corpus.clips().iter().take(8) {
        let _ = corpus.samples(clip, 0, clip.samples.min(1 << 16) as usize);
    }
    if let Ok(codes) = corpus.codes(TOKENIZER) {
        for clip in 0..corpus.clips().len().min(8) {
            let _ = codes.clip(clip);
        }
    }
});

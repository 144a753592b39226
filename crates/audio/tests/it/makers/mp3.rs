//! MPEG-1 layer III frames of silence, mono, 44.1 kHz, 32 kbit/s. Source: ISO/IEC 11172-3, section 2.4.

/// Bytes of a frame.
const FRAME_BYTES: usize = 104;

/// A frame of 1152 samples of nothing.
fn frame() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfb, 0x10, 0xc0];
    bytes.resize(FRAME_BYTES, 0);
    bytes
}

/// `n` frames behind one that states `stated` of them, where it is given.
pub(crate) fn mp3(n: usize, stated: Option<u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stated) = stated {
        let mut first = frame();
        // Behind header and side information.
        first[21..25].copy_from_slice(b"Xing");
        first[28] = 1;
        first[29..33].copy_from_slice(&stated.to_be_bytes());
        bytes.extend(first);
    }
    (0..n).for_each(|_| bytes.extend(frame()));
    bytes
}

/// An ID3v2.4 tag that states `stated` bytes and has `body`.
pub(crate) fn id3(stated: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"ID3\x04\0\0".to_vec();
    bytes.extend([21, 14, 7, 0].map(|shift| (stated >> shift & 0x7f) as u8));
    bytes.extend(body);
    bytes
}

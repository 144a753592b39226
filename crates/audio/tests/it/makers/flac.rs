//! FLAC of verbatim and constant subframes. Source: RFC 9639, sections 8 and 9.

use super::tone;

/// Mono, 16 bits.
pub(crate) struct Flac {
    pub(crate) rate: u32,
    /// Samples of a frame, the last but excepted.
    pub(crate) block: u16,
    /// Samples that the stream information states; 0 for unknown.
    pub(crate) stated: u64,
    /// Metadata blocks behind the stream information, each with its header but for the mark of the last.
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Flac {
    /// A tone at 24 kHz.
    pub(crate) fn pcm(n_samples: usize) -> Self {
        let frames =
            tone(n_samples).chunks(1152).enumerate().map(|(i, block)| frame(i as u8, block)).collect();
        Self { rate: 24_000, block: 1152, stated: n_samples as u64, blocks: Vec::new(), frames }
    }

    /// Frames of 65 535 equal samples, 13 bytes each.
    pub(crate) fn bomb(n_frames: usize) -> Self {
        let frames = (0..n_frames).map(|i| constant_frame((i % 128) as u8, 65_535, 77)).collect();
        Self { rate: 24_000, block: 65_535, stated: 0, blocks: Vec::new(), frames }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"fLaC".to_vec();
        bytes.extend([if self.blocks.is_empty() { 0x80 } else { 0 }, 0, 0, 34]);
        bytes.extend([self.block.to_be_bytes(); 2].concat());
        bytes.extend([0; 6]);
        // 20 bits rate, 3 channels − 1, 5 bits − 1, 36 samples.
        let packed = u64::from(self.rate) << 44 | 15 << 36 | self.stated & ((1 << 36) - 1);
        bytes.extend(packed.to_be_bytes());
        bytes.extend([0; 16]);
        for (i, block) in self.blocks.iter().enumerate() {
            let last = if i + 1 == self.blocks.len() { 0x80 } else { 0 };
            bytes.push(block[0] | last);
            bytes.extend(&block[1..]);
        }
        bytes.extend(self.frames.concat());
        bytes
    }
}

fn frame(number: u8, samples: &[i16]) -> Vec<u8> {
    let mut bytes = header(number, samples.len());
    bytes.push(0b0000_0010);
    bytes.extend(samples.iter().flat_map(|x| x.to_be_bytes()));
    closed(bytes)
}

fn constant_frame(number: u8, n_samples: usize, sample: i16) -> Vec<u8> {
    let mut bytes = header(number, n_samples);
    bytes.push(0);
    bytes.extend(sample.to_be_bytes());
    closed(bytes)
}

/// Fixed block size strategy, block size in 16 bits behind the frame's number, rate of the stream, mono, 16 bits.
fn header(number: u8, n_samples: usize) -> Vec<u8> {
    assert!(number < 128, "longer numbers are coded otherwise");
    let mut bytes = vec![0xff, 0xf8, 0b0111_0000, 0b0000_1000, number];
    bytes.extend((n_samples as u16 - 1).to_be_bytes());
    let crc = bytes.iter().fold(0u8, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 })
    });
    bytes.push(crc);
    bytes
}

fn closed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = bytes.iter().fold(0u16, |crc, &byte| {
        let crc = crc ^ u16::from(byte) << 8;
        (0..8).fold(crc, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8005 })
    });
    bytes.extend(crc.to_be_bytes());
    bytes
}

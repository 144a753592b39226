/// An AIFF of 16-bit samples at 24 kHz; what it states can be made to lie.
pub(crate) struct Aiff {
    pub(crate) channels: u16,
    pub(crate) n_frames: u32,
    /// The sample rate is `mantissa / 2^63 · 2^exponent`.
    pub(crate) exponent: u16,
    pub(crate) mantissa: u64,
    /// A chunk in front of the others.
    pub(crate) before: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Aiff {
    pub(crate) fn pcm(n_samples: usize) -> Self {
        Self {
            channels: 1,
            n_frames: n_samples as u32,
            exponent: 14,
            mantissa: 24_000 << 49,
            before: Vec::new(),
            data: super::tone(n_samples).into_iter().flat_map(i16::to_be_bytes).collect(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"FORM".to_vec();
        bytes.extend((46 + self.before.len() as u32 + self.data.len() as u32).to_be_bytes());
        bytes.extend(b"AIFF");
        bytes.extend(&self.before);
        bytes.extend(b"COMM\0\0\0\x12");
        bytes.extend(self.channels.to_be_bytes());
        bytes.extend(self.n_frames.to_be_bytes());
        bytes.extend(16u16.to_be_bytes());
        bytes.extend((self.exponent + 16_383).to_be_bytes());
        bytes.extend(self.mantissa.to_be_bytes());
        bytes.extend(b"SSND");
        bytes.extend((8 + self.data.len() as u32).to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(&self.data);
        bytes
    }
}

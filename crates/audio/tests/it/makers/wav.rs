use super::tone;

/// A RIFF WAVE file; what it states can be made to lie.
pub(crate) struct Wav {
    pub(crate) tag: u16,
    pub(crate) channels: u16,
    pub(crate) rate: u32,
    pub(crate) bits: u16,
    /// Length of the data that the header states, where it is not the true one.
    pub(crate) stated: Option<u32>,
    /// Length of the file that the header states, where it is not the true one.
    pub(crate) riff: Option<u32>,
    /// Chunks between `fmt ` and `data`.
    pub(crate) between: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Wav {
    /// Mono at 24 kHz of 16 bits.
    pub(crate) fn pcm(n_samples: usize) -> Self {
        Self::of(1, 16, tone(n_samples).into_iter().flat_map(i16::to_le_bytes).collect())
    }

    /// Mono at 24 kHz in float32.
    pub(crate) fn floats(samples: &[f32]) -> Self {
        Self::of(3, 32, samples.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Mono at 24 kHz in any coding.
    pub(crate) fn of(tag: u16, bits: u16, data: Vec<u8>) -> Self {
        Self { tag, channels: 1, rate: 24_000, bits, stated: None, riff: None, between: Vec::new(), data }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let align = self.channels.wrapping_mul(self.bits / 8);
        // Codings other than plain PCM say how long their extension is.
        let extension: &[u8] = if [6, 7].contains(&self.tag) { &[0, 0] } else { &[] };
        let mut bytes = b"RIFF".to_vec();
        let n_file = 36 + extension.len() + self.between.len() + self.data.len().next_multiple_of(2);
        bytes.extend(self.riff.unwrap_or(n_file as u32).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend((16 + extension.len() as u32).to_le_bytes());
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(self.channels.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend(self.rate.wrapping_mul(u32::from(align)).to_le_bytes());
        bytes.extend(align.to_le_bytes());
        bytes.extend(self.bits.to_le_bytes());
        bytes.extend(extension);
        bytes.extend(&self.between);
        bytes.extend(b"data");
        bytes.extend(self.stated.unwrap_or(self.data.len() as u32).to_le_bytes());
        bytes.extend(&self.data);
        // Chunks are padded to whole pairs of bytes.
        bytes.resize(bytes.len() + self.data.len() % 2, 0);
        bytes
    }
}

//! Ogg pages and Opus in them. Sources: RFC 3533, section 6; RFC 7845, section 5.

/// A page with one packet.
pub(crate) struct Page {
    /// 2 begins, 4 ends the stream.
    pub(crate) flags: u8,
    pub(crate) position: u64,
    pub(crate) stream: u32,
    pub(crate) number: u32,
    pub(crate) packet: Vec<u8>,
}

impl Page {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"OggS\0".to_vec();
        bytes.push(self.flags);
        bytes.extend(self.position.to_le_bytes());
        bytes.extend(self.stream.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend([0; 4]);
        let lacing: Vec<u8> =
            (0..=self.packet.len() / 255).map(|i| (self.packet.len() - 255 * i).min(255) as u8).collect();
        bytes.push(lacing.len() as u8);
        bytes.extend(lacing);
        bytes.extend(&self.packet);
        let crc = bytes.iter().fold(0u32, |crc, &byte| {
            let crc = crc ^ u32::from(byte) << 24;
            (0..8).fold(crc, |crc, _| if crc >> 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 })
        });
        bytes[22..26].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

pub(crate) fn opus_head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

pub(crate) fn opus_tags() -> Vec<u8> {
    b"OpusTags\x04\0\0\0test\0\0\0\0".to_vec()
}

/// A stream of `n` packets of 20 ms with a position that is `short` samples less than they hold.
pub(crate) fn opus_pages(n: u32, pre_skip: u16, short: u64, stream: u32) -> Vec<Page> {
    let page = |flags, position, number, packet| Page { flags, position, stream, number, packet };
    let mut pages = vec![page(2, 0, 0, opus_head(pre_skip)), page(0, 0, 1, opus_tags())];
    for i in 1..=n {
        let (flags, less) = if i == n { (4, short) } else { (0, 0) };
        // CELT at full band width, one frame of 20 ms, mono.
        let packet = vec![0xf8, 0x55, i as u8, 0x33, 0x0f, 0xaa, 0x10, 0x20];
        pages.push(page(flags, u64::from(i) * 960 - less, i + 1, packet));
    }
    pages
}

pub(crate) fn pages(pages: &[Page]) -> Vec<u8> {
    pages.iter().flat_map(Page::bytes).collect()
}

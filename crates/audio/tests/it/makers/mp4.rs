//! MP4 with AAC of silence. Sources: ISO/IEC 14496-12, section 8; 14496-14, section 5.6.

/// A silent AAC-LC frame, mono: one channel element with nothing in it.
const SILENCE: [u8; 6] = [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80];

/// Mono at 44.1 kHz; what it states can be made to lie.
pub(crate) struct Mp4 {
    pub(crate) n_packets: u32,
    /// Entries that the table of sizes states, where it is not the true number.
    pub(crate) stated_sizes: Option<u32>,
    /// One size for all packets, where the table has it.
    pub(crate) constant_size: u32,
    /// `(count, duration)` of the table of times.
    pub(crate) times: Vec<(u32, u32)>,
    /// Entries that the table of times states, where it is not the true number.
    pub(crate) stated_times: Option<u32>,
    /// `(duration, from)` of an edit list.
    pub(crate) edit: Option<(u32, u32)>,
    /// Whether the header comes before the sound.
    pub(crate) header_first: bool,
    /// Position of the sound that the header states, where it is not the true one.
    pub(crate) offset: Option<u32>,
}

impl Mp4 {
    pub(crate) fn aac(n_packets: u32) -> Self {
        Self {
            n_packets,
            stated_sizes: None,
            constant_size: 0,
            times: vec![(n_packets, 1024)],
            stated_times: None,
            edit: None,
            header_first: false,
            offset: None,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let brand = movie_box(*b"ftyp", b"M4A \0\0\0\0M4A isom");
        let sound = movie_box(*b"mdat", &SILENCE.repeat(self.n_packets as usize));
        let at = |header: usize| (brand.len() + header + 8) as u32;
        if self.header_first {
            let n_header = self.header(0).len();
            [brand.clone(), self.header(at(n_header)), sound].concat()
        } else {
            [brand.clone(), sound, self.header(at(0))].concat()
        }
    }

    fn header(&self, offset: u32) -> Vec<u8> {
        let duration = self.n_packets.wrapping_mul(1024);
        let movie = numbers(&[0, 0, 0, 44_100, duration, 0x10000, 0x0100_0000, 0, 0])
            .into_iter()
            .chain(matrix())
            .chain([0; 24])
            .chain(2u32.to_be_bytes())
            .collect::<Vec<u8>>();
        let track = numbers(&[7, 0, 0, 1, 0, duration, 0, 0, 0, 0x0100_0000])
            .into_iter()
            .chain(matrix())
            .chain([0; 8])
            .collect::<Vec<u8>>();
        let media = numbers(&[0, 0, 0, 44_100, duration, 0x55c4_0000]);
        let handler = [&numbers(&[0, 0]), b"soun".as_slice(), &[0; 13]].concat();
        let edits = self.edit.map(|(duration, from)| {
            movie_box(*b"edts", &movie_box(*b"elst", &numbers(&[0, 1, duration, from, 0x10000])))
        });
        let references = movie_box(
            *b"dref",
            &[&numbers(&[0, 1]), movie_box(*b"url ", &numbers(&[1])).as_slice()].concat(),
        );
        let information = [
            movie_box(*b"smhd", &[0; 8]),
            movie_box(*b"dinf", &references),
            movie_box(*b"stbl", &self.tables(self.offset.unwrap_or(offset))),
        ]
        .concat();
        let media =
            [movie_box(*b"mdhd", &media), movie_box(*b"hdlr", &handler), movie_box(*b"minf", &information)]
                .concat();
        let track =
            [movie_box(*b"tkhd", &track), edits.unwrap_or_default(), movie_box(*b"mdia", &media)].concat();
        movie_box(*b"moov", &[movie_box(*b"mvhd", &movie), movie_box(*b"trak", &track)].concat())
    }

    fn tables(&self, offset: u32) -> Vec<u8> {
        // Object type, decoder configuration (AAC-LC, 44.1 kHz, mono) and its end.
        let descriptor = [
            0, 0, 0, 0, 3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x12, 0x08,
            6, 1, 2,
        ];
        let entry = [
            [0, 0, 0, 0, 0, 0, 0, 1].as_slice(),
            &[0; 8],
            &[0, 1, 0, 16, 0, 0, 0, 0],
            &(44_100u32 << 16).to_be_bytes(),
            &movie_box(*b"esds", &descriptor),
        ]
        .concat();
        let description = [&numbers(&[0, 1]), movie_box(*b"mp4a", &entry).as_slice()].concat();
        let mut times = numbers(&[0, self.stated_times.unwrap_or(self.times.len() as u32)]);
        self.times.iter().for_each(|&(count, duration)| times.extend(numbers(&[count, duration])));
        let mut sizes = numbers(&[0, self.constant_size, self.stated_sizes.unwrap_or(self.n_packets)]);
        if self.constant_size == 0 {
            (0..self.n_packets).for_each(|_| sizes.extend(numbers(&[SILENCE.len() as u32])));
        }
        [
            movie_box(*b"stsd", &description),
            movie_box(*b"stts", &times),
            movie_box(*b"stsc", &numbers(&[0, 1, 1, self.n_packets, 1])),
            movie_box(*b"stsz", &sizes),
            movie_box(*b"stco", &numbers(&[0, 1, offset])),
        ]
        .concat()
    }
}

/// A box of a name and a body.
pub(crate) fn movie_box(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    [&(8 + body.len() as u32).to_be_bytes(), name.as_slice(), body].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn matrix() -> Vec<u8> {
    numbers(&[0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000])
}

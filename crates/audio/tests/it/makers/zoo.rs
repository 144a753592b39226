//! Recordings that were damaged, or made to do harm; each with the faults that tell of it.

use super::{Aiff, Flac, Mp4, Page, Wav, id3, movie_box, mp3, opus_head, opus_pages, opus_tags, pages, tone};

/// A bad recording.
pub(crate) struct Specimen {
    /// File name, with the ending that belongs to the bytes.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Any of these may be found in it.
    pub(crate) faults: &'static [&'static str],
}

const ABSURD: &[&str] = &["AbsurdHeader"];
const TRUNCATED: &[&str] = &["Truncated"];
const EMPTY: &[&str] = &["Empty"];
const UNSUPPORTED: &[&str] = &["Unsupported"];
const NOT_AUDIO: &[&str] = &["NotAudio"];
const NOT_FINITE: &[&str] = &["NotFinite"];
const NO_CHANNELS: &[&str] = &["NoChannels"];

/// All of them, the same in every run.
pub(crate) fn zoo() -> Vec<Specimen> {
    let of = |(name, bytes, faults): (&str, Vec<u8>, &'static [&'static str])| Specimen {
        name: name.into(),
        bytes,
        faults,
    };
    let mut zoo: Vec<Specimen> = [no_audio(), wavs(), aiffs(), flacs(), mp3s(), oggs(), mp4s()]
        .into_iter()
        .flatten()
        .map(of)
        .collect();
    zoo.extend(cut());
    zoo
}

type Row = (&'static str, Vec<u8>, &'static [&'static str]);

fn no_audio() -> Vec<Row> {
    let text = "This is a list of songs.\n".repeat(400).into_bytes();
    let riff = [b"RIFF".as_slice(), &[0; 60]].concat();
    vec![
        ("nothing.wav", Vec::new(), EMPTY),
        ("text.wav", text.clone(), NOT_AUDIO),
        ("text.mp3", text, NOT_AUDIO),
        ("page.m4a", b"<!DOCTYPE html><html><body>404</body></html>".to_vec(), NOT_AUDIO),
        ("zeros.ogg", vec![0; 5000], NOT_AUDIO),
        ("ones.mp3", vec![0xff; 5000], &["NotAudio", "Truncated"]),
        ("riff-of-nothing.wav", riff, &["NotAudio", "Truncated"]),
    ]
}

fn wavs() -> Vec<Row> {
    let with = |change: fn(&mut Wav)| {
        let mut wav = Wav::pcm(30_000);
        change(&mut wav);
        wav.bytes()
    };
    let float = |bad: f32| {
        let mut samples = vec![0.1; 30_000];
        samples[25_000] = bad;
        Wav::floats(&samples).bytes()
    };
    let mut double: Vec<u8> = (0..30_000).flat_map(|_| 0.25f64.to_le_bytes()).collect();
    double[8000..8008].copy_from_slice(&f64::INFINITY.to_le_bytes());
    let renamed = |name: &[u8]| [name, &Wav::pcm(30_000).bytes()[4..]].concat();
    let whole = Wav::pcm(30_000).bytes();
    let backwards = [&whole[..12], &whole[36..], &whole[12..36]].concat();
    vec![
        ("nan.wav", float(f32::NAN), NOT_FINITE),
        ("infinite.wav", float(f32::NEG_INFINITY), NOT_FINITE),
        ("infinite-double.wav", Wav::of(3, 64, double).bytes(), NOT_FINITE),
        ("no-samples.wav", Wav::pcm(0).bytes(), EMPTY),
        ("no-channels.wav", with(|wav| wav.channels = 0), NO_CHANNELS),
        ("all-channels.wav", with(|wav| wav.channels = u16::MAX), ABSURD),
        ("32-channels.wav", with(|wav| wav.channels = 32), UNSUPPORTED),
        ("rate-0.wav", with(|wav| wav.rate = 0), ABSURD),
        ("rate-4e9.wav", with(|wav| wav.rate = 4_000_000_000), ABSURD),
        ("bits-0.wav", with(|wav| wav.bits = 0), ABSURD),
        ("bits-3.wav", with(|wav| wav.bits = 3), &["AbsurdHeader", "Unsupported", "Truncated"]),
        ("bits-4096.wav", with(|wav| wav.bits = 4096), &["AbsurdHeader", "Unsupported", "Truncated"]),
        ("float-of-16-bits.wav", Wav::of(3, 16, vec![1; 60_000]).bytes(), &["Unsupported", "Truncated"]),
        ("adpcm.wav", with(|wav| wav.tag = 2), UNSUPPORTED),
        ("mp3-inside.wav", with(|wav| wav.tag = 0x55), UNSUPPORTED),
        ("codec-unheard-of.wav", with(|wav| wav.tag = 0xdead), UNSUPPORTED),
        ("4-gigabytes.wav", with(|wav| wav.stated = Some(0xffff_fff0)), ABSURD),
        ("twice-as-long.wav", with(|wav| wav.stated = Some(120_000)), TRUNCATED),
        ("huge-chunk.wav", with(|wav| wav.between = b"LIST\xf0\xff\xff\xff".to_vec()), ABSURD),
        ("many-chunks.wav", with(|wav| wav.between = b"junk\0\0\0\0".repeat(20_000)), TRUNCATED),
        ("big-64-bit.wav", renamed(b"RF64"), UNSUPPORTED),
        ("big-endian.wav", renamed(b"RIFX"), &["Unsupported", "NotAudio"]),
        ("samples-before-format.wav", backwards, ABSURD),
    ]
}

fn aiffs() -> Vec<Row> {
    let with = |change: fn(&mut Aiff)| {
        let mut aiff = Aiff::pcm(30_000);
        change(&mut aiff);
        aiff.bytes()
    };
    vec![
        ("no-channels.aiff", with(|aiff| aiff.channels = 0), NO_CHANNELS),
        ("rate-0.aiff", with(|aiff| (aiff.exponent, aiff.mantissa) = (0, 0)), ABSURD),
        ("rate-1e12.aiff", with(|aiff| aiff.exponent = 40), ABSURD),
        ("4e9-frames.aiff", with(|aiff| aiff.n_frames = u32::MAX), ABSURD),
        ("twice-as-long.aiff", with(|aiff| aiff.n_frames = 60_000), TRUNCATED),
        ("no-frames.aiff", with(|aiff| (aiff.n_frames, aiff.data) = (0, Vec::new())), EMPTY),
        ("huge-chunk.aiff", with(|aiff| aiff.before = b"NAME\xff\xff\xff\xf0".to_vec()), ABSURD),
        ("no-sound-chunk.aiff", Aiff::pcm(100).bytes()[..38].to_vec(), TRUNCATED),
    ]
}

fn flacs() -> Vec<Row> {
    let with = |change: fn(&mut Flac)| {
        let mut flac = Flac::pcm(30_000);
        change(&mut flac);
        flac.bytes()
    };
    vec![
        ("one-sample-short.flac", with(|flac| flac.stated += 1), TRUNCATED),
        ("7e10-samples.flac", with(|flac| flac.stated = (1 << 36) - 1), ABSURD),
        ("rate-0.flac", with(|flac| flac.rate = 0), ABSURD),
        ("no-frames.flac", with(|flac| flac.frames.clear()), &["Truncated", "Empty"]),
        ("lost-frame.flac", with(|flac| drop(flac.frames.remove(9))), TRUNCATED),
        ("flipped.flac", with(|flac| flac.frames[9][40] ^= 1), TRUNCATED),
        ("huge-block.flac", with(|flac| flac.blocks = vec![vec![1, 0xff, 0xff, 0xff]]), TRUNCATED),
        ("huge-comment.flac", with(|flac| flac.blocks = vec![comment()]), &["Truncated", "Unsupported"]),
        ("bomb.flac", Flac::bomb(2000).bytes(), ABSURD),
    ]
}

/// A comment block whose vendor has a name of 4 GB.
fn comment() -> Vec<u8> {
    [[4, 0, 0, 8].as_slice(), &[0xff; 4], b"test"].concat()
}

fn mp3s() -> Vec<Row> {
    let rates = [mp3(20, None), faster(&mp3(20, None))].concat();
    vec![
        ("frames-that-are-not-there.mp3", mp3(10, Some(100_000)), TRUNCATED),
        ("4e9-frames.mp3", mp3(10, Some(u32::MAX)), TRUNCATED),
        ("tag-of-268-megabytes.mp3", [id3(0x0fff_ffff, b""), mp3(40, None)].concat(), TRUNCATED),
        ("tag-alone.mp3", id3(0, b""), TRUNCATED),
        ("two-in-one.mp3", [mp3(40, Some(40)), mp3(40, Some(40))].concat(), ABSURD),
        ("mostly-garbage.mp3", [mp3(3, None), b"garbage".repeat(900), mp3(3, None)].concat(), NOT_AUDIO),
        ("two-rates.mp3", rates, &["Unsupported", "Truncated"]),
        ("one-frame-header.mp3", vec![0xff, 0xfb, 0x10, 0xc0], NOT_AUDIO),
    ]
}

/// The same frames at 48 kHz: a header says how long they are, which is then wrong.
fn faster(frames: &[u8]) -> Vec<u8> {
    frames.chunks(104).flat_map(|frame| [&[0xff, 0xfb, 0x14, 0xc0], &frame[4..96]].concat()).collect()
}

fn oggs() -> Vec<Row> {
    let stream = |pre_skip, short| opus_pages(60, pre_skip, short, 1);
    let mut lost = stream(312, 0);
    lost.drain(20..30);
    let mut torn = pages(&stream(312, 0));
    let middle = torn.len() / 2;
    torn[middle] ^= 0x40;
    let chained = [pages(&stream(312, 0)), pages(&opus_pages(60, 312, 0, 2))].concat();
    let mut far = stream(312, 0);
    if let Some(last) = far.last_mut() {
        last.position = u64::MAX - 1;
    }
    let mut empty = stream(312, 0);
    empty[30].packet.clear();
    let mut mute = stream(312, 0);
    mute[0].packet[9] = 0;
    let lone = |packet| pages(&[Page { flags: 2, position: 0, stream: 1, number: 0, packet }]);
    let vorbis = lone(b"\x01vorbis\0\0\0\0\x02\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\xff\x01".to_vec());
    let tags = [b"OpusTags\xff\xff\xff\xff".as_slice(), &[0; 40]].concat();
    let mut boasting = stream(312, 0);
    boasting[1].packet = tags;
    vec![
        ("lost-pages.opus", pages(&lost), TRUNCATED),
        ("flipped.opus", torn, TRUNCATED),
        ("chained.opus", chained, UNSUPPORTED),
        ("skipped-whole.opus", pages(&stream(u16::MAX, 0)), &["Empty", "Truncated"]),
        ("end-of-time.opus", pages(&far), &["Truncated", "AbsurdHeader"]),
        ("empty-packet.opus", pages(&empty), TRUNCATED),
        ("no-channels.opus", pages(&mute), &["NoChannels", "Unsupported", "Truncated"]),
        ("head-alone.opus", lone(opus_head(312)), &["Empty", "Truncated", "Unsupported"]),
        ("tags-first.opus", lone(opus_tags()), &["Unsupported", "Truncated"]),
        ("4-gigabyte-tags.opus", pages(&boasting), &["Truncated", "Unsupported"]),
        ("absurd-vorbis.ogg", vorbis, &["Unsupported", "Truncated", "AbsurdHeader"]),
    ]
}

fn mp4s() -> Vec<Row> {
    let with = |change: fn(&mut Mp4)| {
        let mut mp4 = Mp4::aac(60);
        change(&mut mp4);
        mp4.bytes()
    };
    let brand = movie_box(*b"ftyp", b"M4A \0\0\0\0M4A isom");
    let nested = (0..3000).fold(Vec::new(), |inside, _| movie_box(*b"moov", &inside));
    let tracks = (0..3000).fold(Vec::new(), |inside, _| movie_box(*b"trak", &inside));
    let movie = |body: &[u8]| [brand.clone(), movie_box(*b"moov", body)].concat();
    let endless = [brand.as_slice(), &[0, 0, 0, 1], b"mdat", &[0xff; 8]].concat();
    let small = [brand.as_slice(), &[0, 0, 0, 4], b"free"].concat();
    vec![
        ("4e9-sizes.m4a", with(|mp4| mp4.stated_sizes = Some(u32::MAX)), &["Truncated", "AbsurdHeader"]),
        (
            "4e9-empty-packets.m4a",
            with(|mp4| (mp4.stated_sizes, mp4.times) = (Some(u32::MAX), vec![(u32::MAX, 1)])),
            &["Truncated", "AbsurdHeader"],
        ),
        ("packets-of-4-gigabytes.m4a", with(|mp4| mp4.constant_size = u32::MAX), ABSURD),
        ("4e9-times.m4a", with(|mp4| mp4.stated_times = Some(u32::MAX)), &["Truncated", "AbsurdHeader"]),
        ("a-packet-a-day.m4a", with(|mp4| mp4.times = vec![(60, u32::MAX)]), TRUNCATED),
        ("no-times.m4a", with(|mp4| mp4.times.clear()), &["Truncated", "Empty"]),
        ("sound-outside.m4a", with(|mp4| mp4.offset = Some(0x7fff_ffff)), TRUNCATED),
        ("edit-behind-the-end.m4a", with(|mp4| mp4.edit = Some((1000, 0x7000_0000))), EMPTY),
        ("no-packets.m4a", Mp4::aac(0).bytes(), &["Empty", "Truncated", "Unsupported"]),
        ("no-movie.m4a", brand.clone(), TRUNCATED),
        ("movies-in-movies.m4a", [brand.clone(), nested].concat(), &["Truncated", "Unsupported"]),
        ("tracks-in-tracks.m4a", movie(&tracks), &["Truncated", "Unsupported"]),
        ("endless-box.m4a", endless, ABSURD),
        ("small-box.m4a", small, ABSURD),
    ]
}

/// Every container cut at many places.
fn cut() -> Vec<Specimen> {
    let samples: Vec<f32> = tone(20_000).into_iter().map(|x| f32::from(x) / 32_768.0).collect();
    let whole: [(&str, Vec<u8>); 7] = [
        ("pcm.wav", Wav::pcm(20_000).bytes()),
        ("float.wav", Wav::floats(&samples).bytes()),
        ("pcm.aiff", Aiff::pcm(20_000).bytes()),
        ("pcm.flac", Flac::pcm(20_000).bytes()),
        ("counted.mp3", mp3(60, Some(60))),
        ("tone.opus", pages(&opus_pages(60, 312, 0, 1))),
        ("header-first.m4a", Mp4 { header_first: true, ..Mp4::aac(60) }.bytes()),
    ];
    let mut cut = Vec::new();
    for (name, bytes) in whole {
        for tenths in [2, 10, 50, 200, 500, 800, 950] {
            let end = (bytes.len() * tenths / 1000).max(5);
            let faults: &[&str] =
                if end < 140 { &["Truncated", "NotAudio", "Empty", "Unsupported"] } else { TRUNCATED };
            cut.push(Specimen { name: format!("cut-{tenths}-{name}"), bytes: bytes[..end].to_vec(), faults });
        }
    }
    cut
}

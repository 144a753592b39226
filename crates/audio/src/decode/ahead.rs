//! Packets decoded ahead of their use, on several threads.
//!
//! What a decoder remembers of earlier packets is short: MP3 the bytes that later frames may use (at most 511) and the overlap of two
//! transforms, Vorbis half a window, FLAC nothing. So a batch of packets is cut into parts; the decoder of each part but the first
//! starts some packets earlier, and what it makes of those is thrown away. That it has come to remember the right things is not assumed but
//! seen: the last packet before its part must come out bit for bit as the decoder of the part before made it. Where it does not, the
//! part is decoded again in order, and the rest of the recording on one thread. While the threads decode a batch, the caller uses the last.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_FLAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_VORBIS,
};
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use super::guard::guarded;
use super::packets::{Format, PacketDecoder};

/// Packets of a part.
const PART_PACKETS: usize = 512;

/// Samples of a channel after which a batch is full however few packets it has.
const BATCH_SAMPLES: u64 = 1 << 21;

/// More threads than this are not kept busy by the one that reads the file.
const MOST_THREADS: usize = 8;

/// What became of one packet.
pub(super) struct Sound {
    /// Samples of a channel that the container says the packet holds.
    pub(super) stated: u64,
    /// Samples of a channel that the container says are padding behind those.
    pub(super) padding: u64,
    /// Bytes of the packet.
    pub(super) n_bytes: u64,
    pub(super) outcome: Outcome,
    pub(super) mono: Vec<f32>,
}

pub(super) enum Outcome {
    /// Sound of this format, or none.
    Decoded(Option<Format>),
    Failed(Error),
    Panicked(String),
}

/// Decodes the packets of one track.
pub(super) struct Ahead {
    /// The first has decoded all packets up to the batch at hand; empty while threads have them.
    decoders: Vec<PacketDecoder>,
    n_decoders: usize,
    /// Packets that the codec remembers, with room to spare.
    memory: usize,
    batch: Vec<Packet>,
    batch_samples: u64,
    /// Parts that threads are at, in order.
    in_flight: Vec<std::io::Result<JoinHandle<Part>>>,
    ready: VecDeque<Sound>,
    /// Memory of sounds that were used up, for those to come.
    spare: Vec<Vec<f32>>,
}

/// A run of packets and what becomes of it.
struct Part {
    decoder: PacketDecoder,
    batch: Arc<[Packet]>,
    packets: Range<usize>,
    /// Packets to listen to before.
    memory: usize,
    /// The last of those, as this decoder made it.
    echo: Vec<f32>,
    sounds: Vec<Sound>,
    spare: Vec<Vec<f32>>,
}

/// Packets that a decoder of this codec may remember; `None` where nobody knows.
fn memory(codec: AudioCodecId) -> Option<usize> {
    match codec {
        // Enough for 511 bytes at 32 kbit/s, and three frames of overlap and synthesis.
        CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 => Some(12),
        CODEC_ID_VORBIS => Some(3),
        CODEC_ID_FLAC => Some(1),
        _ => None,
    }
}

/// How many threads may decode: those of the pool, or one where the caller is in the pool and its fellows have recordings of their own.
fn threads() -> usize {
    if rayon::current_thread_index().is_some() { 1 } else { rayon::current_num_threads().min(MOST_THREADS) }
}

impl Ahead {
    /// `make` makes decoders.
    pub(super) fn new<E>(
        codec: AudioCodecId,
        mut make: impl FnMut() -> Result<PacketDecoder, E>,
    ) -> Result<Self, E> {
        let memory = memory(codec);
        let n_decoders = if memory.is_some() { threads() } else { 1 };
        let decoders = (0..n_decoders).map(|_| make()).collect::<Result<_, E>>()?;
        Ok(Self::of(decoders, memory.unwrap_or(0)))
    }

    fn of(decoders: Vec<PacketDecoder>, memory: usize) -> Self {
        let n_decoders = decoders.len();
        let (batch, in_flight, ready) = (Vec::new(), Vec::new(), VecDeque::new());
        let spare = Vec::new();
        Self { decoders, n_decoders, memory, batch, batch_samples: 0, in_flight, ready, spare }
    }

    /// One that panics at its first packet.
    #[cfg(test)]
    pub(super) fn panicking() -> Self {
        Self::of(vec![PacketDecoder::panicking()], 0)
    }

    /// The next packet's sound, in the order of the packets.
    pub(super) fn pop(&mut self) -> Option<Sound> {
        self.ready.pop_front()
    }

    /// Takes back the memory of a sound.
    pub(super) fn recycle(&mut self, mono: Vec<f32>) {
        self.spare.push(mono);
    }

    /// Takes a packet.
    pub(super) fn push(&mut self, packet: Packet) {
        if self.n_decoders == 1 && self.in_flight.is_empty() {
            let memory = self.spare.pop().unwrap_or_default();
            self.ready.push_back(Sound::of(&packet, &mut self.decoders[0], memory));
            return;
        }
        self.batch_samples += packet.dur.get();
        self.batch.push(packet);
        if self.batch.len() >= self.n_decoders * PART_PACKETS || self.batch_samples >= BATCH_SAMPLES {
            self.collect();
            self.submit();
        }
    }

    /// Decodes all that was pushed.
    pub(super) fn flush(&mut self) {
        self.collect();
        self.submit();
        self.collect();
    }

    /// Hands the batch to threads.
    fn submit(&mut self) {
        self.batch_samples = 0;
        let batch: Arc<[Packet]> = std::mem::take(&mut self.batch).into();
        let mut decoders = std::mem::take(&mut self.decoders).into_iter();
        let parts = parts(batch.len(), self.n_decoders, self.memory);
        let n_spare = self.spare.len() / parts.len();
        for (packets, decoder) in parts.into_iter().zip(&mut decoders) {
            let memory = if packets.start == 0 { 0 } else { self.memory };
            let batch = Arc::clone(&batch);
            let (echo, sounds) = (Vec::new(), Vec::with_capacity(packets.len()));
            let spare = self.spare.split_off(self.spare.len() - n_spare);
            let part = Part { decoder, batch, packets, memory, echo, sounds, spare };
            self.in_flight.push(std::thread::Builder::new().spawn(move || part.decoded()));
        }
        self.decoders.extend(decoders);
    }

    /// Waits for the threads and lines up what they made.
    fn collect(&mut self) {
        let mut before: Option<(PacketDecoder, Vec<f32>)> = None;
        for handle in std::mem::take(&mut self.in_flight) {
            let part = handle.map_err(Outcome::of_the_system).and_then(|handle| {
                handle.join().map_err(|_| Outcome::Panicked("its thread was lost".into()))
            });
            let mut part = match part {
                Ok(part) => part,
                Err(outcome) => {
                    self.ready.push_back(Sound {
                        stated: 0,
                        padding: 0,
                        n_bytes: 0,
                        outcome,
                        mono: Vec::new(),
                    });
                    return;
                }
            };
            if let Some((decoder, last)) = before.take() {
                if same_bits(&part.echo, &last) {
                    self.decoders.push(decoder);
                } else {
                    part = Part { decoder, memory: 0, sounds: Vec::new(), ..part }.decoded();
                    self.n_decoders = 1;
                }
            }
            let last = part.sounds.last().map(|sound| sound.mono.clone()).unwrap_or_default();
            self.ready.extend(part.sounds);
            before = Some((part.decoder, last));
        }
        if let Some((decoder, _)) = before {
            self.decoders.insert(0, decoder);
            self.decoders.truncate(self.n_decoders);
        }
    }
}

impl Part {
    fn decoded(mut self) -> Self {
        if self.memory > 0 {
            self.decoder.reset();
        }
        for packet in &self.batch[self.packets.start - self.memory..self.packets.start] {
            self.echo = Sound::of(packet, &mut self.decoder, std::mem::take(&mut self.echo)).mono;
        }
        for packet in &self.batch[self.packets.clone()] {
            let memory = self.spare.pop().unwrap_or_default();
            let sound = Sound::of(packet, &mut self.decoder, memory);
            let is_lost = matches!(sound.outcome, Outcome::Panicked(_));
            self.sounds.push(sound);
            if is_lost {
                break;
            }
        }
        self
    }
}

impl Sound {
    /// `mono` is memory to use.
    fn of(packet: &Packet, decoder: &mut PacketDecoder, mut mono: Vec<f32>) -> Self {
        mono.clear();
        let outcome = match guarded(|| decoder.decode(packet, &mut mono)) {
            Ok(Ok(format)) => Outcome::Decoded(format),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(message) => Outcome::Panicked(message),
        };
        let (stated, padding) = (packet.dur.get(), packet.trim_end.get());
        Self { stated, padding, n_bytes: packet.data.len() as u64, outcome, mono }
    }
}

impl Outcome {
    fn of_the_system(error: std::io::Error) -> Self {
        Self::Failed(Error::IoError(error))
    }
}

/// Cuts `n` packets so that each of `n_parts` decoders has the same work, what it listens to before included.
fn parts(n: usize, n_parts: usize, memory: usize) -> Vec<Range<usize>> {
    let share = (n + memory * (n_parts - 1)).div_ceil(n_parts);
    let first = if share <= 2 * memory { n } else { share.min(n) };
    let (mut parts, mut end) = (Vec::new(), first);
    parts.push(0..first);
    while end < n {
        let begin = end;
        end = (begin + share - memory).min(n);
        parts.push(begin..end);
    }
    parts
}

/// Whether a packet came out the same twice; nothing at all is no evidence.
fn same_bits(a: &[f32], b: &[f32]) -> bool {
    !a.is_empty() && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[cfg(test)]
mod tests {
    use symphonia::core::formats::probe::Hint;
    use symphonia::core::formats::{FormatOptions, TrackType};
    use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
    use symphonia::core::meta::MetadataOptions;

    use super::*;

    /// The packets of a recording, and its decoders.
    fn packets(file: &std::path::Path, n_decoders: usize) -> (Vec<Packet>, Vec<PacketDecoder>, AudioCodecId) {
        let source = MediaSourceStream::new(
            Box::new(std::fs::File::open(file).unwrap()),
            MediaSourceStreamOptions::default(),
        );
        let mut reader = symphonia::default::get_probe()
            .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
            .unwrap();
        let track = reader.default_track(TrackType::Audio).unwrap();
        let parameters = track.codec_params.as_ref().unwrap().audio().unwrap().clone();
        let id = track.id;
        let decoders = (0..n_decoders).map(|_| PacketDecoder::new(&parameters, id, true).unwrap()).collect();
        let packets = std::iter::from_fn(|| reader.next_packet().ok().flatten()).take(800).collect();
        (packets, decoders, parameters.codec)
    }

    fn all(mut ahead: Ahead, packets: &[Packet]) -> (Vec<f32>, Ahead) {
        for packet in packets {
            ahead.push(packet.clone());
        }
        ahead.flush();
        let mut samples = Vec::new();
        let mut n_sounds = 0;
        while let Some(sound) = ahead.pop() {
            assert!(matches!(sound.outcome, Outcome::Decoded(_)));
            samples.extend(sound.mono);
            n_sounds += 1;
        }
        assert_eq!(n_sounds, packets.len());
        (samples, ahead)
    }

    #[test]
    fn golden_threads_change_no_sample() {
        let Some(folder) = golden::recordings() else { return };
        let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
        let mut n_files = 0;
        for path in index.lines().skip(1).filter_map(|line| line.split('\t').next()) {
            let (packets, decoders, codec) = packets(&folder.join(path), 10);
            let Some(memory) = memory(codec) else { continue };
            n_files += 1;
            let mut decoders = decoders.into_iter();
            let mut some = |n| -> Vec<PacketDecoder> { decoders.by_ref().take(n).collect() };
            let (alone, _) = all(Ahead::of(some(1), 0), &packets);
            let (ahead, kept) = all(Ahead::of(some(4), memory), &packets);
            assert!(alone == ahead, "{path}");
            assert_eq!(kept.n_decoders, 4, "{path}: the threads never gave up");
            // Decoders that listen to too little before notice it.
            let (deaf, kept) = all(Ahead::of(some(3), 1), &packets);
            assert!(alone == deaf, "{path}");
            if codec == CODEC_ID_MP3 && packets.len() > 400 {
                assert_eq!(kept.n_decoders, 1, "{path}: one packet is too little");
            }
        }
        eprintln!("{n_files} recordings decoded the same on 1, 3 and 4 threads");
    }

    #[test]
    fn parts_cover_all_packets_and_share_the_work() {
        for n in 0..700 {
            for n_parts in 1..9 {
                for memory in [0, 1, 3, 12] {
                    let parts = parts(n, n_parts, memory);
                    assert!(parts.len() <= n_parts && parts[0].start == 0 && parts.last().unwrap().end == n);
                    assert!(parts.windows(2).all(|two| two[0].end == two[1].start && two[1].start >= memory));
                }
            }
        }
    }

    #[test]
    fn a_panic_on_a_thread_is_an_outcome_and_ends_its_part() {
        let packet = |i: u32| {
            Packet::new(
                0,
                symphonia::core::units::Timestamp::new(0),
                symphonia::core::units::Duration::new(1),
                vec![0; i as usize],
            )
        };
        for n_decoders in [1, 3] {
            let mut ahead = Ahead::of((0..n_decoders).map(|_| PacketDecoder::panicking()).collect(), 1);
            (0..40).for_each(|i| ahead.push(packet(i)));
            ahead.flush();
            let first = ahead.pop().unwrap();
            assert!(
                matches!(first.outcome, Outcome::Panicked(message) if message == "a decoder that panics, packet of 0 bytes")
            );
        }
    }
}

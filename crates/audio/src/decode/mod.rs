//! From a file to mono blocks at its own rate.
//!
//! `x[t] = (1/C) Σ_c x_c[t]` in float32, full scale ±1. Containers are found by content. Encoder delay and padding are cut: by
//! symphonia where the codec says how much, by the edit list of MP4, by pre-skip and end position in Ogg Opus.

mod ahead;
mod guard;
mod opus;
mod packets;

use std::fs::File;
use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use crate::container::{self, Kind, Statement};
use crate::error::Flaw;
use ahead::{Ahead, Outcome, Sound};
use guard::guarded;
use packets::PacketDecoder;
pub(crate) use packets::mean_of_channels;

/// Samples that a whole recording may lack at its end: one MP3 frame, because taggers differ in whether they count their own.
const LOOSE_END: u64 = 1152;

/// Samples of padding that encoders write behind an MP3: three frames at most.
const MOST_PADDING: u64 = 4 * LOOSE_END;

/// Packets at the start of an MP3 that may be undecodable, since they lean on frames before the cut.
const LEANING_PACKETS: u64 = 3;

/// Longest recording that is decoded: two days.
const MOST_SECONDS: u64 = 172_800;

/// Samples of a channel that a byte of the file may become, where the recording is longer than [`ANY_DENSITY_SECONDS`]. FLAC writes
/// silence at 400 a byte; only a file made to fill memory or time has more.
const MOST_SAMPLES_A_BYTE: u64 = 1024;
const ANY_DENSITY_SECONDS: u64 = 600;

/// Packets in a row without sound after which nobody waits for more. A film has fewer of pictures between two of sound.
const MOST_MUTE_PACKETS: u64 = 1 << 16;

/// What a seek to a position below zero fails with, which only a damaged file asks for.
const EINVAL: i32 = 22;

/// A recording being decoded.
pub(crate) struct Decoder {
    statement: Statement,
    reader: Box<dyn FormatReader>,
    ahead: Ahead,
    /// How the packets ended, once they did.
    tail: Option<Result<(), Error>>,
    track: u32,
    bare: bool,
    /// Samples of a channel that the file states, before any edit.
    stated: Option<u64>,
    /// Samples a second that the header states.
    header_hz: Option<u32>,
    rate_hz: u32,
    mono: Vec<f32>,
    /// Packets in a row that brought no sound.
    n_mute: u64,
    n_packets: u64,
    n_packet_bytes: u64,
    n_decoded: u64,
    n_padding: u64,
    n_given: u64,
    ended: bool,
}

impl Decoder {
    pub(crate) fn open(path: &Path) -> Result<Self, Flaw> {
        guarded(|| Self::open_unguarded(path)).unwrap_or_else(|message| Err(gave_up(&message)))
    }

    fn open_unguarded(path: &Path) -> Result<Self, Flaw> {
        let file = File::open(path).map_err(Flaw::Io)?;
        let statement = container::inspect(&file)?;
        let source = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
        let reader = symphonia::default::get_probe()
            .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| unopened(&error, statement.kind))?;
        let track = reader
            .default_track(TrackType::Audio)
            .ok_or_else(|| Flaw::Unsupported("it holds no track of sound that is known".into()))?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(Flaw::Unsupported("its track of sound has no codec".into()));
        };
        let is_mpeg = [CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3].contains(&parameters.codec);
        let bare = statement.kind == Kind::Bare && (is_mpeg || parameters.codec == CODEC_ID_AAC);
        // A guessed length must neither cut a recording nor condemn it.
        let trust = statement.length_is_stated && (is_mpeg || statement.kind != Kind::Bare);
        let make = || PacketDecoder::new(parameters, track.id, trust || !bare);
        let ahead = Ahead::new(parameters.codec, make)?;
        let stated = track.num_frames.filter(|_| trust);
        let header_hz = parameters.sample_rate.filter(|&hz| hz > 0);
        let track = track.id;
        Ok(Self {
            statement,
            reader,
            ahead,
            tail: None,
            track,
            bare,
            stated,
            header_hz,
            rate_hz: 0,
            mono: Vec::new(),
            n_mute: 0,
            n_packets: 0,
            n_packet_bytes: 0,
            n_decoded: 0,
            n_padding: 0,
            n_given: 0,
            ended: false,
        })
    }

    /// Seconds that the header states, where its word is taken for the end of the recording.
    pub(crate) fn stated_seconds(&self) -> Option<f64> {
        let whole = self.stated? as f64 / f64::from(self.header_hz?);
        let edit = self.statement.edit.map(|edit| edit.keep.unwrap_or(whole - edit.skip));
        Some(edit.unwrap_or(whole)).filter(|&seconds| seconds > 0.0 && seconds <= MOST_SECONDS as f64)
    }

    /// The next samples and their rate; `None` at the end of a whole recording.
    pub(crate) fn next_block(&mut self) -> Result<Option<(&[f32], u32)>, Flaw> {
        loop {
            if self.ended {
                return Ok(None);
            }
            match guarded(|| self.step()).unwrap_or_else(|message| Err(gave_up(&message))) {
                Ok(true) if !self.mono.is_empty() => return Ok(Some((&self.mono, self.rate_hz))),
                Ok(true) => {}
                Ok(false) => self.ended = true,
                Err(flaw) => {
                    self.ended = true;
                    return Err(flaw);
                }
            }
        }
    }

    /// Takes one packet's sound into `mono`; `false` at the end.
    fn step(&mut self) -> Result<bool, Flaw> {
        self.mono.clear();
        if let Some(sound) = self.ahead.pop() {
            return self.take(sound).map(|()| true);
        }
        match self.tail.take() {
            None => self.read()?,
            Some(Ok(())) => return self.end().map(|()| false),
            Some(Err(Error::IoError(error))) if is_end(&error) && self.length_is_open() => {
                return self.end().map(|()| false);
            }
            Some(Err(error)) => return Err(self.broken(&error)),
        }
        Ok(true)
    }

    /// Reads one packet.
    fn read(&mut self) -> Result<(), Flaw> {
        self.n_mute += 1;
        if self.n_mute > MOST_MUTE_PACKETS {
            return Err(Flaw::Absurd(format!("{MOST_MUTE_PACKETS} packets in a row hold no sound")));
        }
        match self.reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.track => self.ahead.push(packet),
            Ok(Some(_)) => {}
            Ok(None) => self.finish(Ok(())),
            Err(error) => self.finish(Err(error)),
        }
        Ok(())
    }

    fn finish(&mut self, tail: Result<(), Error>) {
        self.ahead.flush();
        self.tail = Some(tail);
    }

    /// Checks the sound of one packet and cuts it.
    fn take(&mut self, sound: Sound) -> Result<(), Flaw> {
        let Sound { stated, padding, n_bytes, outcome, mono } = sound;
        // Behind the stated end a demuxer counts from there, not from the packet's beginning.
        self.n_padding += padding.min(LOOSE_END);
        self.n_packets += 1;
        self.n_packet_bytes += n_bytes;
        let format = match outcome {
            Outcome::Decoded(format) => format,
            Outcome::Failed(Error::DecodeError(_)) if self.bare && self.n_packets <= LEANING_PACKETS => {
                // Silence of the same length keeps the place in time; before the first sound there is no rate to keep it at.
                self.n_decoded += stated;
                let n_silent = if self.rate_hz == 0 { 0 } else { stated.min(1 << 16) };
                self.mono.resize(n_silent as usize, 0.0);
                self.n_given += n_silent;
                return Ok(());
            }
            Outcome::Failed(error) => return Err(self.broken(&error)),
            Outcome::Panicked(message) => return Err(gave_up(&message)),
        };
        let Some((rate_hz, n_channels)) = format else { return Ok(()) };
        if self.rate_hz == 0 {
            container::check_format(rate_hz, n_channels)?;
            self.rate_hz = rate_hz;
        } else if rate_hz != self.rate_hz {
            return Err(Flaw::Unsupported(format!(
                "its sample rate changes from {} to {rate_hz}",
                self.rate_hz
            )));
        }
        self.ahead.recycle(std::mem::replace(&mut self.mono, mono));
        if let Some(at) = first_not_finite(&self.mono) {
            let seconds = (self.n_decoded + at as u64) as f64 / f64::from(rate_hz);
            return Err(Flaw::NotFinite { seconds });
        }
        self.n_mute = 0;
        let begin = self.n_decoded;
        self.n_decoded += self.mono.len() as u64;
        self.check_bounds()?;
        self.cut(begin);
        self.n_given += self.mono.len() as u64;
        Ok(())
    }

    /// Refuses a recording that goes on beyond what any is.
    fn check_bounds(&self) -> Result<(), Flaw> {
        let seconds = self.n_decoded / u64::from(self.rate_hz.max(1));
        if seconds > MOST_SECONDS {
            return Err(Flaw::Absurd(format!("it goes on for more than {MOST_SECONDS} s; cut it")));
        }
        let n_bytes = self.statement.n_bytes;
        if seconds > ANY_DENSITY_SECONDS && self.n_decoded / MOST_SAMPLES_A_BYTE > n_bytes {
            return Err(Flaw::Absurd(format!("it blows {n_bytes} bytes up to more than {seconds} s")));
        }
        Ok(())
    }

    /// Keeps of a block that begins at sample `begin` what the edit list lets be heard.
    fn cut(&mut self, begin: u64) {
        let Some(edit) = self.statement.edit else { return };
        let rate = f64::from(self.rate_hz);
        let first = (edit.skip * rate).round() as u64;
        let keep = edit.keep.map_or(u64::MAX, |seconds| {
            let keep = (seconds * rate).round() as u64;
            // The kept length is often rounded to milliseconds; where all the rest is as good an answer, it is the right one.
            let rest = self.stated.unwrap_or(0).saturating_sub(first);
            if rest.abs_diff(keep) as f64 <= edit.grain * rate { rest } else { keep }
        });
        let last = first.saturating_add(keep);
        let within = |at: u64| at.saturating_sub(begin).min(self.mono.len() as u64) as usize;
        let (from, to) = (within(first), within(last));
        self.mono.truncate(to);
        self.mono.drain(..from.min(to));
    }

    /// Whether the demuxer meeting the end of the file is how such a stream ends.
    fn length_is_open(&self) -> bool {
        self.bare || (self.statement.kind == Kind::Wav && !self.statement.length_is_stated)
    }

    fn end(&self) -> Result<(), Flaw> {
        let content = self.statement.n_bytes - self.statement.content;
        // A stated length is a frame that says so, which does not occur by chance.
        if self.bare && self.stated.is_none() && self.n_packet_bytes < content / 2 {
            // A pattern of bits that looks like a frame occurs by chance.
            let share = format!("{} of {content} bytes look like MPEG frames", self.n_packet_bytes);
            return Err(Flaw::NotAudio(share));
        }
        if self.bare && self.n_padding > MOST_PADDING {
            // Two recordings in one file: the first states its length, and the second would be taken for padding.
            let stated = self.stated.unwrap_or(self.n_decoded);
            return Err(Flaw::Absurd(format!(
                "it states {stated} samples, and {} follow them",
                self.n_padding
            )));
        }
        match self.stated {
            Some(stated) if self.n_decoded.saturating_add(self.loose_end()) < stated => {
                let detail = format!("it holds {} of the {stated} samples that it states", self.n_decoded);
                Err(Flaw::Truncated(detail))
            }
            _ if self.n_given == 0 => Err(Flaw::Empty("it has no samples".into())),
            _ => Ok(()),
        }
    }

    fn loose_end(&self) -> u64 {
        match self.statement.kind {
            Kind::Wav | Kind::Aiff | Kind::Flac => 0,
            Kind::Mp4 | Kind::Bare => LOOSE_END,
            // The end position of Opus counts the samples to be skipped, 312 in practice.
            Kind::Ogg => 2 * LOOSE_END,
        }
    }

    fn broken(&self, error: &Error) -> Flaw {
        let at = self.n_decoded as f64 / f64::from(self.rate_hz.max(1));
        match error {
            Error::IoError(error) if is_end(error) => Flaw::Truncated(format!("it ends at {at:.3} s")),
            Error::IoError(error) if is_of_the_system(error) => Flaw::Io(copy(error)),
            Error::ResetRequired => Flaw::Unsupported("several streams are chained in it".into()),
            Error::Unsupported(_) | Error::LimitError(_) => Flaw::Unsupported(error.to_string()),
            _ if self.n_given == 0 && self.bare && self.stated.is_none() => Flaw::NotAudio(error.to_string()),
            _ => Flaw::Truncated(format!("at {at:.3} s: {error}")),
        }
    }
}

/// Position of the first sample that is NaN or infinite.
pub(crate) fn first_not_finite(samples: &[f32]) -> Option<usize> {
    // One product a sample is quick, and any culprit shows in the sum.
    let sum: f32 = samples.chunks(64).map(|chunk| chunk.iter().map(|x| x * 0.0).sum::<f32>()).sum();
    if sum == 0.0 { None } else { samples.iter().position(|x| !x.is_finite()) }
}

fn gave_up(message: &str) -> Flaw {
    Flaw::Undecodable(format!("its decoder panicked: {message}"))
}

/// Why no reader took the file.
fn unopened(error: &Error, kind: Kind) -> Flaw {
    match error {
        Error::IoError(error) if !is_end(error) => {
            Flaw::Io(std::io::Error::new(error.kind(), error.to_string()))
        }
        _ if kind == Kind::Bare => Flaw::NotAudio("no known container or codec begins in it".into()),
        Error::IoError(_) => Flaw::Truncated("it ends inside its header".into()),
        Error::Unsupported(_) | Error::LimitError(_) => Flaw::Unsupported(error.to_string()),
        _ => Flaw::Truncated(error.to_string()),
    }
}

/// Demuxers also call it an input error when a number in the file leads them nowhere.
fn is_of_the_system(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| code != EINVAL)
}

fn copy(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error)
}

fn is_end(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_decoder_costs_the_recording_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        crate::write_wav(File::create(&path).unwrap(), &path, &vec![0.25; 5000], 24_000).unwrap();
        let mut decoder = Decoder::open(&path).unwrap();
        decoder.ahead = Ahead::panicking();
        let error = decoder.next_block().unwrap_err().of(&path);
        assert_eq!(error.fault(), crate::Fault::Undecodable);
        let message = error.to_string();
        assert!(message.contains("its decoder panicked: a decoder that panics, packet of "), "{message}");
        assert!(matches!(decoder.next_block(), Ok(None)), "after an error the stream is at its end");
        assert_eq!(Decoder::open(&path).unwrap().next_block().unwrap().unwrap().1, 24_000);
    }

    #[test]
    fn what_is_not_finite_is_found_wherever_it_stands() {
        for n in [1, 63, 64, 65, 1000] {
            let mut samples = vec![-0.5; n];
            assert_eq!(first_not_finite(&samples), None);
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                samples[n / 2] = bad;
                assert_eq!(first_not_finite(&samples), Some(n / 2));
            }
        }
        assert_eq!(first_not_finite(&[f32::MAX; 100]), None);
        assert_eq!(first_not_finite(&[]), None);
    }
}

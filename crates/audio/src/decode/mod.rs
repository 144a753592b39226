//! From a file to mono blocks at its own rate.
//!
//! `x[t] = (1/C) Σ_c x_c[t]` in float32, full scale ±1. Containers are found by content. Encoder delay and padding are cut: by
//! symphonia where the codec says how much, by the edit list of MP4, by pre-skip and end position in Ogg Opus.

mod opus;
mod packets;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
use packets::PacketDecoder;

/// Samples that a whole recording may lack at its end: one MP3 frame, because taggers differ in whether they count their own.
const LOOSE_END: u64 = 1152;

/// Packets at the start of an MP3 that may be undecodable, since they lean on frames before the cut.
const LEANING_PACKETS: u64 = 3;

/// What a seek to a position below zero fails with, which only a damaged file asks for.
const EINVAL: i32 = 22;

/// A recording being decoded.
pub(crate) struct Decoder {
    statement: Statement,
    reader: Box<dyn FormatReader>,
    packets: PacketDecoder,
    track: u32,
    bare: bool,
    /// Samples of a channel that the file states, before any edit.
    stated: Option<u64>,
    rate_hz: u32,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    n_packets: u64,
    n_packet_bytes: u64,
    n_decoded: u64,
    n_given: u64,
    ended: bool,
}

impl Decoder {
    pub(crate) fn open(path: &Path) -> Result<Self, Flaw> {
        guarded(|| Self::open_unguarded(path))
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
        let packets = PacketDecoder::new(parameters, track, trust || !bare)?;
        let stated = track.num_frames.filter(|_| trust);
        let track = track.id;
        Ok(Self {
            statement,
            reader,
            packets,
            track,
            bare,
            stated,
            rate_hz: 0,
            interleaved: Vec::new(),
            mono: Vec::new(),
            n_packets: 0,
            n_packet_bytes: 0,
            n_decoded: 0,
            n_given: 0,
            ended: false,
        })
    }

    /// The next samples and their rate; `None` at the end of a whole recording.
    pub(crate) fn next_block(&mut self) -> Result<Option<(&[f32], u32)>, Flaw> {
        loop {
            if self.ended {
                return Ok(None);
            }
            match guarded(|| self.step()) {
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

    /// Decodes one packet into `mono`; `false` at the end.
    fn step(&mut self) -> Result<bool, Flaw> {
        self.mono.clear();
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return self.end().map(|()| false),
            Err(Error::IoError(error)) if is_end(&error) && self.length_is_open() => {
                return self.end().map(|()| false);
            }
            Err(error) => return Err(self.broken(&error)),
        };
        if packet.track_id != self.track {
            return Ok(true);
        }
        self.n_packets += 1;
        self.n_packet_bytes += packet.data.len() as u64;
        let format = match self.packets.decode(&packet, &mut self.interleaved) {
            Ok(format) => format,
            Err(Error::DecodeError(_)) if self.bare && self.n_packets <= LEANING_PACKETS => {
                // Silence of the same length keeps the place in time; before the first sound there is no rate to keep it at.
                self.n_decoded += packet.dur.get();
                let n_silent = if self.rate_hz == 0 { 0 } else { packet.dur.get().min(1 << 16) };
                self.mono.resize(n_silent as usize, 0.0);
                self.n_given += n_silent;
                return Ok(true);
            }
            Err(error) => return Err(self.broken(&error)),
        };
        let Some((rate_hz, n_channels)) = format else { return Ok(true) };
        if self.rate_hz == 0 {
            container::check_format(rate_hz, n_channels)?;
            self.rate_hz = rate_hz;
        } else if rate_hz != self.rate_hz {
            return Err(Flaw::Unsupported(format!(
                "its sample rate changes from {} to {rate_hz}",
                self.rate_hz
            )));
        }
        average(&self.interleaved, n_channels.max(1), &mut self.mono);
        if let Some(at) = self.mono.iter().position(|x| !x.is_finite()) {
            let seconds = (self.n_decoded + at as u64) as f64 / f64::from(rate_hz);
            return Err(Flaw::NotFinite { seconds });
        }
        let begin = self.n_decoded;
        self.n_decoded += self.mono.len() as u64;
        self.cut(begin);
        self.n_given += self.mono.len() as u64;
        Ok(true)
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

/// Mean over channels. Shapes: `[t, c]` to `[t]`.
fn average(interleaved: &[f32], n_channels: usize, mono: &mut Vec<f32>) {
    if n_channels == 1 {
        mono.extend_from_slice(interleaved);
    } else {
        let frames = interleaved.chunks_exact(n_channels);
        mono.extend(frames.map(|frame| frame.iter().sum::<f32>() / n_channels as f32));
    }
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

/// Decoders are large and met by every kind of damage; where one gives up by panicking, only the recording is lost.
fn guarded<T>(work: impl FnOnce() -> Result<T, Flaw>) -> Result<T, Flaw> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Flaw::Truncated("its decoder gave up on damaged data".into())))
}

//! Opus in Ogg. Source: RFC 7845 (mapping, pre-skip, gain, end trimming), RFC 6716 and 8251 (the codec).
//!
//! symphonia finds the packets but has no decoder. We use `opus-decoder`: pure Rust without unsafe code, conformant to the vectors of
//! RFC 8251, nothing to build. `symphonia-adapter-libopus` brings the C library and needs CMake and a C compiler, which the default
//! build must not.

use opus_decoder::{OpusDecoder, OpusMultistreamDecoder};
use symphonia::core::errors::{Error, decode_error};
use symphonia::core::packet::Packet;

use crate::container;
use crate::error::Flaw;

/// Opus always decodes at this rate here.
const RATE_HZ: u32 = 48_000;

/// Samples of the longest packet, 120 ms.
const MOST_SAMPLES: usize = 5760;

pub(super) struct OpusPackets {
    streams: Streams,
    n_channels: usize,
    gain: f32,
    to_skip: usize,
}

enum Streams {
    One(OpusDecoder),
    Several(OpusMultistreamDecoder),
}

impl OpusPackets {
    /// Reads the identification header.
    pub(super) fn new(head: &[u8]) -> Result<Self, Flaw> {
        let &[
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            n_channels,
            skip_low,
            skip_high,
            _,
            _,
            _,
            _,
            gain_low,
            gain_high,
            family,
            ref rest @ ..,
        ] = head
        else {
            return Err(Flaw::Truncated("its Opus header is too short".into()));
        };
        let n_channels = usize::from(n_channels);
        container::check_format(RATE_HZ, n_channels)?;
        let refused = |error| Flaw::Unsupported(format!("its Opus header: {error}"));
        let streams = match (family, rest) {
            (0, _) => Streams::One(OpusDecoder::new(RATE_HZ, n_channels).map_err(refused)?),
            (_, &[n_streams, n_coupled, ref mapping @ ..]) if mapping.len() >= n_channels => {
                let (n_streams, n_coupled) = (usize::from(n_streams), usize::from(n_coupled));
                let mapping = &mapping[..n_channels];
                let made = OpusMultistreamDecoder::new(RATE_HZ, n_channels, n_streams, n_coupled, mapping);
                Streams::Several(made.map_err(refused)?)
            }
            _ => return Err(Flaw::Truncated("its Opus header is too short".into())),
        };
        // In 1/256 of a decibel.
        let gain = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
        Ok(Self {
            streams,
            n_channels,
            gain: 10.0f32.powf(gain / 20.0),
            to_skip: usize::from(u16::from_le_bytes([skip_low, skip_high])),
        })
    }

    pub(super) fn decode(
        &mut self,
        packet: &Packet,
        interleaved: &mut Vec<f32>,
    ) -> Result<Option<(u32, usize)>, Error> {
        if packet.data.is_empty() {
            return decode_error("an Opus packet without bytes");
        }
        interleaved.resize(MOST_SAMPLES * self.n_channels, 0.0);
        let decoded = match &mut self.streams {
            Streams::One(decoder) => decoder.decode_float(&packet.data, interleaved, false),
            Streams::Several(decoder) => decoder.decode_float(&packet.data, interleaved, false),
        };
        let Ok(n_samples) = decoded else { return decode_error("an invalid Opus packet") };
        let n_kept = n_samples.saturating_sub(usize::try_from(packet.trim_end.get()).unwrap_or(usize::MAX));
        interleaved.truncate(n_kept * self.n_channels);
        let n_skipped = self.to_skip.min(n_kept);
        self.to_skip -= n_skipped;
        interleaved.drain(..n_skipped * self.n_channels);
        for sample in &mut *interleaved {
            *sample *= self.gain;
        }
        Ok((!interleaved.is_empty()).then_some((RATE_HZ, self.n_channels)))
    }
}

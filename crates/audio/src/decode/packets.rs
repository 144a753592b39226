//! One packet to mono samples, by symphonia's decoders or, for Opus, ours.
//!
//! `x[t] = (1/C) Σ_c x_c[t]` in float32, full scale ±1.

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use super::opus::OpusPackets;
use crate::error::Flaw;

/// Rate and number of channels.
pub(super) type Format = (u32, usize);

pub(super) struct PacketDecoder {
    codec: Codec,
    /// Samples of each channel of the last packet.
    planes: Vec<Vec<f32>>,
}

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusPackets>),
    #[cfg(test)]
    Panicking,
}

impl PacketDecoder {
    /// `gapless`: whether the delay and padding that the track states are to be cut.
    pub(super) fn new(parameters: &AudioCodecParameters, track: u32, gapless: bool) -> Result<Self, Flaw> {
        let with = |codec| Self { codec, planes: Vec::new() };
        if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            return Ok(with(Codec::Opus(Box::new(OpusPackets::new(head)?))));
        }
        if parameters.channels.as_ref().is_some_and(|channels| channels.count() == 0) {
            return Err(Flaw::NoChannels);
        }
        let options = AudioDecoderOptions::default().gapless(gapless);
        let made = symphonia::default::get_codecs().make_audio_decoder(parameters, &options);
        made.map(|decoder| with(Codec::Symphonia(decoder))).map_err(|error| {
            Flaw::Unsupported(format!("codec {} of track {track}: {error}", parameters.codec))
        })
    }

    /// Forgets what earlier packets left behind.
    pub(super) fn reset(&mut self) {
        if let Codec::Symphonia(decoder) = &mut self.codec {
            decoder.reset();
        }
    }

    /// Decodes and appends to `mono`; returns the format, `None` where the packet holds no sound.
    pub(super) fn decode(&mut self, packet: &Packet, mono: &mut Vec<f32>) -> Result<Option<Format>, Error> {
        match &mut self.codec {
            Codec::Symphonia(decoder) => {
                let buffer = decoder.decode(packet)?;
                if buffer.frames() == 0 {
                    return Ok(None);
                }
                let format = (buffer.spec().rate(), buffer.num_planes());
                if let GenericAudioBufferRef::F32(buffer) = &buffer {
                    mean_of_channels(format.1, buffer.iter_planes(), mono);
                } else {
                    buffer.copy_to_vecs_planar(&mut self.planes);
                    mean_of_channels(format.1, self.planes.iter().map(Vec::as_slice), mono);
                }
                Ok(Some(format))
            }
            Codec::Opus(decoder) => {
                let interleaved = &mut self.planes;
                interleaved.resize(1, Vec::new());
                let format = decoder.decode(packet, &mut interleaved[0])?;
                if let Some((_, n_channels)) = format {
                    average_interleaved(&interleaved[0], n_channels, mono);
                }
                Ok(format)
            }
            #[cfg(test)]
            Codec::Panicking => panic!("a decoder that panics, packet of {} bytes", packet.data.len()),
        }
    }

    /// A decoder that panics at its first packet.
    #[cfg(test)]
    pub(super) fn panicking() -> Self {
        Self { codec: Codec::Panicking, planes: Vec::new() }
    }
}

/// Mean over channels. Shapes: planes `[c, t]`, appended `[t]`.
pub(crate) fn mean_of_channels<'a>(
    n_channels: usize,
    mut planes: impl Iterator<Item = &'a [f32]>,
    mono: &mut Vec<f32>,
) {
    let begin = mono.len();
    let Some(first) = planes.next() else { return };
    mono.extend_from_slice(first);
    if n_channels == 1 {
        return;
    }
    for plane in planes {
        mono[begin..].iter_mut().zip(plane).for_each(|(sum, x)| *sum += x);
    }
    mono[begin..].iter_mut().for_each(|sum| *sum /= n_channels as f32);
}

/// Mean over channels. Shapes: `[t, c]`, appended `[t]`.
fn average_interleaved(interleaved: &[f32], n_channels: usize, mono: &mut Vec<f32>) {
    if n_channels == 1 {
        mono.extend_from_slice(interleaved);
    } else {
        let frames = interleaved.chunks_exact(n_channels.max(1));
        mono.extend(frames.map(|frame| frame.iter().sum::<f32>() / n_channels as f32));
    }
}

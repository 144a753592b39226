//! One packet to interleaved samples, by symphonia's decoders or, for Opus, ours.

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::Track;
use symphonia::core::packet::Packet;

use super::opus::OpusPackets;
use crate::error::Flaw;

pub(super) enum PacketDecoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusPackets>),
}

impl PacketDecoder {
    /// `gapless`: whether the delay and padding that the track states are to be cut.
    pub(super) fn new(parameters: &AudioCodecParameters, track: &Track, gapless: bool) -> Result<Self, Flaw> {
        if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            return Ok(Self::Opus(Box::new(OpusPackets::new(head)?)));
        }
        if parameters.channels.as_ref().is_some_and(|channels| channels.count() == 0) {
            return Err(Flaw::NoChannels);
        }
        let options = AudioDecoderOptions::default().gapless(gapless);
        let made = symphonia::default::get_codecs().make_audio_decoder(parameters, &options);
        made.map(Self::Symphonia).map_err(|error| {
            Flaw::Unsupported(format!("codec {} of track {}: {error}", parameters.codec, track.id))
        })
    }

    /// Decodes into `interleaved`, `[t, c]`; returns rate and number of channels, `None` where the packet holds no sound.
    pub(super) fn decode(
        &mut self,
        packet: &Packet,
        interleaved: &mut Vec<f32>,
    ) -> Result<Option<(u32, usize)>, Error> {
        interleaved.clear();
        match self {
            Self::Symphonia(decoder) => {
                let buffer = decoder.decode(packet)?;
                if buffer.frames() == 0 {
                    return Ok(None);
                }
                buffer.copy_to_vec_interleaved(interleaved);
                Ok(Some((buffer.spec().rate(), buffer.num_planes())))
            }
            Self::Opus(decoder) => decoder.decode(packet, interleaved),
        }
    }
}

//! The one place where a recording becomes samples.

use std::path::Path;

use crate::{CorpusError, Reason};

/// Why decoding ended early.
pub(crate) enum Failure {
    /// The recording is at fault, for good.
    Broken(Reason, String),
    /// The receiver of the samples is.
    Sink(CorpusError),
}

/// Decodes `path` to 24 kHz mono and hands over block after block, in constant memory, until the sink says
/// `false`: it has enough.
pub(crate) fn decode(
    path: &Path,
    resampler: audio::Resampler,
    mut sink: impl FnMut(&[f32]) -> Result<bool, CorpusError>,
) -> Result<(), Failure> {
    let broken = |error: audio::AudioError| Failure::Broken(reason(&error), error.to_string());
    let mut stream = audio::Stream24k::open(path, resampler).map_err(broken)?;
    while let Some(block) = stream.next_block().map_err(broken)? {
        if !sink(block).map_err(Failure::Sink)? {
            break;
        }
    }
    Ok(())
}

fn reason(error: &audio::AudioError) -> Reason {
    use audio::Fault;
    match error.fault() {
        Fault::Empty => Reason::Empty,
        Fault::Truncated => Reason::Truncated,
        Fault::NotAudio => Reason::NotAudio,
        Fault::NotFinite => Reason::NotFinite,
        Fault::NoChannels => Reason::NoChannels,
        Fault::AbsurdHeader => Reason::AbsurdHeader,
        Fault::Unsupported => Reason::Unsupported,
        Fault::Undecodable => Reason::Undecodable,
        Fault::Io => Reason::Unreadable,
    }
}

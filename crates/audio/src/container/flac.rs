//! FLAC: the stream information at its head. Source: RFC 9639, section 8.2.

use super::bytes::Bytes;
use super::{check_channels, check_rate};
use crate::error::Flaw;

/// Samples of the longest frame, and bytes of the shortest one.
const MOST_SAMPLES_A_FRAME: u64 = 65_535;
const LEAST_BYTES_A_FRAME: u64 = 8;

/// Returns whether the length is stated.
pub(super) fn inspect(bytes: &mut Bytes<'_>, start: u64) -> Result<bool, Flaw> {
    let head = bytes.exact::<26>(start)?;
    if head[4] & 0x7f != 0 {
        return Err(Flaw::Absurd("its first block is not its stream information".into()));
    }
    // Behind marker, block header, block sizes and frame sizes: 20 bits rate, 3 channels − 1, 5 bits − 1, 36 samples.
    let packed = head[18..26].iter().fold(0u64, |whole, &byte| whole << 8 | u64::from(byte));
    check_rate((packed >> 44) as u32)?;
    check_channels((packed >> 41 & 7) as u32 + 1)?;
    let n_samples = packed & ((1 << 36) - 1);
    let most = (bytes.len() / LEAST_BYTES_A_FRAME + 1) * MOST_SAMPLES_A_FRAME;
    if n_samples > most {
        return Err(Flaw::Absurd(format!("{n_samples} samples in {} bytes", bytes.len())));
    }
    Ok(n_samples > 0)
}

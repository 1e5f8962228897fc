//! The encodings: how each compresses, and how it restores within a bound.

use std::io::{self, Read};

use serde::Deserialize;

use super::{Effort, press::Press};

/// The largest window of Zstandard, 8 MiB: what its specification asks every decoder to take, and
/// more than any effort here uses.
#[cfg(feature = "zstd")]
const WINDOW_LOG_MAX: u32 = 23;

/// Names an encoding, as the header `content-encoding` does.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Zstandard, `zstd`: faster and smaller.
    #[cfg(feature = "zstd")]
    #[default]
    Zstd,
    /// Gzip, `gzip`: known everywhere.
    #[cfg(feature = "gzip")]
    #[cfg_attr(not(feature = "zstd"), default)]
    Gzip,
}

impl Encoding {
    /// Lists the encodings whose feature is on.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "gzip")]
        Self::Gzip,
    ];

    /// Returns the name in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
        }
    }

    /// Finds the encoding that a header names, in upper or lower case.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let is_it = |encoding: &&Self| encoding.name().as_bytes().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(is_it).copied()
    }

    /// Makes something that compresses, and can be used again.
    pub(super) fn press(self, effort: Effort) -> io::Result<Press> {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => Press::zstd(effort),
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Press::gzip(effort)),
        }
    }

    /// Restores `body`, up to `max` bytes and one more, which tells that there are too many.
    pub(super) fn restore(self, body: &[u8], max: u64) -> io::Result<Vec<u8>> {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?.single_frame();
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                read(decoder, max, |decoder| decoder.finish())
            }
            #[cfg(feature = "gzip")]
            Self::Gzip => {
                let decoder = flate2::bufread::GzDecoder::new(body);
                read(decoder, max, |decoder| decoder.into_inner())
            }
        }
    }
}

/// Reads what `decoder` gives, up to `max` bytes and one more; `rest` tells what it left of a body
/// that ended within them.
fn read<'a, R: Read>(
    mut decoder: R,
    max: u64,
    rest: impl FnOnce(R) -> &'a [u8],
) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    decoder
        .by_ref()
        .take(max.saturating_add(1))
        .read_to_end(&mut output)?;
    let is_whole = output.len() as u64 <= max;
    if is_whole && !rest(decoder).is_empty() {
        let error = "there are bytes behind its end";
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(output)
}

//! What compresses a body, and is kept to be used again.

use std::fmt::{self, Debug};

use super::Effort;

/// Compresses one body at a time.
pub(super) enum Press {
    #[cfg(feature = "zstd")]
    Zstd(zstd::bulk::Compressor<'static>),
    #[cfg(feature = "gzip")]
    Gzip(flate2::Compression),
}

impl Press {
    #[cfg(feature = "zstd")]
    pub(super) fn zstd(effort: Effort) -> std::io::Result<Self> {
        let level = match effort {
            Effort::Low => 1,
            Effort::Normal => 3,
            Effort::High => 9,
        };
        zstd::bulk::Compressor::new(level).map(Self::Zstd)
    }

    #[cfg(feature = "gzip")]
    pub(super) const fn gzip(effort: Effort) -> Self {
        let level = match effort {
            Effort::Low => 1,
            Effort::Normal => 6,
            Effort::High => 9,
        };
        Self::Gzip(flate2::Compression::new(level))
    }

    /// Compresses `body`, if the result has at most `max` bytes.
    pub(super) fn compress(&mut self, body: &[u8], max: usize) -> Option<Vec<u8>> {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd(compressor) => {
                let mut output = Vec::with_capacity(max);
                compressor.compress_to_buffer(body, &mut output).ok()?;
                // What a body saved is not kept as room that nobody uses.
                output.shrink_to_fit();
                Some(output)
            }
            #[cfg(feature = "gzip")]
            Self::Gzip(level) => {
                use std::io::Write;

                let output = Vec::with_capacity(max / 2);
                let mut encoder = flate2::write::GzEncoder::new(output, *level);
                encoder.write_all(body).ok()?;
                encoder.finish().ok().filter(|output| output.len() <= max)
            }
        }
    }
}

impl Debug for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Press")
    }
}

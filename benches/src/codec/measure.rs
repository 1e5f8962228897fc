//! Measures one codec on one value: the time of each figure, in chunks of calls.

use std::{fmt::Debug, hint::black_box};

use anyhow::{Result, ensure};
use bytes::BytesMut;

use crate::{
    clock::Mark,
    compare::{Contender, Rounds, median},
    report::float,
    workload::{Scale, nanos},
};

/// The bytes of a body, which come after the figures that take time.
pub(super) const BYTES: usize = Figure::ALL.len();

/// The bytes that a chunk of calls encodes or decodes, about.
const CHUNK_BYTES: usize = 32 * 1024;

/// Says what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// Encoding into a buffer that is made for the body.
    Encode,
    /// Encoding into a buffer that is there already.
    Reused,
    /// Decoding.
    Decode,
    /// Encoding into a buffer that is there already, and decoding from it.
    RoundTrip,
}

/// Is where a codec writes to.
pub(super) trait Buffer: AsRef<[u8]> {
    /// Makes a buffer as those do who encode one value with the codec.
    fn fresh() -> Self;

    /// Makes room for the next body.
    fn clear(&mut self);

    /// Makes of the buffer what those keep who encode one value with the codec.
    fn finish(self);
}

/// Says how often to measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    chunks: usize,
    pub(super) rounds: Rounds,
}

impl Figure {
    pub(super) const ALL: [Self; 4] = [Self::Encode, Self::Reused, Self::Decode, Self::RoundTrip];

    /// Returns its place among the figures of a contender.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::Reused => "encode, buffer reused",
            Self::Decode => "decode",
            Self::RoundTrip => "round trip",
        }
    }
}

impl Plan {
    /// Measures each thing once: enough to see that it works.
    #[cfg(test)]
    pub(super) const ONCE: Self = Self {
        chunks: 1,
        rounds: Rounds {
            count: 1,
            warm_up: 0,
        },
    };

    pub(super) const fn new(scale: Scale) -> Self {
        Self {
            chunks: scale.pick(200, 20),
            rounds: Rounds {
                count: scale.pick(15, 3),
                warm_up: 1,
            },
        }
    }

    /// Makes a contender of two directions; `decode` hands what it decodes to `black_box`.
    pub(super) fn contender<'a, B: Buffer>(
        self,
        name: &'static str,
        mut encode: impl FnMut(&mut B) -> Result<()> + 'a,
        mut decode: impl FnMut(&[u8]) -> Result<()> + 'a,
    ) -> Contender<'a> {
        Contender::new(name, move || {
            let mut buffer = B::fresh();
            encode(&mut buffer)?;
            let bytes = buffer.as_ref().len();
            let calls = (CHUNK_BYTES / bytes.max(1)).clamp(4, 256);
            let fresh = self.timed(calls, || {
                let mut buffer = B::fresh();
                encode(&mut buffer)?;
                buffer.finish();
                Ok(())
            })?;
            let reused = self.timed(calls, || {
                buffer.clear();
                encode(black_box(&mut buffer))
            })?;
            let decoded = self.timed(calls, || decode(black_box(buffer.as_ref())))?;
            let both = self.timed(calls, || {
                buffer.clear();
                encode(black_box(&mut buffer))?;
                decode(black_box(buffer.as_ref()))
            })?;
            Ok(vec![fresh, reused, decoded, both, float(bytes)])
        })
    }

    /// Returns what one call took: the median of the chunks, so that what interrupts this thread
    /// does not count.
    fn timed(self, calls: usize, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
        let mut figures = Vec::with_capacity(self.chunks);
        for _ in 0..self.chunks {
            let start = Mark::now();
            for _ in 0..calls {
                call()?;
            }
            figures.push(nanos(start.elapsed()) / float(calls));
        }
        Ok(median(&figures))
    }
}

/// Checks that a codec gives back what it was given, before its time is taken.
pub(super) fn ensure_same<T: Debug + PartialEq>(name: &str, decoded: &T, value: &T) -> Result<()> {
    ensure!(decoded == value, "{name} decodes {decoded:?} of {value:?}");
    Ok(())
}

impl Buffer for Vec<u8> {
    /// The capacity is the one of `serde_json::to_vec`.
    fn fresh() -> Self {
        Self::with_capacity(128)
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn finish(self) {
        drop(black_box(self));
    }
}

impl Buffer for BytesMut {
    /// The capacity is the one of `relayhouse_codec::to_bytes`.
    fn fresh() -> Self {
        Self::with_capacity(256)
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn finish(self) {
        drop(black_box(self.freeze()));
    }
}

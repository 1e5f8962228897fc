//! A writer to a buffer that belongs to the caller, up to a bound.

use std::{io, num::NonZeroUsize};

use bytes::BytesMut;

/// Writes to the end of `body` until `left` more bytes would be too many.
pub(crate) struct Sink<'a> {
    body: &'a mut BytesMut,
    start: usize,
    left: usize,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(body: &'a mut BytesMut, bytes_max: NonZeroUsize) -> Self {
        let start = body.len();
        Self {
            body,
            start,
            left: bytes_max.get(),
        }
    }

    /// Takes away what was written.
    pub(crate) fn undo(&mut self) {
        self.body.truncate(self.start);
    }
}

impl io::Write for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! What has come in and was not looked at, and what was and is to be read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

/// How much is read at a time, at least.
const READ_BYTES: usize = 64 * 1024;

/// Holds what has come in, up to the end of a frame and beyond.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Holds what is to be read.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    start: usize,
}

impl Inbox {
    /// Reads more, and returns how many bytes came: none at the end of the stream.
    pub(super) fn poll_fill<S: AsyncRead>(
        &mut self,
        stream: Pin<&mut S>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let mut buffer = ReadBuf::new(&mut self.bytes[self.end..]);
        ready!(stream.poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` bytes.
    pub(super) fn pass(&mut self, count: usize) {
        self.start += count;
    }

    /// Makes room behind what is there: by a frame that is longer than the room it grows.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() - self.end < READ_BYTES / 2 {
            self.bytes.resize(self.end + READ_BYTES, 0);
        }
    }
}

impl Outbox {
    /// Gives what there is room for, and returns true; false if there is nothing to give.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.bytes[self.start..];
        if rest.is_empty() {
            return false;
        }
        let given = &rest[..rest.len().min(buffer.remaining())];
        buffer.put_slice(given);
        self.start += given.len();
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        true
    }
}

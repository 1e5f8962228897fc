//! A stream that reads along: it changes nothing, and tells what the broker decided of deliveries.
//!
//! The client library sends a settlement and takes it for done. What the broker answers decides:
//! it may have given the lock to somebody else by then.

mod answers;
mod asked;
mod follow;
mod read;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::follow::Follower;
pub(crate) use self::{
    answers::{Answers, DELIVERIES_MAX, Drained},
    asked::Heard,
    follow::{Answer, FRAME_BYTES_MAX, Fault, Token},
};

/// Reads along with what comes in on a stream.
#[derive(Debug)]
pub(crate) struct Tap<S> {
    stream: S,
    follower: Follower,
    answers: Answers,
}

impl<S> Tap<S> {
    /// Makes a tap on `stream`, before its first byte was read.
    pub(crate) fn new(stream: S, answers: Answers) -> Self {
        Self {
            stream,
            follower: Follower::default(),
            answers,
        }
    }

    fn note(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let follower = &mut self.follower;
        self.answers
            .note(|mut tell| follower.follow(bytes, &mut tell))
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        self.answers.end();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let has_room = 0 < buffer.remaining();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let bytes = &buffer.filled()[before..];
        let is_end = has_room && bytes.is_empty();
        let result = match result {
            Ok(()) => self.note(bytes).map_err(io::Error::from),
            Err(error) => Err(error),
        };
        if is_end || result.is_err() {
            self.answers.end();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(
                f,
                "a frame of {size} bytes came in, at most {FRAME_BYTES_MAX} and no less than its \
                 own head are allowed"
            ),
            Self::Content => f.write_str("a frame came in that is not AMQP 1.0"),
            Self::Deliveries => write!(
                f,
                "more than {DELIVERIES_MAX} deliveries of one connection wait to be settled"
            ),
        }
    }
}

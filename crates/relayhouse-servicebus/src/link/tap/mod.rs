//! A stream that reads along, and tells what the broker decided of deliveries.
//!
//! The client library sends a settlement and takes it for done. What the broker answers decides:
//! it may have given the lock to somebody else by then.
//!
//! It changes one thing: a message that comes in one frame is wrapped, so that the library takes it
//! for bytes. Decoding it there, into maps of values, was the largest part of what receiving cost.

mod answers;
mod asked;
mod follow;
mod frame;
mod pipe;
mod read;
#[cfg(test)]
mod tests;
mod transfer;

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use self::{
    answers::{Answers, DELIVERIES_MAX, Drained},
    asked::Heard,
    follow::{Answer, Fault, Token},
    frame::FRAME_BYTES_MAX,
    transfer::{WRAPPED, WRAPPED_BYTES_MAX},
};
use self::{
    follow::Follower,
    pipe::{Inbox, Outbox},
};

/// Reads along with what comes in on a stream.
#[derive(Debug)]
pub(crate) struct Tap<S> {
    stream: S,
    inbox: Inbox,
    outbox: Outbox,
    follower: Follower,
    answers: Answers,
}

impl<S> Tap<S> {
    /// Makes a tap on `stream`, before its first byte was read.
    pub(crate) fn new(stream: S, answers: Answers) -> Self {
        Self {
            stream,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            follower: Follower::default(),
            answers,
        }
    }

    /// Looks at what has come in, and has ready what is to be read.
    fn follow(&mut self) -> Result<(), Fault> {
        let (follower, outbox) = (&mut self.follower, &mut self.outbox.bytes);
        let bytes = self.inbox.bytes();
        let mut taken = 0;
        self.answers.note(|tell| {
            taken = follower.follow(bytes, outbox, tell)?;
            Ok(())
        })?;
        self.inbox.pass(taken);
        Ok(())
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
        let this = &mut *self;
        // Nothing fits into a buffer without room, and that is no end.
        while !this.outbox.give(buffer) && 0 < buffer.remaining() {
            let filled = this.inbox.poll_fill(Pin::new(&mut this.stream), context);
            let result = match ready!(filled) {
                Ok(0) => {
                    this.answers.end();
                    break;
                }
                Ok(_) => this.follow().map_err(io::Error::from),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                this.answers.end();
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(()))
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

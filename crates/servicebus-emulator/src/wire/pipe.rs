//! The two ends of a connection, whatever it runs over.

use std::{future::Future, io};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much is read at once, in bytes.
const READ_BYTES: usize = 65_536;

/// What is read from.
pub(super) trait Reader: Send {
    /// Appends what comes next, and returns how many bytes those are: none at the end.
    ///
    /// A call that is given up has read nothing.
    fn read(&mut self, into: &mut BytesMut) -> impl Future<Output = io::Result<usize>> + Send;
}

/// What is written to.
pub(super) trait Writer: Send {
    /// Writes all of `bytes`, and takes off the front what it has taken over.
    ///
    /// A call that is given up has taken over what is no longer there, and goes on with the next
    /// call; until one has ended, the writer is busy.
    fn write(&mut self, bytes: &mut Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Returns whether something was taken over that may not be on its way.
    fn is_busy(&self) -> bool;
}

/// What reads from a stream of bytes.
#[derive(Debug)]
pub(super) struct StreamReader<R>(pub(super) R);

impl<R: AsyncRead + Send + Unpin> Reader for StreamReader<R> {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        into.reserve(READ_BYTES);
        self.0.read_buf(into).await
    }
}

/// What writes to a stream of bytes.
#[derive(Debug)]
pub(super) struct StreamWriter<W> {
    stream: W,
    is_busy: bool,
}

impl<W> StreamWriter<W> {
    pub(super) const fn new(stream: W) -> Self {
        Self {
            stream,
            is_busy: false,
        }
    }
}

impl<W: AsyncWrite + Send + Unpin> Writer for StreamWriter<W> {
    async fn write(&mut self, bytes: &mut Bytes) -> io::Result<()> {
        self.is_busy = true;
        while !bytes.is_empty() {
            if self.stream.write_buf(bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        // What is encrypted may be kept back until then.
        self.stream.flush().await?;
        self.is_busy = false;
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.is_busy
    }
}

//! The future of one call.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use relayhouse_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

/// Is the future of one call: it waits for the answer of its batch.
pub struct ResponseFuture<T>(oneshot::Receiver<Result<T>>);

impl<T> ResponseFuture<T> {
    pub(super) const fn new(answer: oneshot::Receiver<Result<T>>) -> Self {
        Self(answer)
    }
}

impl<T> Debug for ResponseFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<T> Future for ResponseFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(lost())))
    }
}

/// The worker ended while the call was in flight.
fn lost() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the batch ended without an answer",
    )
}

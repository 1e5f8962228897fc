//! The future of one call, and the error that a panic becomes.

use std::{
    any::Any,
    fmt::{self, Debug},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, ErrorKind, Result};

pin_project! {
    /// Is a future whose panic is its answer.
    pub struct Catching<F> {
        #[pin]
        future: F,
    }
}

impl<F> Catching<F> {
    #[inline(always)]
    pub(super) const fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F> Debug for Catching<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catching")
    }
}

impl<F: Future<Output = Result<T>>, T> Future for Catching<F> {
    type Output = Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let future = self.project().future;
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll,
            Err(payload) => Poll::Ready(Err(panicked(&*payload))),
        }
    }
}

/// Makes an error of what a panic carried.
pub(super) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => Error::new(ErrorKind::Panicked, format!("panicked: {text}")),
        None => Error::new(ErrorKind::Panicked, "panicked"),
    }
}

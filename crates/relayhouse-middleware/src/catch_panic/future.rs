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
    /// Is the future of one call.
    pub struct ResponseFuture<F> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Called { #[pin] future: F },
        Failed { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn called(future: F) -> Self {
        Self {
            stage: Stage::Called { future },
        }
    }

    pub(super) const fn failed(error: Error) -> Self {
        Self {
            stage: Stage::Failed { error: Some(error) },
        }
    }
}

impl<F> Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<F: Future<Output = Result<T>>, T> Future for ResponseFuture<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project().stage.project() {
            StageProjection::Called { future } => {
                match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
                    Ok(poll) => poll,
                    Err(payload) => Poll::Ready(Err(panicked(&*payload))),
                }
            }
            StageProjection::Failed { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
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

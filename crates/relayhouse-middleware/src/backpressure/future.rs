//! The future of one call, which gives its permit back when the call ends.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Result};

use crate::permits::Permit;

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
        Called { #[pin] future: F, permit: Option<Permit> },
        Refused { error: Option<Error> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn called(future: F, permit: Permit) -> Self {
        let permit = Some(permit);
        Self {
            stage: Stage::Called { future, permit },
        }
    }

    pub(super) const fn refused(error: Error) -> Self {
        Self {
            stage: Stage::Refused { error: Some(error) },
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
            StageProjection::Called { future, permit } => {
                let answer = ready!(future.poll(context));
                *permit = None;
                Poll::Ready(answer)
            }
            StageProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

//! The future of one call, which tells the circuit how the call ended.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Instant, Result};

use super::shared::Pass;
use crate::verdict::Classify;

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<F, C> {
        #[pin]
        stage: Stage<F, C>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, C> {
        Called { #[pin] future: F, pass: Option<Pass>, slow_at: Option<Instant>, classify: C },
        Refused { error: Option<Error> },
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) const fn called(
        future: F,
        pass: Pass,
        slow_at: Option<Instant>,
        classify: C,
    ) -> Self {
        Self {
            stage: Stage::Called {
                future,
                pass: Some(pass),
                slow_at,
                classify,
            },
        }
    }

    pub(super) const fn refused(error: Error) -> Self {
        Self {
            stage: Stage::Refused { error: Some(error) },
        }
    }
}

impl<F, C> Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<F, C, T> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T>>,
    C: Classify<T>,
{
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project().stage.project() {
            StageProjection::Called {
                future,
                pass,
                slow_at,
                classify,
            } => {
                let answer = ready!(future.poll(context));
                if let Some(pass) = pass.take() {
                    pass.record(classify.verdict(&answer), *slow_at);
                }
                Poll::Ready(answer)
            }
            StageProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

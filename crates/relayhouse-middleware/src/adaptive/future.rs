//! The future of one call, which tells the limiter how the call ended.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Instant, Result};

use super::shared::Shared;
use crate::{permits::Permit, verdict::Classify};

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
        Called {
            #[pin]
            future: F,
            permit: Option<Permit>,
            began: Instant,
            shared: Arc<Shared>,
            classify: C,
        },
        Refused { error: Option<Error> },
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) const fn called(
        future: F,
        permit: Permit,
        began: Instant,
        shared: Arc<Shared>,
        classify: C,
    ) -> Self {
        Self {
            stage: Stage::Called {
                future,
                permit: Some(permit),
                began,
                shared,
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
                permit,
                began,
                shared,
                classify,
            } => {
                let answer = ready!(future.poll(context));
                shared.record(*began, classify.verdict(&answer));
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

//! A call whose request is prepared at once.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Result};

pin_project! {
    /// Is the future of one call, or of one that was refused before it was made.
    pub struct Prepared<F> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Called { #[pin] future: F },
        Refused { error: Option<Error> },
    }
}

impl<F> Prepared<F> {
    /// Makes the future of a call, unless its request was refused.
    pub(crate) fn of(future: Result<F>) -> Self {
        let stage = match future {
            Ok(future) => Stage::Called { future },
            Err(error) => Stage::Refused { error: Some(error) },
        };
        Self { stage }
    }
}

impl<F> Debug for Prepared<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}

impl<F: Future<Output = Result<T>>, T> Future for Prepared<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project().stage.project() {
            StageProjection::Called { future } => future.poll(context),
            StageProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

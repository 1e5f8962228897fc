//! The futures of one call, for one message and for several deliveries.

use std::{
    fmt::{self, Debug},
    future::Future,
    mem::take,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, ErrorKind, Result, Settlement};

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<F, T> {
        #[pin]
        stage: Stage<F, T>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, T> {
        Called { #[pin] future: F },
        Ended { result: Option<Result<T>> },
    }
}

pin_project! {
    /// Is the future of one call with several deliveries.
    pub struct BatchFuture<F> {
        // The call with those that are not late, if there are any.
        #[pin]
        future: Option<F>,
        late: Vec<Option<Settlement>>,
    }
}

impl<F, T> ResponseFuture<F, T> {
    pub(super) const fn called(future: F) -> Self {
        Self {
            stage: Stage::Called { future },
        }
    }

    pub(super) const fn ended(result: Result<T>) -> Self {
        let result = Some(result);
        Self {
            stage: Stage::Ended { result },
        }
    }
}

impl<F> BatchFuture<F> {
    pub(super) const fn new(future: Option<F>, late: Vec<Option<Settlement>>) -> Self {
        Self { future, late }
    }
}

impl<F, T> Debug for ResponseFuture<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<F> Debug for BatchFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchFuture")
    }
}

impl<F: Future<Output = Result<T>>, T> Future for ResponseFuture<F, T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project().stage.project() {
            StageProjection::Called { future } => future.poll(context),
            StageProjection::Ended { result } => match result.take() {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            },
        }
    }
}

impl<F: Future<Output = Result<Vec<Result<Settlement>>>>> Future for BatchFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut timely = match this.future.as_pin_mut() {
            Some(future) => ready!(future.poll(context))?.into_iter(),
            None => Vec::new().into_iter(),
        };
        let answers = take(this.late).into_iter();
        let answers = answers.map(|late| match late {
            Some(settlement) => Ok(settlement),
            None => timely.next().unwrap_or_else(missing),
        });
        Poll::Ready(Ok(answers.collect()))
    }
}

/// Stands for an answer that a batch service did not give.
fn missing() -> Result<Settlement> {
    let text = "the batch handler gave no answer for this delivery";
    Err(Error::new(ErrorKind::Handler, text))
}

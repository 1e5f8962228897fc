//! A call that is made, or is answered without being made.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::Result;

pin_project! {
    /// Is the future of one call, or of one that was answered without being made.
    ///
    /// What watches the call is told how it ended; if the future is dropped before, so is that.
    pub struct Called<F, T, W> {
        #[pin]
        stage: Stage<F, T, W>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F, T, W> {
        Called { #[pin] future: F, watch: Option<W> },
        Answered { answer: Option<Result<T>> },
    }
}

/// Is told how a call ended.
pub trait Watch<T> {
    /// Hears how the call ended.
    fn ended(self, answer: &Result<T>);
}

impl<T> Watch<T> for () {
    fn ended(self, _: &Result<T>) {}
}

impl<F, T, W> Called<F, T, W> {
    #[inline(always)]
    pub(crate) const fn watched(future: F, watch: W) -> Self {
        let watch = Some(watch);
        Self {
            stage: Stage::Called { future, watch },
        }
    }

    #[inline(always)]
    pub(crate) const fn answered(answer: Result<T>) -> Self {
        let answer = Some(answer);
        Self {
            stage: Stage::Answered { answer },
        }
    }
}

impl<F, T> Called<F, T, ()> {
    /// Makes the future of a call, unless its request was refused.
    #[inline(always)]
    pub(crate) fn of(future: Result<F>) -> Self {
        match future {
            Ok(future) => Self::watched(future, ()),
            Err(error) => Self::answered(Err(error)),
        }
    }
}

impl<F, T, W> Debug for Called<F, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Called")
    }
}

impl<F: Future<Output = Result<T>>, T, W: Watch<T>> Future for Called<F, T, W> {
    type Output = Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.project().stage.project() {
            StageProjection::Called { future, watch } => {
                let answer = ready!(future.poll(context));
                if let Some(watch) = watch.take() {
                    watch.ended(&answer);
                }
                Poll::Ready(answer)
            }
            StageProjection::Answered { answer } => match answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending,
            },
        }
    }
}

//! The future of one call: that of the inner service, or the error of the codec.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

pin_project! {
    /// Is the future of one call.
    pub struct EncodingFuture<F, E> {
        #[pin]
        sending: Option<F>,
        failure: Option<E>,
    }
}

impl<F, E> EncodingFuture<F, E> {
    pub(super) const fn sending(future: F) -> Self {
        Self {
            sending: Some(future),
            failure: None,
        }
    }

    pub(super) const fn failed(error: E) -> Self {
        Self {
            sending: None,
            failure: Some(error),
        }
    }
}

impl<F, E> Debug for EncodingFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodingFuture")
            .field("is_failed", &self.failure.is_some())
            .finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<R, E>>, R, E> Future for EncodingFuture<F, E> {
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(error) = this.failure.take() {
            return Poll::Ready(Err(error));
        }
        let Some(sending) = this.sending.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let answer = ready!(sending.poll(context));
        Poll::Ready(answer)
    }
}

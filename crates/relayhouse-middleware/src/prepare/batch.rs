//! A call with a batch that is prepared at once.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Delivery, Result};

use super::Answered;

pin_project! {
    /// Is the future of a call with a batch, of which some items were answered before.
    pub struct PreparedBatch<F, T> {
        #[pin]
        future: Option<F>,
        answered: Option<Answered<T>>,
    }
}

impl<F, T> PreparedBatch<F, T> {
    /// Makes a call with the deliveries that have no answer yet, if there are any.
    pub(crate) fn call(
        batch: Vec<std::result::Result<Delivery, Result<T>>>,
        call: impl FnOnce(Vec<Delivery>) -> F,
    ) -> Self {
        let (prepared, answered) = Answered::sort(batch, |item| item);
        let future = (!prepared.is_empty()).then(|| call(prepared));
        Self {
            future,
            answered: Some(answered),
        }
    }
}

impl<F, T> Debug for PreparedBatch<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedBatch")
    }
}

impl<F: Future<Output = Result<Vec<Result<T>>>>, T> Future for PreparedBatch<F, T> {
    type Output = Result<Vec<Result<T>>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let served = match this.future.as_pin_mut() {
            Some(future) => ready!(future.poll(context)),
            None => Ok(Vec::new()),
        };
        let Some(answered) = this.answered.take() else {
            return Poll::Pending;
        };
        Poll::Ready(served.map(|served| answered.merge(served)))
    }
}

//! Small helpers of synchronisation: a lock that ignores poisoning, and a future with a deadline.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use relayhouse_core::{Clock, Error, ErrorKind, Result, Sleep};

/// Locks `mutex`. A panic of another holder is no reason to stop: no invariant of ours spans a
/// call to foreign code under a lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pin_project! {
    /// Ends with its future, or with `None` after `timeout`, counted from the first poll.
    ///
    /// A future that is ready at once costs no timer.
    pub(crate) struct Deadline<'a, F> {
        #[pin]
        future: F,
        clock: &'a dyn Clock,
        timeout: Duration,
        sleep: Option<Sleep>,
    }
}

pub(crate) fn deadline<F: Future>(
    clock: &dyn Clock,
    timeout: Duration,
    future: F,
) -> Deadline<'_, F> {
    Deadline {
        future,
        clock,
        timeout,
        sleep: None,
    }
}

/// Calls the provider, and fails with `kind` if it does not answer within `timeout`.
pub(crate) async fn answered<T>(
    clock: &dyn Clock,
    timeout: Duration,
    kind: ErrorKind,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    deadline(clock, timeout, call).await.unwrap_or_else(|| {
        let rule = format!("the provider did not answer within {timeout:?}");
        Err(Error::new(kind, rule))
    })
}

impl<F: Future> Future for Deadline<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Some(output));
        }
        let sleep = this
            .sleep
            .get_or_insert_with(|| this.clock.sleep_until(this.clock.now() + *this.timeout));
        sleep.as_mut().poll(context).map(|()| None)
    }
}

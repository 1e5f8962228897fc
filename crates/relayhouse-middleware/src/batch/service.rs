//! The service that takes single requests.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tower_service::Service;

use super::{
    ResponseFuture,
    shared::{Answer, Item, Shared, closed},
};
use crate::{
    Request,
    permits::{Amount, Hold},
    task::Task,
};

/// Collects single calls into batches.
///
/// Clones share a worker. It ends when the last of them is dropped, and has sent then what it had
/// gathered.
pub struct Batch<R, T> {
    handle: Arc<Handle<R, T>>,
    hold: Hold,
}

/// Lets the worker end when the last service is gone.
struct Handle<R, T> {
    shared: Arc<Shared<R, T>>,
    task: Task,
}

impl<R, T> Batch<R, T> {
    pub(super) fn new(shared: Arc<Shared<R, T>>, task: Task) -> Self {
        Self {
            handle: Arc::new(Handle { shared, task }),
            hold: Hold::Nothing,
        }
    }

    /// Takes nothing more, sends what has gathered, and waits until all is answered and the worker
    /// has ended. A later call fails with [`ErrorKind::Closed`](relayhouse_core::ErrorKind::Closed).
    ///
    /// Dropping the future leaves the rest to the next call.
    pub async fn close(&self) {
        self.handle.shared.start_closing();
        self.handle.task.join().await;
    }

    #[cfg(test)]
    pub(super) fn is_joined(&self) -> bool {
        self.handle.task.is_joined()
    }
}

impl<R, T> Clone for Batch<R, T> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
            hold: Hold::Nothing,
        }
    }
}

impl<R, T> Debug for Batch<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("config", &self.handle.shared.config)
            .finish_non_exhaustive()
    }
}

impl<R, T> Drop for Handle<R, T> {
    fn drop(&mut self) {
        self.shared.start_closing();
    }
}

impl<R: Request, T> Service<R> for Batch<R, T> {
    type Response = T;
    type Error = Error;
    type Future = ResponseFuture<T>;

    /// Is ready when there is room for one more request, which is then kept for this instance until
    /// it is called or dropped.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let shared = &self.handle.shared;
        if !shared.is_open() {
            self.hold = Hold::Nothing;
            return Poll::Ready(Err(closed()));
        }
        let one = Amount {
            messages: 1,
            bytes: 0,
        };
        shared
            .permits
            .poll_take(&mut self.hold, one, context)
            .map(Ok)
    }

    fn call(&mut self, request: R) -> ResponseFuture<T> {
        let shared = &self.handle.shared;
        let bytes = request.bytes();
        let amount = Amount { messages: 1, bytes };
        let permit = match self.hold.take_permit() {
            Some(mut permit) => {
                permit.resize(amount);
                Some(permit)
            }
            None => shared.permits.try_take(amount),
        };
        let (to, answer) = oneshot::channel();
        match permit {
            Some(permit) => shared.push(Item {
                request,
                bytes,
                since: shared.context.clock.now(),
                answer: Answer::new(to, permit),
            }),
            // The receiver is there still.
            None => drop(to.send(Err(full()))),
        }
        ResponseFuture::new(answer)
    }
}

fn full() -> Error {
    Error::new(ErrorKind::Full, "as much waits and is in flight as may be")
}

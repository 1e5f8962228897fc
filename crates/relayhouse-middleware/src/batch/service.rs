//! The service that takes single requests.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tokio::sync::oneshot;
use tower_service::Service;

use super::{
    ResponseFuture,
    shared::{Answer, Item, Shared, Stage, closed},
};
use crate::{
    Request,
    permits::{Amount, Hold},
    sync::lock,
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
struct Handle<R, T>(Arc<Shared<R, T>>);

impl<R, T> Batch<R, T> {
    pub(super) fn new(shared: Arc<Shared<R, T>>) -> Self {
        Self {
            handle: Arc::new(Handle(shared)),
            hold: Hold::Nothing,
        }
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Shared<R, T> {
        &self.handle.0
    }

    /// Takes nothing more, sends what has gathered, and waits until all is answered and the worker
    /// has ended. A later call fails with [`ErrorKind::Closed`](relayhouse_core::ErrorKind::Closed).
    ///
    /// Dropping the future leaves the rest to the next call.
    pub async fn close(&self) {
        let shared = &self.handle.0;
        shared.start_closing();
        loop {
            let mut ended = std::pin::pin!(shared.ended.notified());
            ended.as_mut().enable();
            if shared.stage() == Stage::Ended {
                break;
            }
            ended.await;
        }
        let task = lock(&shared.task).take();
        if let Some(task) = task {
            // A worker that panicked has told everybody who waited for it.
            let _ = task.await;
        }
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
            .field("config", &self.handle.0.config)
            .finish_non_exhaustive()
    }
}

impl<R, T> Drop for Handle<R, T> {
    fn drop(&mut self) {
        self.0.start_closing();
    }
}

impl<R: Request, T> Service<R> for Batch<R, T> {
    type Response = T;
    type Error = Error;
    type Future = ResponseFuture<T>;

    /// Is ready when there is room for one more request, which is then kept for this instance until
    /// it is called or dropped.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let shared = &self.handle.0;
        if shared.stage() != Stage::Open {
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
        let shared = &self.handle.0;
        let bytes = request.bytes();
        let mut permit = self.hold.take_permit();
        if let Some(permit) = &mut permit {
            permit.resize(Amount { messages: 1, bytes });
        }
        let (to, answer) = oneshot::channel();
        shared.push(Item {
            request,
            bytes,
            since: shared.clock.now(),
            answer: Answer::new(to, permit),
        });
        ResponseFuture::new(answer)
    }
}

//! A call with a batch that may take time to prepare.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Delivery, Error, Result};
use tower_service::Service;

use super::{Later, PreparedBatch};

pin_project! {
    /// Is the future of a call with a batch of deliveries that may take time to prepare.
    pub struct PreparingBatch<S, T>
    where
        S: Service<Vec<Delivery>>,
    {
        #[pin]
        stage: BatchPreparation<S, T>,
    }
}

pin_project! {
    #[project = BatchPreparationProjection]
    enum BatchPreparation<S, T>
    where
        S: Service<Vec<Delivery>>,
    {
        Waiting { prepare: Later<Vec<Result<Delivery>>>, service: S },
        Called { #[pin] future: PreparedBatch<S::Future, T> },
    }
}

impl<S: Service<Vec<Delivery>>, T> PreparingBatch<S, T> {
    /// Calls `service` at once, with the deliveries that were not refused.
    pub(crate) fn now(batch: Vec<Result<Delivery>>, service: &mut S) -> Self {
        let future = call(batch, service);
        let stage = BatchPreparation::Called { future };
        Self { stage }
    }

    /// Calls `service` when the deliveries are prepared.
    pub(crate) const fn later(prepare: Later<Vec<Result<Delivery>>>, service: S) -> Self {
        let stage = BatchPreparation::Waiting { prepare, service };
        Self { stage }
    }
}

/// Calls `service` with the deliveries that were not refused.
fn call<S: Service<Vec<Delivery>>, T>(
    batch: Vec<Result<Delivery>>,
    service: &mut S,
) -> PreparedBatch<S::Future, T> {
    let items = batch.into_iter().map(|item| item.map_err(Err));
    PreparedBatch::call(items.collect(), |batch| service.call(batch))
}

impl<S: Service<Vec<Delivery>>, T> Debug for PreparingBatch<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparingBatch")
    }
}

impl<S, T> Future for PreparingBatch<S, T>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<T>>, Error = Error>,
{
    type Output = Result<Vec<Result<T>>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                BatchPreparationProjection::Waiting { prepare, service } => {
                    let Poll::Ready(batch) = prepare.as_mut().poll(context) else {
                        return Poll::Pending;
                    };
                    let future = call(batch, service);
                    stage.set(BatchPreparation::Called { future });
                }
                BatchPreparationProjection::Called { future } => return future.poll(context),
            }
        }
    }
}

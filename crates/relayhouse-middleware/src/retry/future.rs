//! The future of one call: its tries, and the waits between them.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Result, Sleep};
use tower_service::Service;

use super::{Retryable, service::Again, shared::Progress};
use crate::sync::lock;

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        stage: Stage<S::Future>,
        request: R,
        progress: Progress,
        again: Arc<Again<S>>,
        // What the next try is made with, once there is one.
        service: Option<S>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Called { #[pin] future: F },
        Waiting { sleep: Sleep, error: Error },
        Waited { error: Error },
    }
}

impl<S: Service<R>, R> ResponseFuture<S, R> {
    #[inline(always)]
    pub(super) const fn new(
        future: S::Future,
        request: R,
        progress: Progress,
        again: Arc<Again<S>>,
    ) -> Self {
        Self {
            stage: Stage::Called { future },
            request,
            progress,
            again,
            service: None,
        }
    }
}

impl<S: Service<R>, R> Debug for ResponseFuture<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R, Error = Error> + Clone,
    R: Retryable,
{
    type Output = Result<S::Response>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Again { service, shared } = &**this.again;
        let clock = &shared.context.clock;
        loop {
            match this.stage.as_mut().project() {
                StageProjection::Called { future } => {
                    let error = match ready!(future.poll(context)) {
                        Err(error) => error,
                        answer => return Poll::Ready(answer),
                    };
                    this.progress.tries = this.progress.tries.saturating_add(1);
                    let delay = shared.decide(this.request, error.clone(), *this.progress)?;
                    let sleep = clock.sleep_until(clock.now() + delay);
                    this.stage.set(Stage::Waiting { sleep, error });
                }
                StageProjection::Waiting { sleep, error } => {
                    ready!(sleep.as_mut().poll(context));
                    let error = error.clone();
                    this.stage.set(Stage::Waited { error });
                }
                StageProjection::Waited { error } => {
                    let service = this.service.get_or_insert_with(|| lock(service).clone());
                    ready!(service.poll_ready(context))?;
                    let late = shared.too_late(this.request, error, *this.progress);
                    if let Some(error) = late {
                        return Poll::Ready(Err(error));
                    }
                    let future = service.call(this.request.clone());
                    this.stage.set(Stage::Called { future });
                }
            }
        }
    }
}

//! A call whose request may take time to prepare.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{Called, Later};

pin_project! {
    /// Is the future of one call, whose request may take time to prepare.
    pub struct Preparing<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        stage: Preparation<S, R>,
    }
}

pin_project! {
    #[project = PreparationProjection]
    enum Preparation<S, R>
    where
        S: Service<R>,
    {
        Waiting { prepare: Later<Result<R>>, service: S },
        Called { #[pin] future: Called<S::Future, S::Response, ()> },
    }
}

impl<S: Service<R>, R> Preparing<S, R> {
    /// Calls `service` at once, unless the request was refused.
    pub(crate) fn now(request: Result<R>, service: &mut S) -> Self {
        let future = Called::of(request.map(|request| service.call(request)));
        let stage = Preparation::Called { future };
        Self { stage }
    }

    /// Calls `service` when the request is prepared.
    pub(crate) const fn later(prepare: Later<Result<R>>, service: S) -> Self {
        let stage = Preparation::Waiting { prepare, service };
        Self { stage }
    }
}

impl<S: Service<R>, R> Debug for Preparing<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preparing")
    }
}

impl<S: Service<R, Error = Error>, R> Future for Preparing<S, R> {
    type Output = Result<S::Response>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                PreparationProjection::Waiting { prepare, service } => {
                    let Poll::Ready(request) = prepare.as_mut().poll(context) else {
                        return Poll::Pending;
                    };
                    let future = Called::of(request.map(|request| service.call(request)));
                    stage.set(Preparation::Called { future });
                }
                PreparationProjection::Called { future } => return future.poll(context),
            }
        }
    }
}

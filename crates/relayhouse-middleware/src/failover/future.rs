//! The future of one call, which goes from endpoint to endpoint.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, Instant, Message, Result, Sent};
use tower_service::Service;

use super::shared::{Shared, telling};
use crate::{
    breaker::{Breaker, Report},
    prepare::Called,
    sync::lock,
};

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<S>
    where
        S: Service<Message>,
    {
        #[pin]
        stage: Stage<S>,
        place: usize,
        started: Instant,
        message: Message,
        shared: Arc<Shared<S>>,
        tried: Vec<usize>,
        error: Option<Error>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<S>
    where
        S: Service<Message>,
    {
        /// The service of the next endpoint is not ready yet.
        Waiting { service: Breaker<S> },
        Called { #[pin] future: Called<S::Future, S::Response, Report> },
    }
}

impl<S: Service<Message>> ResponseFuture<S> {
    pub(super) fn new(
        future: Called<S::Future, S::Response, Report>,
        place: usize,
        message: Message,
        shared: Arc<Shared<S>>,
    ) -> Self {
        Self {
            stage: Stage::Called { future },
            place,
            started: shared.context.clock.now(),
            message,
            shared,
            tried: Vec::new(),
            error: None,
        }
    }
}

impl<S: Service<Message>> Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Message, Response = Sent, Error = Error> + Clone,
{
    type Output = Result<Sent>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Sent>> {
        let mut this = self.project();
        loop {
            let failed = match this.stage.as_mut().project() {
                StageProjection::Waiting { service } => match ready!(service.poll_ready(context)) {
                    Ok(()) => {
                        *this.started = this.shared.context.clock.now();
                        let future = service.call(this.message.clone());
                        this.stage.set(Stage::Called { future });
                        continue;
                    }
                    Err(error) => error,
                },
                StageProjection::Called { future } => match ready!(future.poll(context)) {
                    Ok(sent) => {
                        let took = this.shared.context.clock.now().since(*this.started);
                        this.shared.record(*this.place, took);
                        return Poll::Ready(Ok(sent));
                    }
                    Err(error) => error,
                },
            };
            let may_go_on = this.shared.may_go_on(this.message, &failed);
            this.tried.push(*this.place);
            let mut places = 0..this.shared.endpoints.len();
            let next = places.find(|place| may_go_on && !this.tried.contains(place));
            let Some(next) = next else {
                return Poll::Ready(Err(telling(this.error.take(), failed)));
            };
            this.shared.tell(*this.place, next, &failed);
            *this.error = Some(telling(this.error.take(), failed));
            *this.place = next;
            let service = lock(&this.shared.endpoints[next].service).clone();
            this.stage.set(Stage::Waiting { service });
        }
    }
}

//! The future of one call, which may have to fetch first.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Delivery, Error, Result};
use tower_service::Service;

use crate::avro::Schema;

/// What stores return is boxed by them already.
pub(super) type Fetch = Pin<Box<dyn Future<Output = Result<Schema>> + Send>>;

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<S: Service<Delivery>> {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<S, F> {
        Fetching {
            fetch: Fetch,
            call: Option<(S, Delivery)>,
        },
        Called {
            #[pin]
            future: F,
        },
    }
}

impl<S: Service<Delivery>> ResponseFuture<S> {
    pub(super) fn called(future: S::Future) -> Self {
        let state = State::Called { future };
        Self { state }
    }

    pub(super) fn fetching(fetch: Fetch, ready: S, delivery: Delivery) -> Self {
        let call = Some((ready, delivery));
        let state = State::Fetching { fetch, call };
        Self { state }
    }
}

impl<S: Service<Delivery, Error = Error>> Future for ResponseFuture<S> {
    type Output = Result<S::Response>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProjected::Fetching { fetch, call } = state.as_mut().project() {
            ready!(fetch.as_mut().poll(context))?;
            if let Some((mut service, delivery)) = call.take() {
                let future = service.call(delivery);
                state.set(State::Called { future });
            }
        }
        match state.project() {
            StateProjected::Called { future } => future.poll(context),
            StateProjected::Fetching { .. } => unreachable!("the call was made above"),
        }
    }
}

impl<S: Service<Delivery>> Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_fetching = matches!(self.state, State::Fetching { .. });
        f.debug_struct("ResponseFuture")
            .field("is_fetching", &is_fetching)
            .finish_non_exhaustive()
    }
}

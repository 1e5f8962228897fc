//! The service that calls another as often as its rate allows.

use std::{
    fmt::{self, Debug},
    mem::take,
    sync::Arc,
    task::{Context, Poll, ready},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::shared::{Hold, Shared};
use crate::request::Request;

/// Bounds how many messages or bytes pass in a time.
///
/// A clone shares the bucket, and starts without what the first has taken of it.
pub struct RateLimit<S> {
    inner: S,
    shared: Arc<Shared>,
    hold: Hold,
}

impl<S> RateLimit<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            shared,
            hold: Hold::Nothing,
        }
    }
}

impl<S: Clone> Clone for RateLimit<S> {
    fn clone(&self) -> Self {
        let Self {
            inner,
            shared,
            hold: _,
        } = self;
        Self::new(inner.clone(), Arc::clone(shared))
    }
}

impl<S: Debug> Debug for RateLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inner,
            shared,
            hold: _,
        } = self;
        f.debug_struct("RateLimit")
            .field("inner", inner)
            .field("shared", shared)
            .finish_non_exhaustive()
    }
}

impl<S, R> Service<R> for RateLimit<S>
where
    S: Service<R, Error = Error>,
    R: Request,
{
    type Response = S::Response;
    type Error = Error;
    type Future = S::Future;

    /// Is ready when the bucket has a token, and then when the service is: an instance that waits
    /// for its time keeps nothing of the service from others.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.shared.poll_take(&mut self.hold, context));
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let token = match take(&mut self.hold) {
            Hold::Ready(token) => Some(token),
            Hold::Nothing | Hold::Waiting(_) => None,
        };
        self.shared.charge(&request, token);
        self.inner.call(request)
    }
}

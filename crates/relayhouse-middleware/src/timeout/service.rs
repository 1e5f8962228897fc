//! The service that calls another, and gives up when it takes too long.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{ResponseFuture, Timed, deadlines::Deadlines};

/// Bounds the time of each call of a service.
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    inner: S,
    deadlines: Arc<Deadlines>,
}

impl<S> Timeout<S> {
    #[inline]
    pub(super) const fn new(inner: S, deadlines: Arc<Deadlines>) -> Self {
        Self { inner, deadlines }
    }
}

impl<S, R> Service<R> for Timeout<S>
where
    S: Service<R, Error = Error>,
    R: Timed,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S::Future, R::Hold>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        let hold = request.hold();
        let future = self.inner.call(request);
        ResponseFuture::new(future, hold, R::LATE, Arc::clone(&self.deadlines))
    }
}

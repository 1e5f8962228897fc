//! The service that calls another until it succeeds, or trying again is of no use.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{ResponseFuture, Retryable, shared::Shared};

/// Calls a service again where that can help.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Retry<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, R> Service<R> for Retry<S>
where
    S: Service<R, Error = Error> + Clone,
    R: Retryable,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let again = self.inner.clone();
        let kept = request.clone();
        let progress = self.shared.begin(&kept);
        let future = self.inner.call(request);
        ResponseFuture::new(future, again, kept, progress, Arc::clone(&self.shared))
    }
}

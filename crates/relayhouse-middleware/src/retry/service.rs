//! The service that calls another until it succeeds, or trying again is of no use.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{ResponseFuture, Retryable, shared::Shared};
use crate::sync::Mutex;

/// Calls a service again where that can help.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    again: Arc<Again<S>>,
}

/// Is what a call needs to try again, which most calls do not: a clone of the service is taken only
/// then.
#[derive(Debug)]
pub(super) struct Again<S> {
    pub(super) service: Mutex<S>,
    pub(super) shared: Arc<Shared>,
}

impl<S: Clone> Retry<S> {
    #[inline(always)]
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        let service = Mutex::new(inner.clone());
        let again = Arc::new(Again { service, shared });
        Self { inner, again }
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

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        let kept = request.clone();
        let progress = self.again.shared.begin(&kept);
        let future = self.inner.call(request);
        ResponseFuture::new(future, kept, progress, Arc::clone(&self.again))
    }
}

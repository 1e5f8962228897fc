//! The service that calls another, and makes faults on the way.

use std::{
    mem::replace,
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{Faulty, ResponseFuture, shared::Shared};

/// Makes faults in the calls of a service.
#[derive(Clone, Debug)]
pub struct Fault<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Fault<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, R> Service<R> for Fault<S>
where
    S: Service<R, Error = Error> + Clone,
    R: Faulty,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let plan = self.shared.draw();
        // The instance that is ready goes along, since the call may be made later.
        let clone = self.inner.clone();
        let mut service = replace(&mut self.inner, clone);
        let future = plan.is_prompt().then(|| service.call(request.clone()));
        ResponseFuture::new(service, request, future, plan, Arc::clone(&self.shared))
    }
}

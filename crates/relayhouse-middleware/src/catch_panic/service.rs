//! The service that calls another and catches what it panics with.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

use relayhouse_core::{Error, Result};
use tower_service::Service;

use super::{Catching, future::panicked};
use crate::prepare::Called;

/// Turns the panics of a service into errors.
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S> CatchPanic<S> {
    /// Puts itself around `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Service<R, Error = Error>, R> Service<R> for CatchPanic<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = Called<Catching<S::Future>, S::Response, ()>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        // What the service keeps across a panic is its own affair, as it is in a consumer.
        let called = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let called = called.map_err(|payload| panicked(&*payload));
        Called::of(called.map(Catching::new))
    }
}

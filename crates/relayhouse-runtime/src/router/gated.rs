//! The service that passes the gate before each call.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::gate::{Gate, Permit, Place};

/// Is ready when one of the handlers that all queues of a router share is free.
pub struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
    seat: usize,
    permit: Option<Permit>,
    place: Option<Place>,
}

impl<S> Gated<S> {
    pub(super) const fn new(inner: S, gate: Arc<Gate>, seat: usize) -> Self {
        Self {
            inner,
            gate,
            seat,
            permit: None,
            place: None,
        }
    }
}

impl<S: Clone> Clone for Gated<S> {
    /// The clone has no permit yet.
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.gate), self.seat)
    }
}

impl<S> Debug for Gated<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gated")
    }
}

impl<S: Service<R>, R> Service<R> for Gated<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = GatedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.inner.poll_ready(context))?;
        if self.permit.is_none() {
            let permit = self.gate.poll_enter(self.seat, &mut self.place, context);
            self.permit = Some(ready!(permit));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        GatedFuture {
            permit: self.permit.take().map(Permit::used),
            future: self.inner.call(request),
        }
    }
}

pin_project! {
    /// Is the future of one call; it holds the permit until it has ended.
    pub struct GatedFuture<F> {
        #[pin]
        future: F,
        permit: Option<Permit>,
    }
}

impl<F> Debug for GatedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatedFuture")
    }
}

impl<F: Future> Future for GatedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(context));
        *this.permit = None;
        Poll::Ready(output)
    }
}

//! A handler that blocks its thread, run on the blocking pool.

use std::{
    fmt::{self, Debug},
    future::Future,
    marker::PhantomData,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use relayhouse_core::{
    Delivery, Error, ErrorKind, FromDelivery, IntoSettlement, Result, Retry, Settlement,
};
use tokio::task::{JoinHandle, spawn_blocking};
use tower_service::Service;

/// Is a function that blocks its thread, of one argument drawn from a delivery.
pub trait BlockingHandler<Arg, S>: Clone + Send + 'static {
    /// Draws the argument, and starts the function on the blocking pool.
    ///
    /// # Errors
    ///
    /// Returns why the argument cannot be drawn.
    fn start(&self, delivery: &Delivery, state: &S) -> Result<JoinHandle<Result<Settlement>>>;
}

impl<F, Arg, Out, S> BlockingHandler<Arg, S> for F
where
    F: Fn(Arg) -> Out + Clone + Send + 'static,
    Arg: FromDelivery<S> + Send + 'static,
    Out: IntoSettlement,
{
    fn start(&self, delivery: &Delivery, state: &S) -> Result<JoinHandle<Result<Settlement>>> {
        let (function, arg) = (self.clone(), Arg::from_delivery(delivery, state)?);
        Ok(spawn_blocking(move || function(arg).into_settlement()))
    }
}

/// Is the tower service that calls a [`BlockingHandler`].
///
/// A call that is dropped, by a timeout or at the end of a drain, leaves its function running to
/// its end on the blocking pool.
pub struct Blocking<F, Arg, S> {
    function: F,
    state: S,
    arg: PhantomData<fn() -> Arg>,
}

impl<F, Arg, S> Blocking<F, Arg, S> {
    pub(crate) const fn new(function: F, state: S) -> Self {
        Self {
            function,
            state,
            arg: PhantomData,
        }
    }
}

impl<F: Clone, Arg, S: Clone> Clone for Blocking<F, Arg, S> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone(), self.state.clone())
    }
}

impl<F, Arg, S> Debug for Blocking<F, Arg, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}

impl<F: BlockingHandler<Arg, S>, Arg, S> Service<Delivery> for Blocking<F, Arg, S> {
    type Response = Settlement;
    type Error = Error;
    type Future = BlockingFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> BlockingFuture {
        BlockingFuture(self.function.start(&delivery, &self.state).map_err(Some))
    }
}

/// Waits for a function on the blocking pool.
#[derive(Debug)]
pub struct BlockingFuture(Result<JoinHandle<Result<Settlement>>, Option<Error>>);

impl Future for BlockingFuture {
    type Output = Result<Settlement>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(handle) => match ready!(Pin::new(handle).poll(context)) {
                Ok(result) => Poll::Ready(result),
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(error) => Poll::Ready(Err(stopped().with_source(error))),
            },
            Err(error) => error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Closed,
        "the runtime stopped before the handler ran",
    )
    .retry(Retry::Temporary)
}

//! An async function whose arguments are drawn from the delivery, as a tower service.

use std::{
    fmt::{self, Debug},
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{
    Context as Core, Delivery, Error, Event, FromDelivery, IntoSettlement, Result, Settlement,
};
use tower_service::Service;

/// Reading the clock twice costs as much as a small message: of so many calls one is measured.
const MEASURED_EVERY: u32 = 16;

/// Is an async function of up to eight arguments that are drawn from a delivery and a state.
///
/// What it returns decides the settlement, see [`IntoSettlement`]. It is implemented for
/// functions; there is no need to implement it for anything else.
pub trait Handler<Args, S>: Clone + Send + 'static {
    /// The future of one call.
    type Future: Future<Output = Result<Settlement>> + Send + 'static;

    /// Draws the arguments and calls the function.
    fn handle(&self, delivery: &Delivery, state: &S) -> Self::Future;
}

/// Is the tower service that calls a [`Handler`].
pub struct Function<F, Args, S> {
    function: F,
    state: S,
    /// Who is told how long it takes to draw the arguments, if somebody is.
    told: Option<Core>,
    /// How many calls there were, of which one in [`MEASURED_EVERY`] is measured.
    calls: u32,
    args: PhantomData<fn() -> Args>,
}

impl<F, Args, S> Function<F, Args, S> {
    pub(crate) const fn new(function: F, state: S) -> Self {
        Self {
            function,
            state,
            told: None,
            calls: 0,
            args: PhantomData,
        }
    }

    /// Tells the observer of `context`, if there is one, how long it takes to draw the arguments.
    pub(crate) fn telling(mut self, context: &Core) -> Self {
        self.told = context.observer.is_some().then(|| context.clone());
        self
    }
}

impl<F: Clone, Args, S: Clone> Clone for Function<F, Args, S> {
    fn clone(&self) -> Self {
        Self {
            function: self.function.clone(),
            state: self.state.clone(),
            told: self.told.clone(),
            calls: self.calls,
            args: PhantomData,
        }
    }
}

impl<F, Args, S> Debug for Function<F, Args, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl<F: Handler<Args, S>, Args, S> Service<Delivery> for Function<F, Args, S> {
    type Response = Settlement;
    type Error = Error;
    type Future = F::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> F::Future {
        let is_measured = self.calls % MEASURED_EVERY == 0;
        let Some(told) = self.told.as_ref().filter(|_| is_measured) else {
            self.calls = self.calls.wrapping_add(1);
            return self.function.handle(&delivery, &self.state);
        };
        self.calls = 1;
        let began = told.clock.now();
        let future = self.function.handle(&delivery, &self.state);
        let now = told.clock.now();
        if let Some(observer) = &told.observer {
            let took = now.since(began);
            observer.observe(now, &[Event::Drawn { took }]);
        }
        future
    }
}

pin_project! {
    /// Is the future of a handler: what the function returned, as a settlement.
    pub struct HandlerFuture<F> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Called { #[pin] future: F },
        Refused { error: Option<Error> },
    }
}

impl<F> Debug for HandlerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerFuture")
    }
}

impl<F: Future<Output: IntoSettlement>> Future for HandlerFuture<F> {
    type Output = Result<Settlement>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage.project() {
            StageProjection::Called { future } => {
                Poll::Ready(ready!(future.poll(context)).into_settlement())
            }
            StageProjection::Refused { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

macro_rules! handler {
    ($($arg:ident $value:ident)*) => {
        impl<F, Fut, S, $($arg,)*> Handler<($($arg,)*), S> for F
        where
            F: Fn($($arg),*) -> Fut + Clone + Send + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: IntoSettlement,
            $($arg: FromDelivery<S>,)*
        {
            type Future = HandlerFuture<Fut>;

            fn handle(&self, delivery: &Delivery, state: &S) -> Self::Future {
                // A function of no arguments draws nothing.
                let _ = (delivery, state);
                $(
                    let $value = match $arg::from_delivery(delivery, state) {
                        Ok(value) => value,
                        Err(error) => {
                            let stage = Stage::Refused { error: Some(error) };
                            return HandlerFuture { stage };
                        }
                    };
                )*
                HandlerFuture { stage: Stage::Called { future: self($($value),*) } }
            }
        }
    };
}

handler!();
handler!(A a);
handler!(A a B b);
handler!(A a B b C c);
handler!(A a B b C c D d);
handler!(A a B b C c D d E e);
handler!(A a B b C c D d E e G g);
handler!(A a B b C c D d E e G g H h);
handler!(A a B b C c D d E e G g H h I i);

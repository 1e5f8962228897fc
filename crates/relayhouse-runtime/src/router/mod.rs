//! Several queues and their handlers in one process, with one bound and one drain.

mod gate;
mod gated;
mod routes;
mod running;
mod share;

use std::{
    fmt::{self, Debug},
    future::Future,
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{
    BoxError, Delivery, Error, ErrorKind, Operation, Result, Settlement, Source,
};
use tower_layer::Layer;
use tower_service::Service;

use self::gate::Gate;
pub use self::{
    gated::{Gated, GatedFuture},
    routes::{RouteFuture, Routes},
    running::RunningRouter,
    share::Share,
};
use crate::consumer::{Consumer, ConsumerBuilder, Report};

/// Runs the handlers of several queues, of any providers, in one process: with one bound on how
/// many run at a time, shared out by weight and rank, and one drain.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use relayhouse_core::{Context, Message, QueueName, Result, Settlement, Source, port::Provider};
/// use relayhouse_runtime::{Consumer, Output, Router, Routes, Share};
///
/// # async fn charge(_: Message) {}
/// # async fn example(provider: Arc<dyn Provider>, context: Context, stop: impl Future) -> Result<()> {
/// # let consumer = |name: &'static str| -> Result<_> {
/// #     let source = Source::queue(QueueName::new(name)?);
/// #     Ok(Consumer::of(Arc::clone(&provider), source, context.clone()))
/// # };
/// # let payments = Output::of(Arc::clone(&provider), "payments".parse()?, &context)?;
/// let orders = Routes::new()
///     .on("order.paid", |order: Message| async move { Settlement::forward("payments", order) });
/// let reports = Router::new()
///     .concurrency(64)
///     .queue(consumer("orders")?.output(payments), orders)
///     .share(Share::new().weight(3), consumer("payments")?, Routes::new().otherwise(charge))
///     .run_until(stop, Duration::from_secs(30))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a router does nothing until it is started"]
#[derive(Default)]
pub struct Router {
    handlers: Option<u32>,
    gate: Arc<Gate>,
    shares: Vec<Share>,
    consumers: Vec<Consumer>,
    /// The first thing that was wrong.
    wrong: Option<Error>,
}

impl Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("handlers", &self.handlers)
            .field("shares", &self.shares)
            .field("consumers", &self.consumers)
            .finish_non_exhaustive()
    }
}

impl Router {
    /// Knows no queue yet, and bounds nothing that the consumers do not bound themselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the most handlers of all queues together at a time: at least 1. Each consumer keeps its
    /// own bound besides.
    pub fn concurrency(mut self, handlers: u32) -> Self {
        if handlers == 0 {
            let rule = "concurrency is 0, at least 1 is needed";
            let error = Error::new(ErrorKind::ConfigInvalid, rule).operation(Operation::Open);
            self.wrong.get_or_insert(error);
        }
        self.handlers = Some(handlers);
        self
    }

    /// Adds a queue with the default share; see [`share`](Self::share).
    pub fn queue<S, L, T>(self, consumer: ConsumerBuilder<S, L>, routes: Routes<T>) -> Self
    where
        T: Clone + Send + Sync + 'static,
        L: Layer<Gated<Routes<T>>>,
        L::Service: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Delivery>>::Future: 'static,
    {
        self.share(Share::new(), consumer, routes)
    }

    /// Adds a queue: what `consumer` receives goes to the handlers of `routes`, which get `share`
    /// of the handlers that all queues have together.
    ///
    /// Layers of the consumer stand around all its handlers. What waits in them, for example for
    /// another try, holds none of the shared handlers.
    pub fn share<S, L, T>(
        mut self,
        share: Share,
        consumer: ConsumerBuilder<S, L>,
        mut routes: Routes<T>,
    ) -> Self
    where
        T: Clone + Send + Sync + 'static,
        L: Layer<Gated<Routes<T>>>,
        L::Service: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Delivery>>::Future: 'static,
    {
        self.wrong = self.wrong.or(routes.take_wrong());
        let seat = self.gate.add(share);
        self.shares.push(share);
        let service = Gated::new(routes, Arc::clone(&self.gate), seat);
        self.consumers.push(consumer.service(service));
        self
    }

    /// Opens all queues and starts their consumers.
    ///
    /// # Errors
    ///
    /// Returns which option is wrong, or why a queue cannot be opened; what was started by then is
    /// stopped.
    pub async fn start(self) -> Result<RunningRouter> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        Share::check(&self.shares)?;
        self.gate.widen(self.handlers.unwrap_or(u32::MAX));
        RunningRouter::start(self.consumers).await
    }

    /// Runs until `stop` ends or a consumer cannot go on, then drains all for at most `limit`, and
    /// returns what was done with each source.
    ///
    /// Dropping the future stops all at once: handlers are dropped, and what they had comes again
    /// when its lease ends.
    ///
    /// # Errors
    ///
    /// Returns why it could not start, or why the first consumer could not go on.
    pub async fn run_until(
        self,
        stop: impl Future,
        limit: Duration,
    ) -> Result<Vec<(Source, Report)>> {
        let running = self.start().await?;
        tokio::select! {
            biased;
            _ = stop => {}
            () = running.failed() => {}
        }
        running.shutdown(limit).await
    }
}

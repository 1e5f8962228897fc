//! Building a consumer: where it receives from, how, and what handles a delivery.

use std::{
    fmt::{self, Debug},
    future::Future,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{
    BoxError, Context, Delivery, Error, ErrorKind, Operation, Result, Settlement, Source,
    port::{Dispatch, Provider, Receiver, ReceiverOptions, Sessions},
};
use tower_layer::{Identity, Layer, Stack};
use tower_service::Service;

use super::{
    Examination, Report, Running,
    examine::examine,
    mode::{Many, Mode, One},
    open::Intake,
    plan::Plan,
};
use crate::{
    config::{ConsumerConfig, Order, Preset, Suspects},
    handler::{BatchFunction, BatchHandler, Blocking, BlockingHandler, Function, Handler},
    ordering::Ordering,
    output::{Output, Outputs},
    policy::FailurePolicy,
    pull::Pull,
};

/// Builds a consumer.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConsumerBuilder<S = (), L = Identity> {
    setup: Setup,
    state: S,
    layer: L,
}

/// What a consumer is built with, apart from its handler.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) intake: Intake,
    pub(crate) context: Context,
    pub(crate) config: ConsumerConfig,
    pub(crate) options: ReceiverOptions,
    pub(crate) ordering: Ordering,
    /// Who chooses what starts next, if that is not the order of arrival.
    pub(crate) policy: Option<Arc<dyn Dispatch>>,
    pub(crate) outputs: Outputs,
    /// The first option that was wrong.
    pub(crate) wrong: Option<Error>,
}

/// Is a consumer with its handler, ready to start.
#[must_use = "a consumer does nothing until it is started"]
pub struct Consumer {
    setup: Setup,
    spawn: Box<dyn FnOnce(Plan) -> Running + Send>,
}

impl Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setup, spawn: _ } = self;
        f.debug_struct("Consumer")
            .field("setup", setup)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    fn new<M: Mode>(setup: Setup, mode: M) -> Self {
        Self {
            setup,
            spawn: Box::new(move |plan| plan.spawn(&mode)),
        }
    }

    fn one<V>(setup: Setup, service: V) -> Self
    where
        One<V>: Mode,
    {
        let outputs = setup.outputs.clone();
        Self::new(setup, One { service, outputs })
    }

    /// Builds a consumer of `receiver`.
    pub fn builder(receiver: Arc<dyn Receiver>, context: Context) -> ConsumerBuilder {
        ConsumerBuilder::new(Intake::Receiver(receiver), context)
    }

    /// Builds a consumer of sessions, of which it holds as many at once as configured.
    pub fn of_sessions(sessions: Arc<dyn Sessions>, context: Context) -> ConsumerBuilder {
        ConsumerBuilder::new(Intake::Sessions(sessions), context)
    }

    /// Builds a consumer of `source`, which is opened when the consumer starts: through sessions,
    /// if it can be received only so.
    pub fn of(provider: Arc<dyn Provider>, source: Source, context: Context) -> ConsumerBuilder {
        ConsumerBuilder::new(Intake::Provider(provider, source), context)
    }
}

impl ConsumerBuilder {
    fn new(intake: Intake, context: Context) -> Self {
        let setup = Setup {
            intake,
            context,
            config: ConsumerConfig::default(),
            options: ReceiverOptions::default(),
            ordering: Ordering::default(),
            policy: None,
            outputs: Outputs::default(),
            wrong: None,
        };
        Self {
            setup,
            state: (),
            layer: Identity::new(),
        }
    }
}

impl<S, L> ConsumerBuilder<S, L> {
    /// Sets everything that is configured.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.setup.config = config;
        self
    }

    /// Sets what `preset` sets.
    pub fn preset(self, preset: Preset) -> Self {
        self.config(preset.consumer())
    }

    /// Sets the most handlers at a time: at least 1.
    pub fn concurrency(mut self, handlers: u32) -> Self {
        match NonZeroU32::new(handlers) {
            Some(handlers) => self.setup.config.concurrency = handlers,
            None => self.wrong("concurrency is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets the spawned workers that share the concurrency: at least 1.
    pub fn workers(mut self, workers: u32) -> Self {
        match NonZeroU32::new(workers) {
            Some(workers) => self.setup.config.workers = workers,
            None => self.wrong("workers is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets the most messages that wait for a handler.
    pub fn prefetch_max(mut self, messages: u32) -> Self {
        self.setup.config.prefetch_max = messages;
        self
    }

    /// Sets the bytes of waiting and running messages at which receives stop: at least 1.
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        match NonZeroU64::new(bytes) {
            Some(bytes) => self.setup.config.bytes_max = bytes,
            None => self.wrong("bytes_max is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets how long a receive waits for the first message.
    pub fn receive_wait(mut self, wait: Duration) -> Self {
        self.setup.config.receive_wait = wait;
        self
    }

    /// Sets the longest time a handler may take.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.setup.config.handler_timeout = Some(timeout);
        self
    }

    /// Sets the lease to ask for.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.setup.options.lease = Some(lease);
        self
    }

    /// Sets the longest time a lease is kept, renewals included.
    pub fn lease_total_max(mut self, lease: Duration) -> Self {
        self.setup.config.lease_total_max = lease;
        self
    }

    /// Sets how long running handlers may go on when the consumer stops.
    pub fn drain_deadline(mut self, limit: Duration) -> Self {
        self.setup.config.drain_deadline = limit;
        self
    }

    /// Sets what becomes of a message whose handler failed.
    pub fn failure(mut self, policy: FailurePolicy) -> Self {
        self.setup.config.failure = policy;
        self
    }

    /// Sets when the next message of a key starts.
    pub fn order(mut self, order: Order) -> Self {
        self.setup.config.order = order;
        self
    }

    /// Sets where the ordering key of a message comes from.
    ///
    /// A key that is not the message's own is unknown to the provider: one worker then runs all
    /// handlers, so that those of one key do not overlap, and a release lets what came behind it
    /// go first.
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.setup.ordering = ordering;
        self
    }

    /// Adds a queue or topic that handlers may send to with their answers, see
    /// [`Settlement::Forward`].
    ///
    /// Sends and ack are one where `output` is [`Output::of`] the consumer's own provider, that has
    /// transactions, and the source is received without sessions; elsewhere sends are confirmed
    /// first, and the handler's time and lease go on until they are.
    pub fn output(mut self, output: impl Into<Output>) -> Self {
        self.setup.outputs = self.setup.outputs.with(output.into());
        self
    }

    /// Lets handlers send to all queues of `provider` by their names, with their answers: what a
    /// request names as the queue for its answer, for example. They are opened when they are sent
    /// to.
    pub fn outputs_of(mut self, provider: Arc<dyn Provider>) -> Self {
        let context = self.setup.context.clone();
        self.setup.outputs = self.setup.outputs.with_siblings(provider, context);
        self
    }

    /// Sets who chooses which delivery starts next: by default, the order of arrival.
    ///
    /// A policy chooses among what this consumer has received, and so needs it to receive ahead:
    /// `prefetch_max` messages, for `prefetch_window`. One worker then runs all handlers.
    pub fn dispatch(mut self, policy: impl Dispatch + 'static) -> Self {
        self.setup.policy = Some(Arc::new(policy));
        self
    }

    /// Sets what becomes of a message whose last delivery ended without a settle.
    pub fn suspects(mut self, suspects: Suspects) -> Self {
        self.setup.config.suspects = suspects;
        self
    }

    /// Sets the most messages of one call of a batch handler: at least 1.
    pub fn batch_max(mut self, messages: u32) -> Self {
        match NonZeroU32::new(messages) {
            Some(messages) => self.setup.config.batch_max = messages,
            None => self.wrong("batch_max is 0, at least 1 is needed"),
        }
        self
    }

    fn wrong(&mut self, rule: &'static str) {
        let error = Error::new(ErrorKind::ConfigInvalid, rule).operation(Operation::Open);
        self.setup.wrong.get_or_insert(error);
    }

    /// Sets the state that handlers draw [`State`](relayhouse_core::extract::State) from.
    pub fn state<T: Clone + Send + Sync + 'static>(self, state: T) -> ConsumerBuilder<T, L> {
        ConsumerBuilder {
            setup: self.setup,
            state,
            layer: self.layer,
        }
    }

    /// Adds a layer around the handler, inside those added before.
    pub fn layer<N>(self, layer: N) -> ConsumerBuilder<S, Stack<N, L>> {
        let layer = Stack::new(layer, self.layer);
        ConsumerBuilder {
            setup: self.setup,
            state: self.state,
            layer,
        }
    }

    /// Sets a tower service as the handler.
    pub fn service<V>(self, service: V) -> Consumer
    where
        L: Layer<V>,
        L::Service: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Delivery>>::Future: 'static,
    {
        Consumer::one(self.setup, self.layer.layer(service))
    }

    /// Sets an async function as the handler, whose arguments are drawn from the delivery.
    pub fn handler<F, Args>(self, handler: F) -> Consumer
    where
        F: Handler<Args, S>,
        L: Layer<Function<F, Args, S>>,
        L::Service: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Delivery>>::Future: 'static,
    {
        let function = Function::new(handler, self.state).telling(&self.setup.context);
        let service = self.layer.layer(function);
        Consumer::one(self.setup, service)
    }

    /// Sets a function that blocks its thread as the handler; it runs on the blocking pool.
    pub fn handler_blocking<F, Arg>(self, handler: F) -> Consumer
    where
        F: BlockingHandler<Arg, S>,
        L: Layer<Blocking<F, Arg, S>>,
        L::Service: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Delivery>>::Future: 'static,
    {
        let service = self.layer.layer(Blocking::new(handler, self.state));
        Consumer::one(self.setup, service)
    }

    /// Sets an async function as the handler that takes several deliveries and answers for each.
    pub fn batch_handler<F>(self, handler: F) -> Consumer
    where
        F: BatchHandler,
        L: Layer<BatchFunction<F>>,
        L::Service: Service<Vec<Delivery>, Response = Vec<Result<Settlement>>, Error: Into<BoxError>>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<Vec<Delivery>>>::Future: Send + 'static,
    {
        let service = self.layer.layer(BatchFunction(handler));
        let outputs = self.setup.outputs.clone();
        Consumer::new(self.setup, Many { service, outputs })
    }

    /// Opens the queue, looks whether its settings and the consumer's fit, and closes it again:
    /// nothing is received.
    ///
    /// # Errors
    ///
    /// Returns why the queue cannot be opened, or which option is wrong.
    pub async fn examine(self) -> Result<Examination> {
        examine(self.setup).await
    }

    /// Opens the queue to take deliveries one by one, and settle them by hand.
    ///
    /// # Errors
    ///
    /// Returns why the queue cannot be opened, or which option is wrong.
    pub async fn pull(self) -> Result<Pull> {
        Pull::open(self.setup).await
    }
}

impl Consumer {
    /// Opens the queue, checks that its settings and the consumer's fit, and starts.
    ///
    /// # Errors
    ///
    /// Returns why the queue cannot be opened, or which setting contradicts another.
    pub async fn start(self) -> Result<Running> {
        Ok((self.spawn)(Plan::new(self.setup).await?))
    }

    /// Runs until `stop` ends, then drains, and returns what was done.
    ///
    /// Dropping the future stops the consumer at once: handlers are dropped, and what they had
    /// comes again when its lease ends.
    ///
    /// # Errors
    ///
    /// Returns why the consumer could not start or go on.
    pub async fn run_until(self, stop: impl Future) -> Result<Report> {
        let limit = self.setup.config.drain_deadline;
        let running = self.start().await?;
        tokio::select! {
            biased;
            _ = stop => {}
            () = running.failed() => {}
        }
        running.shutdown(limit).await
    }
}

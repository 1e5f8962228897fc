//! The harness of the Service Bus adapter: our emulator behind real AMQP, on one thread and under
//! tokio's paused time, which jumps when nothing can go on.

mod clock;
mod kind;
mod network;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, Context, Error, ErrorKind, Message, QueueName, Result, SeededRandom,
    SubscriptionName, Timestamp,
    port::{Provider, QueueConfig},
};
use relayhouse_testkit::{
    Gauges, Harness, Network, WallClock, clock::TestClock, proxy::FaultProxy,
};
use relayhouse_time::TokioClock;
use servicebus_emulator::{Faults, ServiceBusEmulator};

pub(crate) use self::kind::Kind;
use self::{clock::EmulatorClock, network::ServiceBusNetwork};
use crate::entities;

/// Tokio's timer counts in milliseconds, rounded up, and so does the broker.
const TOLERANCE: Duration = Duration::from_millis(10);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens queues of an emulator of its own, with sessions or without.
#[derive(Debug)]
pub struct ServiceBusHarness {
    name: &'static str,
    kind: Kind,
    clock: TestClock,
    next: AtomicU64,
    network: ServiceBusNetwork,
    emulator: ServiceBusEmulator,
}

/// Says where a provider goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the emulator itself.
    Direct,
    /// To the proxy before it.
    Proxied,
}

impl ServiceBusHarness {
    /// Starts an emulator, for queues with sessions or without. It needs tokio's IO and time.
    ///
    /// # Errors
    ///
    /// Returns an error if the system gives no port.
    pub async fn start(name: &'static str, has_sessions: bool) -> Result<Self> {
        Self::seeded(name, has_sessions, SEED).await
    }

    /// Starts an emulator whose faults, and whose proxy's, are drawn from `seed`.
    ///
    /// # Errors
    ///
    /// Returns an error if the system gives no port.
    pub async fn seeded(name: &'static str, has_sessions: bool, seed: u64) -> Result<Self> {
        let failed = |error| Error::new(ErrorKind::Unexpected, "no emulator").with_source(error);
        let tokio = TokioClock::anchored(START);
        let emulator = ServiceBusEmulator::builder()
            .clock(EmulatorClock::new(tokio, START))
            .seed(seed)
            .start()
            .await
            .map_err(failed)?;
        let tokio = Arc::new(tokio);
        let clock = TestClock::new(Arc::clone(&tokio) as Arc<dyn Clock>);
        let random = Arc::new(SeededRandom::new(seed));
        let network = ServiceBusNetwork::start(&emulator, tokio, random, clock.clone()).await;
        Ok(Self {
            name,
            kind: Kind { has_sessions },
            clock,
            next: AtomicU64::new(0),
            network: network.map_err(failed)?,
            emulator,
        })
    }

    /// Returns a context with the clock of the harness.
    #[must_use]
    pub fn context(&self) -> Context {
        context(&self.clock)
    }

    /// Opens a provider.
    ///
    /// # Errors
    ///
    /// Returns an error if the provider cannot be built.
    pub fn provider_with(&self, context: Context, route: Route) -> Result<Arc<dyn Provider>> {
        self.network.provider(context, route)
    }

    /// Returns what changes what goes wrong at the emulator.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.emulator.faults()
    }

    /// Returns the proxy before the emulator.
    #[must_use]
    pub const fn proxy(&self) -> &FaultProxy {
        self.network.proxy()
    }

    fn fresh(&self) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        QueueName::new(format!("case-{number}"))
    }
}

fn context(clock: &TestClock) -> Context {
    let random = Arc::new(SeededRandom::new(SEED));
    Context::new(Arc::new(clock.clone()), random)
}

#[async_trait]
impl Harness for ServiceBusHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        self.provider_with(self.context(), Route::Proxied)
    }

    fn capabilities(&self, _: &dyn Provider) -> Capabilities {
        self.kind.capabilities()
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        entities::queue(provider, self.fresh()?, &self.fit(config.clone())).await
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        let config = self.fit(config.clone());
        entities::topic(provider, self.fresh()?, subscriptions, &config).await
    }

    fn fit(&self, config: QueueConfig) -> QueueConfig {
        self.kind.fit(&config)
    }

    fn missing(&self) -> Option<QueueName> {
        self.fresh().ok()
    }

    fn dress(&self, message: Message) -> Message {
        self.kind.dress(message)
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn tells_age(&self) -> bool {
        false
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep_until(self.clock.now() + time).await;
    }

    fn tolerance(&self) -> Duration {
        TOLERANCE
    }

    fn wall_clock(&self) -> Option<&dyn WallClock> {
        Some(&self.clock)
    }

    fn gauges(&self) -> Option<Gauges> {
        Some(Gauges {
            timers: self.clock.sleepers(),
            ..Gauges::default()
        })
    }

    fn network(&self) -> Option<&dyn Network> {
        Some(&self.network)
    }
}

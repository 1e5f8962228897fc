//! The harness of the Service Bus adapter: on our emulator behind real AMQP, on one thread and under
//! tokio's paused time, which jumps when nothing can go on; or on a service, in real time.

mod clock;
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
    Address, Clock, Context, Entity, Error, ErrorKind, Message, QueueName, Result, SeededRandom,
    SubscriptionName, Timestamp,
    port::{Admin, Provider, QueueConfig},
};
use relayhouse_servicebus::ServiceBus;
use relayhouse_testkit::{
    Gauges, Harness, Network, WallClock, clock::TestClock, proxy::FaultProxy,
};
use relayhouse_time::TokioClock;
use servicebus_emulator::{Faults, ServiceBusEmulator};

use self::{clock::EmulatorClock, network::ServiceBusNetwork};

/// Tokio's timer counts in milliseconds, rounded up, and so does the broker.
const TOLERANCE: Duration = Duration::from_millis(10);
/// What is due at a service comes a moment later.
const SERVICE_TOLERANCE: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens queues with sessions, or queues without.
#[derive(Debug)]
pub struct ServiceBusHarness {
    name: &'static str,
    has_sessions: bool,
    clock: TestClock,
    names: Names,
    /// The emulator, which serves as long as this lives; without one the environment names a
    /// service.
    emulator: Option<(ServiceBusNetwork, ServiceBusEmulator)>,
}

/// Says where a provider goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the emulator itself.
    Direct,
    /// To the proxy before it.
    Proxied,
}

/// Makes names that nobody else uses. A clone makes further ones.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    run: String,
    next: Arc<AtomicU64>,
}

impl Names {
    /// Makes names that begin with `run`.
    pub(crate) fn new(run: String) -> Self {
        let next = Arc::default();
        Self { run, next }
    }

    /// Returns true if this, or a clone, made the name of `entity`.
    pub(crate) fn made(&self, entity: &Entity) -> bool {
        let number = entity.to_string();
        number.starts_with(&format!("{}-", self.run))
    }

    fn next(&self) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        QueueName::new(format!("{}-{number}", self.run))
    }
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
            .clock(EmulatorClock::new(tokio.clone(), START))
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
            has_sessions,
            clock,
            names: Names::new("case".to_owned()),
            emulator: Some((network.map_err(failed)?, emulator)),
        })
    }

    /// Opens queues of the service that the environment names. One for each case, since it counts
    /// what its clock is asked.
    pub(crate) fn of_service(name: &'static str, has_sessions: bool, names: Names) -> Self {
        Self {
            name,
            has_sessions,
            clock: TestClock::new(Arc::new(TokioClock::new())),
            names,
            emulator: None,
        }
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
    /// Returns an error if there is no emulator and the environment names no service.
    pub fn provider_with(&self, context: Context, route: Route) -> Result<Arc<dyn Provider>> {
        match &self.emulator {
            Some((network, _)) => network.provider(context, route),
            None => Ok(Arc::new(open(context)?)),
        }
    }

    /// Returns what changes what goes wrong at the emulator, if there is one.
    #[must_use]
    pub fn faults(&self) -> Option<Faults> {
        let (_, emulator) = self.emulator.as_ref()?;
        Some(emulator.faults())
    }

    /// Returns the proxy before the emulator, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&FaultProxy> {
        let (network, _) = self.emulator.as_ref()?;
        Some(network.proxy())
    }

    fn config(&self, config: &QueueConfig) -> QueueConfig {
        QueueConfig {
            requires_sessions: config.requires_sessions || self.has_sessions,
            ..config.clone()
        }
    }
}

fn context(clock: &TestClock) -> Context {
    let random = Arc::new(SeededRandom::new(SEED));
    Context::new(Arc::new(clock.clone()), random)
}

/// Opens the service that the environment names.
pub(crate) fn open(context: Context) -> Result<ServiceBus> {
    let address: Address = "servicebus:///relayhouse".parse()?;
    ServiceBus::open(&address, context)
}

pub(crate) fn admin(provider: &dyn Provider) -> Result<Arc<dyn Admin>> {
    let none = || Error::new(ErrorKind::Unsupported, "no port for administration");
    provider.admin().ok_or_else(none)
}

#[async_trait]
impl Harness for ServiceBusHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        self.provider_with(self.context(), Route::Proxied)
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        let name = self.names.next()?;
        let entity = Entity::Queue(name.clone());
        let config = self.config(config);
        admin(provider)?.create(&entity, &config).await?;
        Ok(name)
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        let topic = self.names.next()?;
        let config = self.config(config);
        for name in subscriptions {
            let (topic, name) = (topic.clone(), name.clone());
            let entity = Entity::Subscription { topic, name };
            admin(provider)?.create(&entity, &config).await?;
        }
        Ok(topic)
    }

    fn missing(&self) -> Option<QueueName> {
        self.names.next().ok()
    }

    fn dress(&self, message: Message) -> Message {
        if !self.has_sessions || message.details().ordering_key.is_some() {
            return message;
        }
        message.ordering_key("only")
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn tells_bytes_and_age(&self) -> bool {
        false
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep_until(self.clock.now() + time).await;
    }

    fn tolerance(&self) -> Duration {
        match self.emulator {
            Some(_) => TOLERANCE,
            None => SERVICE_TOLERANCE,
        }
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
        let (network, _) = self.emulator.as_ref()?;
        Some(network)
    }
}

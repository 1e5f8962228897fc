//! The harness of the SQS adapter: our emulator behind real HTTP, under a clock that stands still
//! while a request is on its way.

mod clock;
mod network;
mod traffic;

use std::{
    future::Future,
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, HttpClient, Region, SharedHttpClient},
};
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Message, QueueName, Result, SeededRandom, SubscriptionName,
    Timestamp,
    port::{Provider, QueueConfig},
};
use relayhouse_sqs::{LongDelays, Sqs};
use relayhouse_testkit::{
    Gauges, Harness, Network, WallClock,
    clock::{ManualClock, TestClock},
};
use sqs_emulator::{Faults, SqsEmulator};
use tokio::runtime::{Builder, Runtime};

use self::{
    clock::{EmulatorClock, Waiting},
    network::{CONNECTIONS_MAX, SqsNetwork},
    traffic::Traffic,
};
use crate::{bell::Bell, entities};

const REGION: &str = "us-east-1";
const TOLERANCE: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens queues of an emulator of its own.
#[derive(Debug)]
pub struct SqsHarness {
    name: &'static str,
    is_fifo: bool,
    /// How many queues make one.
    shards: Option<NonZeroU32>,
    long_delays: LongDelays,
    manual: ManualClock,
    clock: TestClock,
    traffic: Traffic,
    next: AtomicU64,
    network: SqsNetwork,
    emulator: SqsEmulator,
    runtime: Runtime,
}

impl SqsHarness {
    /// Starts an emulator, for FIFO queues or standard ones.
    ///
    /// # Errors
    ///
    /// Returns an error if the system gives no thread or no port.
    pub fn new(name: &'static str, is_fifo: bool) -> Result<Self> {
        let failed = |error| Error::new(ErrorKind::Unexpected, "no emulator").with_source(error);
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let manual = ManualClock::new(START);
        let waiting = Arc::<Waiting>::default();
        let clock = EmulatorClock::new(manual.clone(), START, Arc::clone(&waiting));
        let emulator = SqsEmulator::builder().region(REGION).clock(clock).start();
        let emulator = runtime.block_on(emulator).map_err(failed)?;
        let clock = TestClock::new(Arc::new(manual.clone()));
        let traffic = Traffic::new(waiting);
        let server = emulator.address();
        let network = SqsNetwork::start(server, &manual, clock.clone(), traffic.clone());
        Ok(Self {
            name,
            is_fifo,
            shards: None,
            long_delays: LongDelays::Refuse,
            network: runtime.block_on(network).map_err(failed)?,
            clock,
            manual,
            traffic,
            next: AtomicU64::new(0),
            emulator,
            runtime,
        })
    }

    /// Returns what changes what goes wrong at the emulator.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.emulator.faults()
    }

    /// Makes each queue of `count` queues of the emulator.
    #[must_use]
    pub const fn shards(mut self, count: NonZeroU32) -> Self {
        self.shards = Some(count);
        self
    }

    /// Lets delays go in hops that are longer than those of SQS.
    #[must_use]
    pub const fn hops(mut self) -> Self {
        self.long_delays = LongDelays::Hop;
        self
    }

    fn queue_name(&self, base: &str) -> Result<QueueName> {
        let shards = self.shards.map_or_else(String::new, |count| {
            let last = count.get() - 1;
            format!("-0..{last}")
        });
        let suffix = if self.is_fifo { ".fifo" } else { "" };
        QueueName::new(format!("{base}{shards}{suffix}"))
    }

    /// Opens a provider over TLS, to a server that it trusts.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no port, or no randomness for keys.
    pub async fn provider_over_trusted_tls(&self) -> Result<Arc<dyn Provider>> {
        self.network.provider_over_trusted_tls().await
    }

    /// Runs `work`; whenever nothing can go on but by time, the clock jumps to who sleeps first.
    pub fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let _entered = self.runtime.enter();
        let mut work = pin!(work);
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                return output;
            }
            while !bell.has_rung() {
                // Whatever the emulator has answered before it was quiet has rung before.
                if self.traffic.is_quiet() && !bell.rings() {
                    self.jump();
                }
                bell.wait();
            }
        }
    }

    fn jump(&self) {
        if let Some(next) = self.manual.next_wake() {
            self.manual.advance(next.since(self.manual.now()));
        }
    }
}

fn client(endpoint: &str, http: impl HttpClient + 'static) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(SharedHttpClient::new(http));
    Client::from_conf(config.build())
}

#[async_trait]
impl Harness for SqsHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let http = aws_smithy_http_client::Builder::new().build_http();
        let client = client(&self.network.endpoint(), self.traffic.watch(http));
        let builder = Sqs::builder(context).client(client);
        let builder = builder.connections_max(CONNECTIONS_MAX);
        let builder = if self.is_fifo {
            builder.fifo()
        } else {
            builder
        };
        let builder = builder.long_delays(self.long_delays);
        let builder = match self.shards {
            Some(count) => builder.shards(count),
            None => builder,
        };
        Ok(Arc::new(builder.build()?))
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = self.queue_name(&format!("case-{number}"))?;
        entities::queue(provider, name, config).await
    }

    async fn topic(
        &self,
        _provider: &dyn Provider,
        _subscriptions: &[SubscriptionName],
        _config: &QueueConfig,
    ) -> Result<QueueName> {
        Err(Error::new(ErrorKind::Unsupported, "there are no topics"))
    }

    fn missing(&self) -> Option<QueueName> {
        self.queue_name("missing").ok()
    }

    fn dress(&self, message: Message) -> Message {
        if !self.is_fifo || message.details().ordering_key.is_some() {
            return message;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        message.ordering_key(format!("group-{number}"))
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn tells_bytes(&self) -> bool {
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

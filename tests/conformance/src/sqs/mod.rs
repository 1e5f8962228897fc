//! The harness of the SQS adapter: our emulator behind real HTTP, under a clock that stands still
//! while a request is on its way.

mod clock;
mod traffic;

use std::{
    future::Future,
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
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient},
};
use relayhouse_core::{
    Clock, Context, Entity, Error, ErrorKind, Message, QueueName, Result, SeededRandom,
    SubscriptionName, Timestamp,
    port::{Provider, QueueConfig},
};
use relayhouse_sqs::Sqs;
use relayhouse_testkit::{
    Gauges, Harness, Network, WallClock,
    clock::{ManualClock, TestClock},
};
use sqs_emulator::{Faults, SqsEmulator};
use tokio::runtime::{Builder, Runtime};

use self::{
    clock::{EmulatorClock, Waiting},
    traffic::Traffic,
};
use crate::bell::Bell;

const REGION: &str = "us-east-1";
const TOLERANCE: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens queues of an emulator of its own.
#[derive(Debug)]
pub struct SqsHarness {
    name: &'static str,
    is_fifo: bool,
    manual: ManualClock,
    clock: TestClock,
    traffic: Traffic,
    next: AtomicU64,
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
        Ok(Self {
            name,
            is_fifo,
            clock: TestClock::new(Arc::new(manual.clone())),
            manual,
            traffic: Traffic::new(waiting),
            next: AtomicU64::new(0),
            emulator: runtime.block_on(emulator).map_err(failed)?,
            runtime,
        })
    }

    /// Returns what changes what goes wrong at the emulator.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.emulator.faults()
    }

    fn queue_name(&self) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let suffix = if self.is_fifo { ".fifo" } else { "" };
        QueueName::new(format!("case-{number}{suffix}"))
    }

    fn client(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(self.emulator.endpoint())
            .http_client(SharedHttpClient::new(self.traffic.watch(http)));
        Client::from_conf(config.build())
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

#[async_trait]
impl Harness for SqsHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let builder = Sqs::builder(context).client(self.client());
        let builder = if self.is_fifo {
            builder.fifo()
        } else {
            builder
        };
        Ok(Arc::new(builder.build()?))
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        let name = self.queue_name()?;
        let none = || Error::new(ErrorKind::Unsupported, "no port for administration");
        let admin = provider.admin().ok_or_else(none)?;
        admin.create(&Entity::Queue(name.clone()), config).await?;
        Ok(name)
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
        let suffix = if self.is_fifo { ".fifo" } else { "" };
        QueueName::new(format!("missing{suffix}")).ok()
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
        None
    }
}

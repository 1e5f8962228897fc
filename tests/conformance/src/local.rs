//! The harness of the local adapter: real files and threads, under a clock that stands still
//! while they work.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, QueueName, Result, SeededRandom, SubscriptionName, Timestamp,
    port::{Provider, QueueConfig},
};
use relayhouse_local::Local;
use relayhouse_testkit::{
    Gauges, Harness, Network, WallClock,
    clock::{ManualClock, TestClock},
};
use tempfile::TempDir;

use crate::{bell::Bell, entities};

const TOLERANCE: Duration = Duration::from_millis(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens queues in files of a directory of its own.
#[derive(Debug)]
pub struct LocalHarness {
    directory: TempDir,
    manual: ManualClock,
    clock: TestClock,
    next: AtomicU64,
    opened: Mutex<Vec<Local>>,
}

impl LocalHarness {
    pub(crate) fn new() -> Result<Self> {
        let failed =
            |error| Error::new(ErrorKind::Unexpected, "no temporary directory").with_source(error);
        let manual = ManualClock::new(START);
        Ok(Self {
            directory: TempDir::new().map_err(failed)?,
            clock: TestClock::new(Arc::new(manual.clone())),
            manual,
            next: AtomicU64::new(0),
            opened: Mutex::default(),
        })
    }

    fn name(&self) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        QueueName::new(format!("case-{number}"))
    }

    /// Returns true if no storage thread has anything left to answer.
    fn is_quiet(&self) -> bool {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.iter().all(|local| local.pending() == 0)
    }

    /// Runs `work`; whenever nothing can go on but by time, the clock jumps to who sleeps first.
    pub(crate) fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                return output;
            }
            while !bell.has_rung() {
                // Whatever a thread has answered before it was quiet has rung before.
                if self.is_quiet() && !bell.rings() {
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
impl Harness for LocalHarness {
    fn name(&self) -> &str {
        "local"
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let local = Local::builder(context, self.directory.path()).create(false);
        let local = local.build()?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push(local.clone());
        Ok(Arc::new(local))
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        entities::queue(provider, self.name()?, config).await
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        entities::topic(provider, self.name()?, subscriptions, config).await
    }

    fn missing(&self) -> Option<QueueName> {
        QueueName::new("missing").ok()
    }

    fn is_bounded(&self) -> bool {
        true
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

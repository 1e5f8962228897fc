//! The harness of the memory adapter.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Clock, Context, Message, QueueName, Result, SeededRandom, SubscriptionName, Timestamp,
    port::{Provider, QueueConfig},
};
use relayhouse_memory::{Memory, Profile};
use relayhouse_testkit::{Gauges, Harness, Network, WallClock, clock::TestClock};
use relayhouse_time::TokioClock;

use crate::entities;

/// Tokio's timer counts in milliseconds, rounded up.
const TOLERANCE: Duration = Duration::from_millis(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SEED: u64 = 7;

/// Opens memory queues, under tokio's time.
#[derive(Debug)]
pub struct MemoryHarness {
    name: &'static str,
    profile: Profile,
    clock: TestClock,
    next: AtomicU64,
}

impl MemoryHarness {
    pub(crate) fn new(name: &'static str, profile: Profile) -> Self {
        Self {
            name,
            profile,
            clock: TestClock::new(Arc::new(TokioClock::anchored(START))),
            next: AtomicU64::new(0),
        }
    }

    fn name(&self) -> Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        QueueName::new(format!("case-{number}"))
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let memory = Memory::builder(context).profile(self.profile).create(false);
        Ok(Arc::new(memory.build()?))
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        entities::queue(provider, self.name()?, &self.fit(config.clone())).await
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        entities::topic(provider, self.name()?, subscriptions, config).await
    }

    fn fit(&self, config: QueueConfig) -> QueueConfig {
        QueueConfig {
            requires_sessions: config.requires_sessions
                || self.profile == Profile::ServiceBusSessions,
            ..config
        }
    }

    fn missing(&self) -> Option<QueueName> {
        QueueName::new("missing").ok()
    }

    fn dress(&self, message: Message) -> Message {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let details = message.details();
        let has_key = details.ordering_key.is_some();
        let has_dedup_id = details.dedup_id.is_some();
        match self.profile {
            Profile::ServiceBusSessions if !has_key => message.ordering_key("only"),
            Profile::SqsFifo => {
                let message = if has_key {
                    message
                } else {
                    message.ordering_key(format!("group-{number}"))
                };
                if has_dedup_id {
                    return message;
                }
                message.dedup_id(format!("dedup-{number}"))
            }
            _ => message,
        }
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

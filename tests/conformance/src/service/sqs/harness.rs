//! The harness of the SQS adapter on a service, where time is real.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Clock, Context, Message, QueueName, Result, SeededRandom, SubscriptionName,
    port::{Provider, QueueConfig},
};
use relayhouse_sqs::Sqs;
use relayhouse_testkit::{Gauges, Harness, Network, WallClock, clock::TestClock};
use relayhouse_time::TokioClock;

use super::Site;
use crate::entities;

/// SQS counts in seconds, and LocalStack looks about once in one for what is due.
const TOLERANCE: Duration = Duration::from_secs(1);
const SEED: u64 = 7;

/// Opens queues of a service; one for each case, since it counts what its clock is asked.
#[derive(Debug)]
pub struct ServiceHarness {
    name: &'static str,
    is_fifo: bool,
    site: Site,
    clock: TestClock,
}

impl ServiceHarness {
    /// Makes a harness for FIFO queues of `site`, or for standard ones. It needs tokio's time.
    #[must_use]
    pub fn new(name: &'static str, is_fifo: bool, site: Site) -> Self {
        Self {
            name,
            is_fifo,
            site,
            clock: TestClock::new(Arc::new(TokioClock::new())),
        }
    }
}

#[async_trait]
impl Harness for ServiceHarness {
    fn name(&self) -> &str {
        self.name
    }

    async fn provider(&self) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let builder = Sqs::builder(context).topics(self.site.has_topics());
        let builder = if self.is_fifo {
            builder.fifo()
        } else {
            builder
        };
        Ok(Arc::new(builder.build()?))
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        let name = self.site.queue_name(self.is_fifo)?;
        entities::queue(provider, name, config).await
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        let topic = self.site.queue_name(self.is_fifo)?;
        entities::topic(provider, topic, subscriptions, config).await
    }

    fn missing(&self) -> Option<QueueName> {
        self.site.queue_name(self.is_fifo).ok()
    }

    fn dress(&self, message: Message) -> Message {
        if !self.is_fifo || message.details().ordering_key.is_some() {
            return message;
        }
        message.ordering_key(format!("group-{}", self.site.number()))
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
        None
    }
}

//! The harness of the Service Bus adapter on a service, where time is real.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, Context, Message, QueueName, Result, SeededRandom, SubscriptionName,
    port::{Provider, QueueConfig},
};
use relayhouse_testkit::{Gauges, Harness, Network, WallClock, clock::TestClock};
use relayhouse_time::TokioClock;

use super::Namespace;
use crate::{entities, servicebus::Kind};

/// What is due at a service comes a moment later.
const TOLERANCE: Duration = Duration::from_secs(1);
const SEED: u64 = 7;

/// Opens queues of a namespace; one for each case, since it counts what its clock is asked.
#[derive(Debug)]
pub struct ServiceHarness {
    name: &'static str,
    kind: Kind,
    namespace: Namespace,
    clock: TestClock,
}

impl ServiceHarness {
    /// Makes a harness for queues of `namespace`, with sessions or without. It needs tokio's time.
    #[must_use]
    pub fn new(name: &'static str, has_sessions: bool, namespace: Namespace) -> Self {
        Self {
            name,
            kind: Kind { has_sessions },
            namespace,
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
        Ok(Arc::new(self.namespace.open(context)?))
    }

    fn capabilities(&self, _: &dyn Provider) -> Capabilities {
        self.kind.capabilities()
    }

    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName> {
        let name = self.namespace.queue_name()?;
        entities::queue(provider, name, &self.fit(config.clone())).await
    }

    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName> {
        let topic = self.namespace.queue_name()?;
        entities::topic(provider, topic, subscriptions, &self.fit(config.clone())).await
    }

    fn fit(&self, config: QueueConfig) -> QueueConfig {
        self.kind.fit(&config)
    }

    fn missing(&self) -> Option<QueueName> {
        self.namespace.queue_name().ok()
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
        None
    }
}

//! Reads how many messages wait in a queue, every now and then.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Source, port::Admin};

use crate::Metrics;

/// How often a queue is read if nothing else is said.
const EVERY: Duration = Duration::from_secs(15);

/// Reads depth and oldest age of queues into the metrics `relayhouse.queue.messages` and
/// `relayhouse.queue.oldest.age`.
///
/// ```
/// use std::sync::Arc;
///
/// use relayhouse_core::{Source, port::Admin};
/// use relayhouse_telemetry::{Metrics, Poller};
///
/// # fn program(metrics: &Metrics, admin: Arc<dyn Admin>, source: Source) {
/// let poller = Poller::new(metrics, "sqs", admin).source(source);
/// // Beside everything else that the program does: `tokio::spawn(poller.run())`.
/// # let _ = poller.run();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Poller {
    metrics: Metrics,
    scheme: &'static str,
    admin: Arc<dyn Admin>,
    sources: Vec<Source>,
    every: Duration,
}

impl Poller {
    /// Reads by `admin` of a provider whose URLs have this `scheme`: no source yet, each every
    /// 15 seconds.
    #[must_use]
    pub fn new(metrics: &Metrics, scheme: &'static str, admin: Arc<dyn Admin>) -> Self {
        Self {
            metrics: metrics.clone(),
            scheme,
            admin,
            sources: Vec::new(),
            every: EVERY,
        }
    }

    /// Reads `source` as well.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    /// Sets how often each source is read.
    #[must_use]
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Reads all sources once. What fails is counted, and tried again the next time.
    ///
    /// Dropping the future leaves the rest for the next time.
    pub async fn poll(&self) {
        for source in &self.sources {
            let stats = self.admin.stats(source).await;
            self.metrics.polled(source, self.scheme, stats.as_ref());
        }
    }

    /// Reads all sources again and again, until the future is dropped.
    pub async fn run(self) {
        let clock = Arc::clone(self.metrics.clock());
        loop {
            self.poll().await;
            clock.sleep_until(clock.now() + self.every).await;
        }
    }
}

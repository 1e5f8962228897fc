//! A consumer that empties a queue in memory, seen or not.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use relayhouse_core::{Context, Settlement};
use relayhouse_runtime::Consumer;
use relayhouse_telemetry::{Metrics, Tee, Traces};
use tokio::runtime::{Builder, Runtime};

use crate::{
    clock::{Mark, thread_time},
    ours::Ports,
    subject::{Produce, Subject},
    tally::{self, Tally},
};

const BODY: [u8; 256] = [7; 256];
const BATCH: usize = 100;
const CONCURRENCY: u32 = 64;
/// How long a drain may take; a receive that still waits then is dropped.
const DRAIN_MAX: Duration = Duration::from_millis(20);
const SCHEME: &str = "memory";

/// Says who sees a consumer.
#[derive(Debug)]
pub(super) enum Seen {
    Off,
    Metrics(Metrics),
    Traced(Metrics, Traces),
}

/// Runs consumers on one thread.
#[derive(Debug)]
pub(super) struct Drain {
    runtime: Runtime,
    context: Context,
    messages: usize,
}

impl Drain {
    pub(super) fn new(context: &Context, messages: usize) -> Result<Self> {
        Ok(Self {
            runtime: Builder::new_current_thread().enable_time().build()?,
            context: context.clone(),
            messages,
        })
    }

    /// Fills a queue and empties it, and returns what the second took on the processor; by the
    /// clock, where the system does not tell it.
    pub(super) fn run(&self, seen: &Seen) -> Result<Duration> {
        self.runtime.block_on(self.fill_and_drain(seen))
    }

    async fn fill_and_drain(&self, seen: &Seen) -> Result<Duration> {
        let ports = Ports::open(&self.context).await?;
        let mut producer = ports.producer();
        for _ in 0..self.messages / BATCH {
            producer.send(&BODY, BATCH).await?;
        }
        let context = self.context.clone();
        let context = match seen {
            Seen::Off => context,
            Seen::Metrics(metrics) => context.observer(metrics.observer(SCHEME)),
            Seen::Traced(metrics, traces) => {
                let observers = [metrics.observer(SCHEME), traces.observer(SCHEME)];
                context.observer(Arc::new(Tee::new(observers)))
            }
        };
        let receiver = ports.receiver();
        let source = receiver.source().clone();
        let consumer = Consumer::builder(receiver, context).concurrency(CONCURRENCY);
        let tally = Arc::new(Tally::default());
        let handled = Arc::clone(&tally);
        let handler = move || {
            handled.count(1);
            ready(Settlement::Ack)
        };
        let consumer = match seen {
            Seen::Traced(_, traces) => {
                let layer = traces.process(SCHEME, &source);
                consumer.layer(layer).handler(handler)
            }
            _ => consumer.handler(handler),
        };
        self.drain(&tally, consumer).await
    }

    async fn drain(&self, tally: &Arc<Tally>, consumer: Consumer) -> Result<Duration> {
        let end = tally.begin(self.messages);
        let (start, before) = (Mark::now(), thread_time());
        let running = consumer.start().await?;
        let took = tally::end(end).await?.since(start);
        let busy = before.zip(thread_time());
        let took = busy.map_or(took, |(before, after)| after.saturating_sub(before));
        let report = running.shutdown(DRAIN_MAX).await?;
        ensure!(
            report.acked == self.messages as u64,
            "not all acked: {report:?}"
        );
        Ok(took)
    }
}

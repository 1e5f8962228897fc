//! A queue of ours with a `Consumer` on it, for the workloads that go through the runtime.

use std::{
    future::{Future, ready},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{Context, Settlement, extract::Attempt, port::Sender};
use relayhouse_runtime::{Consumer, Running};

use crate::{
    clock::Mark,
    ours::{PortProducer, Ports},
    subject::{Produce, Subject},
    tally::{self, Tally},
};

/// How long a drain may take; a receive that still waits then is dropped.
const DRAIN_MAX: Duration = Duration::from_millis(20);
const BATCH: usize = 100;

/// Is a queue of ours, to be emptied through the runtime.
#[derive(Debug)]
pub(crate) struct Handled {
    context: Context,
    ports: Ports,
}

impl Handled {
    /// Opens a queue.
    pub(crate) async fn open(context: &Context) -> Result<Self> {
        let ports = Ports::open(context).await?;
        let context = context.clone();
        Ok(Self { context, ports })
    }

    /// Puts `messages` copies of `body` on the queue.
    pub(super) async fn fill(&self, body: &[u8], messages: usize) -> Result<()> {
        let mut producer = self.producer();
        for _ in 0..messages / BATCH {
            producer.send(body, BATCH).await?;
        }
        producer.send(body, messages % BATCH).await
    }

    /// Returns the port that sends.
    pub(crate) fn sender(&self) -> Arc<dyn Sender> {
        self.ports.sender()
    }

    /// Makes a producer at the port.
    pub(super) fn producer(&self) -> PortProducer {
        self.ports.producer()
    }

    /// Starts a consumer with an empty stack, whose handler draws the body and the attempt.
    pub(super) async fn start<F>(
        &self,
        concurrency: u32,
        handle: impl Fn(Bytes) -> F + Clone + Send + Sync + 'static,
    ) -> Result<Running>
    where
        F: Future<Output = Settlement> + Send + 'static,
    {
        let consumer = Consumer::builder(self.ports.receiver(), self.context.clone());
        let handler = move |body: Bytes, _: Attempt| handle(body);
        Ok(consumer
            .concurrency(concurrency)
            .handler(handler)
            .start()
            .await?)
    }

    /// Lets a consumer run until `messages` were handled, each by `work`, and returns how long
    /// that took.
    pub(crate) async fn drain(
        &self,
        messages: usize,
        concurrency: u32,
        work: impl Fn(&Bytes) + Clone + Send + Sync + 'static,
    ) -> Result<Duration> {
        let tally = Arc::new(Tally::default());
        let end = tally.begin(messages);
        let start = Mark::now();
        let running = self
            .start(concurrency, move |body| {
                work(&body);
                tally.count(1);
                ready(Settlement::Ack)
            })
            .await?;
        let took = tally::end(end).await?.since(start);
        finish(running, messages).await?;
        Ok(took)
    }
}

/// Ends a consumer that has handled `messages`, and checks that it acked each.
pub(super) async fn finish(running: Running, messages: usize) -> Result<()> {
    let report = running.shutdown(DRAIN_MAX).await?;
    let is_right = report.acked == messages as u64 && report.failed == 0;
    ensure!(is_right, "{messages} messages should be acked: {report:?}");
    Ok(())
}

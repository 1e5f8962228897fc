//! The adapter behind `Producer` and `Consumer`.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{Context, Settlement, extract::Attempt};
use relayhouse_runtime::{Consumer, Producer};
use tokio::runtime::Runtime;

use super::{
    AT_ONCE, BATCH, CALLS, CONSUMER, PRODUCER, all, client, ports::Ports, rate::Work,
    server::Server, spent::Spent,
};
use crate::{
    subject::World,
    tally::{self, Tally},
};

/// The contender that both sends and receives.
pub(super) const BOTH: &str = "Producer, Consumer";

/// Longer than what was received and not handled takes to be given back.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Is a queue of ours, sent to and received from through the runtime: as it is by default, but with
/// as many sends in flight as the others have.
#[derive(Debug)]
pub(super) struct Through<'a> {
    runtime: Runtime,
    server: &'a Server,
    context: &'a Context,
    ports: Ports,
    producer: Producer,
}

impl<'a> Through<'a> {
    pub(super) fn open(world: &'a World, server: &'a Server) -> Result<Self> {
        let runtime = client::runtime()?;
        let context = &world.context;
        let ports = runtime.block_on(Ports::open(&server.endpoint(), context))?;
        let sender = Arc::clone(&ports.sender);
        Ok(Self {
            producer: Producer::builder(sender, context.clone())
                .calls_in_flight(CALLS)
                .build()?,
            runtime,
            server,
            context,
            ports,
        })
    }

    pub(super) const fn name(work: Work) -> &'static str {
        match work {
            Work::Cycle => BOTH,
            Work::Send => PRODUCER,
            Work::Parts => CONSUMER,
        }
    }

    pub(super) fn round(&self, work: Work, batches: usize) -> Result<Vec<f64>> {
        let before = self.server.counts();
        let (_, spent) = match work {
            Work::Cycle => Spent::on(&self.runtime, async {
                tokio::try_join!(self.send(batches), self.consume(batches * BATCH)).map(drop)
            }),
            Work::Send => Spent::on(&self.runtime, self.send(batches)),
            Work::Parts => Spent::on(&self.runtime, self.consume(batches * BATCH)),
        }?;
        // One side goes on until the other is done: what it did meanwhile counts as well.
        let counts = self.server.counts().since(before);
        let messages = match work {
            Work::Cycle => (counts.sent + counts.received + counts.deleted) / 3,
            Work::Send => counts.sent,
            Work::Parts => counts.received.midpoint(counts.deleted),
        };
        Ok(spent.figures(messages).into())
    }

    async fn send(&self, batches: usize) -> Result<()> {
        let sends = (0..AT_ONCE).map(|_| {
            let (producer, message) = (self.producer.clone(), self.ports.message());
            async move {
                for _ in 0..batches / AT_ONCE {
                    let messages = (0..BATCH).map(|_| message.clone());
                    for sent in producer.send_all(messages).await {
                        sent?;
                    }
                }
                Ok(())
            }
        });
        all(sends).await.map(drop)
    }

    /// Runs a consumer until so many messages were handled.
    async fn consume(&self, messages: usize) -> Result<()> {
        let tally = Arc::new(Tally::default());
        let end = tally.begin(messages);
        let receiver = Arc::clone(&self.ports.receiver);
        let consumer = Consumer::builder(receiver, self.context.clone());
        let handler = move |_: Bytes, _: Attempt| {
            tally.count(1);
            ready(Settlement::Ack)
        };
        let running = consumer.handler(handler).start().await?;
        tally::end(end).await?;
        let report = running.shutdown(DRAIN_MAX).await?;
        let is_right = messages as u64 <= report.acked && report.failed == 0;
        ensure!(is_right, "{messages} should be acked: {report:?}");
        Ok(())
    }
}

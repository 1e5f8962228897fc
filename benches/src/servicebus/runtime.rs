//! The adapter behind `Producer` and `Consumer`.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{Context, Settlement, extract::Attempt};
use relayhouse_runtime::{Consumer, ConsumerBuilder, FailurePolicy, Producer};

use super::{BATCH, CALLS, RUNTIME, SINGLES, child::Emulator, ports::Ports};
use crate::{
    remote::all,
    tally::{self, Tally},
};

/// Longer than what was received and not handled takes to be given back.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Is the runtime on queues of its own, as it is by default.
#[derive(Debug)]
pub(super) struct Through {
    context: Context,
    ports: Ports,
    producer: Producer,
}

impl Through {
    pub(super) async fn open(emulator: &Emulator, context: &Context) -> Result<Self> {
        let ports = Ports::open(emulator, context, RUNTIME).await?;
        let producer = Producer::builder(Arc::clone(&ports.sender), context.clone());
        Ok(Self {
            context: context.clone(),
            producer: producer.build()?,
            ports,
        })
    }

    /// Sends by calls of a batch.
    pub(super) async fn send_batches(&self, messages: usize) -> Result<()> {
        let sends = (0..CALLS).map(|_| {
            let (producer, message) = (self.producer.clone(), self.ports.message());
            async move {
                for _ in 0..messages / BATCH / CALLS {
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

    /// Sends by callers that each send one message at a time.
    pub(super) async fn send_singly(&self, messages: usize) -> Result<()> {
        let sends = (0..SINGLES).map(|_| {
            let (producer, message) = (self.producer.clone(), self.ports.message());
            async move {
                for _ in 0..messages / SINGLES {
                    producer.send(message.clone()).await?;
                }
                Ok(())
            }
        });
        all(sends).await.map(drop)
    }

    /// Runs a consumer until so many messages were handled.
    pub(super) async fn receive(&self, messages: usize) -> Result<()> {
        let receiver = Arc::clone(&self.ports.receiver);
        let consumer = Consumer::builder(receiver, self.context.clone());
        consume(consumer, messages).await
    }

    /// Runs a consumer of sessions until so many messages were handled.
    pub(super) async fn receive_sessions(&self, messages: usize) -> Result<()> {
        let sessions = Arc::clone(&self.ports.sessions);
        // A session holds nothing back.
        let failure = FailurePolicy {
            delay_max: Duration::ZERO,
            ..FailurePolicy::default()
        };
        let consumer = Consumer::of_sessions(sessions, self.context.clone());
        consume(consumer.failure(failure), messages).await
    }
}

async fn consume(consumer: ConsumerBuilder, messages: usize) -> Result<()> {
    let tally = Arc::new(Tally::default());
    let end = tally.begin(messages);
    let handler = move |_: Bytes, _: Attempt| {
        tally.count(1);
        ready(Settlement::Ack)
    };
    let running = consumer.handler(handler).start().await?;
    tally::end(end).await?;
    let report = running.shutdown(DRAIN_MAX).await?;
    let is_right = report.acked == messages as u64 && report.failed == 0;
    ensure!(is_right, "{messages} should be acked: {report:?}");
    Ok(())
}

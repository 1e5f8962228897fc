//! The memory adapter behind a `Producer`, received from at the port.

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{Context, Message};
use relayhouse_runtime::Producer;

use super::{PortConsumer, Ports};
use crate::subject::{Produce, Subject};

/// Is a queue that is sent to through the runtime.
#[derive(Debug)]
pub struct Sent {
    ports: Ports,
    producer: Producer,
}

/// Sends through the runtime.
#[derive(Debug)]
pub struct RuntimeProducer(Producer);

impl Subject for Sent {
    const NAME: &'static str = "Producer";
    type Producer = RuntimeProducer;
    type Consumer = PortConsumer;

    async fn open(context: &Context) -> Result<Self> {
        let ports = Ports::open(context).await?;
        let producer = Producer::builder(ports.sender(), context.clone()).build()?;
        Ok(Self { ports, producer })
    }

    fn producer(&self) -> RuntimeProducer {
        RuntimeProducer::new(self.producer.clone())
    }

    fn consumer(&self) -> PortConsumer {
        self.ports.consumer()
    }
}

impl RuntimeProducer {
    /// Sends by `producer`.
    pub(crate) fn new(producer: Producer) -> Self {
        Self(producer)
    }

    /// Sends a message with each of `bodies`.
    pub(crate) async fn send_bodies(
        &self,
        bodies: impl ExactSizeIterator<Item = Bytes> + Send,
    ) -> Result<()> {
        let count = bodies.len();
        let mut messages = bodies.map(Message::new);
        if count == 1 {
            if let Some(message) = messages.next() {
                self.0.send(message).await?;
            }
            return Ok(());
        }
        let sent = self.0.send_all(messages).await;
        ensure!(sent.len() == count, "{} answers came", sent.len());
        for sent in sent {
            sent?;
        }
        Ok(())
    }
}

impl Produce for RuntimeProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        let bodies = (0..count).map(|_| Bytes::copy_from_slice(body));
        self.send_bodies(bodies).await
    }
}

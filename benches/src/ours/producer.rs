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
}

impl Produce for RuntimeProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        let message = || Message::new(Bytes::copy_from_slice(body));
        if count == 1 {
            self.0.send(message()).await?;
            return Ok(());
        }
        let sent = self.0.send_all((0..count).map(|_| message())).await;
        ensure!(sent.len() == count, "{} answers came", sent.len());
        for sent in sent {
            sent?;
        }
        Ok(())
    }
}

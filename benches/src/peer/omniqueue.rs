//! omniqueue's memory backend: it acks, but a delivery that is dropped is lost.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use omniqueue::{
    Delivery,
    backends::{InMemoryBackend, InMemoryConsumer, InMemoryProducer},
};
use relayhouse_core::Context;
use tokio::sync::Mutex;

use crate::subject::{Consume, Produce, Subject};

/// Longer than any workload waits for its next message.
const WAIT: Duration = Duration::from_secs(600);

/// Is an omniqueue queue as a subject. Its consumer is one, which the others share in a lock.
pub struct Omniqueue {
    producer: Arc<InMemoryProducer>,
    consumer: Arc<Mutex<InMemoryConsumer>>,
}

/// Sends to omniqueue.
pub struct OmniqueueProducer(Arc<InMemoryProducer>);

/// Receives from omniqueue.
pub struct OmniqueueConsumer(Arc<Mutex<InMemoryConsumer>>);

impl Subject for Omniqueue {
    const NAME: &'static str = "omniqueue (no lease)";
    type Producer = OmniqueueProducer;
    type Consumer = OmniqueueConsumer;

    async fn open(_: &Context) -> Result<Self> {
        let (producer, consumer) = InMemoryBackend::builder().build_pair().await?;
        Ok(Self {
            producer: Arc::new(producer),
            consumer: Arc::new(Mutex::new(consumer)),
        })
    }

    fn producer(&self) -> OmniqueueProducer {
        OmniqueueProducer(Arc::clone(&self.producer))
    }

    fn consumer(&self) -> OmniqueueConsumer {
        OmniqueueConsumer(Arc::clone(&self.consumer))
    }
}

impl Produce for OmniqueueProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        for _ in 0..count {
            self.0.send_raw(body).await?;
        }
        Ok(())
    }
}

impl Consume for OmniqueueConsumer {
    async fn take<F: FnMut(&[u8]) + Send>(&mut self, max: usize, mut seen: F) -> Result<usize> {
        if max == 1 {
            let delivery = self.0.lock().await.receive().await?;
            ack(delivery, &mut seen).await?;
            return Ok(1);
        }
        let deliveries = self.0.lock().await.receive_all(max, WAIT).await?;
        let count = deliveries.len();
        for delivery in deliveries {
            ack(delivery, &mut seen).await?;
        }
        Ok(count)
    }
}

async fn ack(delivery: Delivery, seen: &mut (impl FnMut(&[u8]) + Send)) -> Result<()> {
    seen(
        delivery
            .borrow_payload()
            .context("a delivery has no payload")?,
    );
    delivery.ack().await.map_err(|(error, _)| error)?;
    Ok(())
}

impl fmt::Debug for Omniqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Omniqueue")
    }
}

impl fmt::Debug for OmniqueueProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OmniqueueProducer")
    }
}

impl fmt::Debug for OmniqueueConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OmniqueueConsumer")
    }
}

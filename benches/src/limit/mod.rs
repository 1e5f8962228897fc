//! The yardstick: the least work that a queue with leases can do, which ratios are taken to.

mod queue;

use std::{future::poll_fn, sync::Arc};

use anyhow::{Result, ensure};
use relayhouse_core::Context;

pub use self::queue::{Delivery, LeaseQueue, Payload, Receipt};
use crate::subject::{Consume, Produce, Subject};

/// Is the lease limit as a subject.
#[derive(Debug)]
pub struct Limit(Arc<LeaseQueue>);

/// Sends to the limit.
#[derive(Debug)]
pub struct LimitProducer {
    queue: Arc<LeaseQueue>,
    batch: Vec<Payload>,
}

/// Receives from the limit.
#[derive(Debug)]
pub struct LimitConsumer {
    queue: Arc<LeaseQueue>,
    batch: Vec<Delivery>,
    freed: Vec<Payload>,
}

impl Subject for Limit {
    const NAME: &'static str = "limit";
    type Producer = LimitProducer;
    type Consumer = LimitConsumer;

    async fn open(_: &Context) -> Result<Self> {
        Ok(Self(Arc::new(LeaseQueue::new())))
    }

    fn producer(&self) -> LimitProducer {
        LimitProducer {
            queue: Arc::clone(&self.0),
            batch: Vec::new(),
        }
    }

    fn consumer(&self) -> LimitConsumer {
        LimitConsumer {
            queue: Arc::clone(&self.0),
            batch: Vec::new(),
            freed: Vec::new(),
        }
    }
}

impl Produce for LimitProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        if count == 1 {
            self.queue.send(Payload::from(body));
            return Ok(());
        }
        self.batch.extend((0..count).map(|_| Payload::from(body)));
        self.queue.send_all(&mut self.batch);
        Ok(())
    }
}

impl Consume for LimitConsumer {
    async fn take<F: FnMut(&[u8]) + Send>(&mut self, max: usize, mut seen: F) -> Result<usize> {
        if max == 1 {
            let delivery = poll_fn(|context| self.queue.poll_receive(context)).await;
            seen(&delivery.payload);
            ensure!(self.queue.ack(delivery.receipt), "a lease ended too early");
            return Ok(1);
        }
        let Self {
            queue,
            batch,
            freed,
        } = self;
        poll_fn(|context| queue.poll_receive_all(context, max, batch)).await;
        for delivery in batch.iter() {
            seen(&delivery.payload);
        }
        let count = batch.len();
        ensure!(queue.ack_all(batch, freed) == 0, "a lease ended too early");
        Ok(count)
    }
}

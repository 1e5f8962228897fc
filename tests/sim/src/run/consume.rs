//! Consumers that are killed now and then, and what is left in the queue of dead letters.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::Result;
use relayhouse_core::{
    Context, MessageId, QueueName,
    extract::Attempt,
    port::{ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_middleware::{
    dead_letter::{DeadLetterReceiver, EnvelopeReceiver},
    idempotency::{IdempotencyLayer, MemoryDedup},
    stack,
};
use relayhouse_runtime::{Consumer, ConsumerConfig, FailurePolicy, Running};
use relayhouse_testkit::oracle::Entry;

use super::{LOOK_EVERY, Layers, Plan, World};
use crate::{
    fault::{FaultyReceiver, FaultySender},
    handler::{LEASE_TOTAL_MAX, handle},
};

pub(super) const CONCURRENCY: u32 = 64;
/// A consumer is killed after up to this time.
const CRASH_EVERY: Duration = Duration::from_secs(20);
/// Where dead letters go that the provider does not keep.
const DEAD_LETTERS: &str = "simulated-dead-letters";

/// Makes a store that has room for the keys of all messages.
pub(super) fn dedup(plan: &Plan, context: &Context) -> MemoryDedup {
    let keys_max = usize::try_from(plan.messages).unwrap_or(usize::MAX);
    let keys_max = NonZeroUsize::new(keys_max).unwrap_or(NonZeroUsize::MIN);
    MemoryDedup::new(keys_max, context)
}

impl World {
    /// Runs consumers, one after the other: each is killed after a while.
    pub(super) async fn consume(self: Arc<Self>) -> Result<()> {
        loop {
            let running = self.start().await?;
            let time = self.context.random.up_to(CRASH_EVERY);
            self.pass(time).await;
            while !self.faults.is_on.load(Relaxed) {
                self.pass(LOOK_EVERY).await;
            }
            self.crashes.fetch_add(1, Relaxed);
            self.watch.note(self.context.clock.now(), Entry::Crashed);
            drop(running);
        }
    }

    async fn start(&self) -> Result<Running> {
        let receiver = self.receiver().await?;
        let config = ConsumerConfig {
            concurrency: NonZeroU32::new(CONCURRENCY).unwrap_or(NonZeroU32::MIN),
            workers: NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN),
            lease_total_max: LEASE_TOTAL_MAX,
            ..ConsumerConfig::default()
        };
        let (faults, ledger) = (Arc::clone(&self.faults), Arc::clone(&self.ledger));
        let handler = move |attempt: Attempt, id: MessageId| {
            handle(Arc::clone(&faults), Arc::clone(&ledger), attempt, id)
        };
        let context = &self.context;
        let consumer = Consumer::builder(receiver, context.clone()).config(config);
        let once = IdempotencyLayer::new(Arc::clone(&self.dedup) as _, context);
        let is_limited = self.crashes.load(Relaxed) % 2 == 1;
        let consumer = match self.plan.layers {
            Layers::None => consumer.handler(handler),
            // Every second consumer has a limit that adapts.
            Layers::Recommended if is_limited => consumer
                .layer(once)
                .layer(stack::high_throughput("simulated", context))
                .handler(handler),
            Layers::Recommended => consumer
                .layer(once)
                .layer(stack::consumer("simulated", context))
                .handler(handler),
        };
        Ok(consumer.start().await?)
    }

    /// Opens the queue, through a receiver that fails.
    async fn receiver(&self) -> Result<Arc<dyn Receiver>> {
        let options = ReceiverOptions::default();
        let inner = self.provider.receiver(&self.source, options).await?;
        let faults = Arc::clone(&self.faults);
        let receiver = Arc::new(FaultyReceiver { inner, faults });
        if self.plan.layers == Layers::None {
            return Ok(receiver);
        }
        let inner = self.provider.sender(&dead_letters()?).await?;
        let faults = Arc::clone(&self.faults);
        let to = Arc::new(FaultySender { inner, faults });
        let wrapper = DeadLetterReceiver::new(receiver, to, &self.context);
        Ok(Arc::new(wrapper))
    }

    /// Shows the oracle every dead letter.
    pub(super) async fn count_dead(&self) -> Result<()> {
        let source = match self.plan.layers {
            Layers::None => self.source.dead_letters(),
            Layers::Recommended => dead_letters()?.into(),
        };
        let options = ReceiverOptions::default();
        let receiver = self.provider.receiver(&source, options).await?;
        let receiver = EnvelopeReceiver::new(receiver);
        let request = ReceiveRequest::up_to(NonZeroU32::MAX);
        let mut dead = Vec::new();
        receiver.receive(request, &mut dead).await?;
        let now = self.context.clock.now();
        let tries_max = FailurePolicy::default().attempts_max;
        let tries_max = tries_max.map_or(0, NonZeroU32::get);
        for delivery in &dead {
            self.watch.note(now, Entry::Dead(delivery));
            self.ledger.dead(delivery, tries_max);
        }
        Ok(())
    }
}

fn dead_letters() -> Result<QueueName> {
    Ok(QueueName::new(DEAD_LETTERS)?)
}

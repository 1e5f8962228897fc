//! The sender that stores.

use std::{num::NonZeroU64, sync::Arc};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, Context, Message, MessageIds, Outcome, QueueName, Result, Sending,
    Support, port::Sender,
};

/// Stores messages in the local queue of an [`Outbox`](super::Outbox): `Ok` means stored.
///
/// Its queue is that of the broker. What the broker would refuse for its size or its headers is
/// refused at once.
#[derive(Debug)]
pub struct OutboxSender {
    store: Arc<dyn Sender>,
    broker: Arc<dyn Sender>,
    capabilities: Capabilities,
    ids: MessageIds,
    clock: Arc<dyn Clock>,
}

impl OutboxSender {
    pub(super) fn new(store: Arc<dyn Sender>, broker: Arc<dyn Sender>, context: &Context) -> Self {
        let capabilities = both(store.capabilities(), broker.capabilities());
        Self {
            store,
            broker,
            capabilities,
            ids: MessageIds::new(&*context.random),
            clock: Arc::clone(&context.clock),
        }
    }

    /// Gives `message` what makes each try of it the same message.
    fn name(&self, message: &mut Message) {
        let id = message.id.get_or_insert_with(|| self.ids.next_id());
        let id = id.clone();
        let knows_dedup = self.broker.capabilities().dedup.is_supported();
        if knows_dedup && message.details().dedup_id.is_none() {
            message.details_mut().dedup_id = Some(id.to_string().into());
        }
    }
}

/// What the broker can do, as far as the local queue can keep it until then.
fn both(store: &Capabilities, broker: &Capabilities) -> Capabilities {
    let least =
        |one: Option<NonZeroU64>, other: Option<NonZeroU64>| one.into_iter().chain(other).min();
    Capabilities {
        send_batch_max: store.send_batch_max,
        send_bytes_max: store.send_bytes_max,
        message_bytes_max: least(store.message_bytes_max, broker.message_bytes_max),
        queue_order: weaker(store.queue_order, broker.queue_order),
        key_order: weaker(store.key_order, broker.key_order),
        schedule: store.schedule,
        schedule_max: store.schedule_max,
        ..broker.clone()
    }
}

const fn weaker(store: Support, broker: Support) -> Support {
    if store.is_supported() { broker } else { store }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sender for OutboxSender {
    fn queue(&self) -> &QueueName {
        self.broker.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        let now = self.clock.wall();
        let (mut places, mut stores) = (Vec::new(), Vec::new());
        for item in batch {
            self.name(&mut item.message);
            match item.message.check(&self.capabilities, now) {
                Ok(()) => {
                    stores.push(Sending::new(item.message.clone()));
                    places.push(item);
                }
                Err(error) => item.fail(error),
            }
        }
        let call = self.store.send(&mut stores).await;
        for (place, stored) in places.into_iter().zip(stores) {
            match stored.outcome {
                Outcome::Done(sent) => drop(place.done(sent)),
                outcome => place.outcome = outcome,
            }
        }
        call
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

//! The outbox, as a program holds it.

use std::sync::Arc;

use relayhouse_core::{
    Context, Result,
    port::{Receiver, Sender},
};
use tokio::sync::Notify;

use super::{OutboxBuilder, OutboxSender, forwarder::Forwarder};
use crate::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Task,
};

/// Stores messages in a local queue and forwards them to a broker.
#[derive(Debug)]
pub struct Outbox {
    sender: Arc<OutboxSender>,
    stored: Arc<dyn Receiver>,
    broker: Arc<dyn Sender>,
    shared: Arc<Shared>,
    task: Task,
}

/// Tells how the forwarding goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxGauges {
    /// How many messages the broker has confirmed.
    pub forwarded: u64,
    /// How many messages the broker has refused for good.
    pub refused: u64,
    /// How many times in a row nothing could be forwarded.
    pub failures: u64,
}

/// What the outbox and its task share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) forwarded: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) failures: AtomicU64,
    is_stopping: AtomicBool,
    stop: Notify,
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // One permit is kept for the task, which alone waits for it.
        self.stop.notify_one();
    }

    /// Waits until the forwarding is to end.
    pub(super) async fn stopped(&self) {
        while !self.is_stopping() {
            self.stop.notified().await;
        }
    }
}

impl Outbox {
    /// Starts an outbox that stores through `store`, takes from `stored` what was stored, and
    /// forwards it through `broker`.
    #[must_use]
    pub fn builder(
        store: Arc<dyn Sender>,
        stored: Arc<dyn Receiver>,
        broker: Arc<dyn Sender>,
    ) -> OutboxBuilder {
        OutboxBuilder::new(store, stored, broker)
    }

    pub(super) fn start(builder: OutboxBuilder, context: &Context) -> Self {
        let shared = Arc::<Shared>::default();
        let forwarder = Forwarder::new(&builder, Arc::clone(&shared), context.clone());
        let OutboxBuilder {
            store,
            stored,
            broker,
            ..
        } = builder;
        let sender = OutboxSender::new(store, Arc::clone(&broker), context);
        Self {
            sender: Arc::new(sender),
            stored,
            broker,
            shared,
            task: Task::spawn(forwarder.run()),
        }
    }

    /// Returns the sender, for a producer to be built on.
    #[must_use]
    pub fn sender(&self) -> Arc<OutboxSender> {
        Arc::clone(&self.sender)
    }

    /// Returns how the forwarding goes.
    #[must_use]
    pub fn gauges(&self) -> OutboxGauges {
        let Shared {
            forwarded,
            refused,
            failures,
            ..
        } = &*self.shared;
        OutboxGauges {
            forwarded: forwarded.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
        }
    }

    /// Takes no further message, ends the forwarding and waits for it, and closes the three ports.
    /// What is not forwarded stays in the local queue.
    ///
    /// Dropping the future leaves the rest to the next call.
    ///
    /// # Errors
    ///
    /// Returns the first error of a port that could not be closed.
    pub async fn close(&self) -> Result<()> {
        let sender = self.sender.close().await;
        self.shared.stop();
        let stored = self.stored.close().await;
        self.task.join().await;
        let broker = self.broker.close().await;
        sender.and(stored).and(broker)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

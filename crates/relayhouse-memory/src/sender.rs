//! The sender: checks a batch, and hands it to the queue or the topic.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use relayhouse_core::{Capabilities, Operation, QueueName, Result, Sending, port::Sender};

use crate::{
    convert,
    engine::{Progress, SendWait},
    error,
    namespace::{Namespace, Target},
};

/// Sends to one queue or topic.
#[derive(Debug)]
pub(crate) struct MemorySender {
    namespace: Arc<Namespace>,
    name: QueueName,
    capabilities: Arc<Capabilities>,
    /// The queue or topic, which the first send decides on.
    target: OnceLock<Target>,
    is_closed: AtomicBool,
}

impl MemorySender {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        name: QueueName,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        Self {
            namespace,
            name,
            capabilities,
            target: OnceLock::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    fn target(&self) -> Result<&Target> {
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        let target = self.namespace.target(&self.name, Operation::Send)?;
        Ok(self.target.get_or_init(|| target))
    }

    fn check(&self, batch: &mut [Sending], target: &Target) -> Result<()> {
        check_batch(&self.capabilities, batch)?;
        let settings = match target {
            Target::Queue(queue) => &queue.settings,
            Target::Topic(topic) => &topic.settings,
        };
        convert::prepare(&self.namespace, &self.capabilities, settings, batch);
        convert::throttle(
            settings.behaviour.failures,
            &*self.namespace.context.random,
            Operation::Send,
            batch.iter_mut().map(|item| &mut item.outcome),
        );
        Ok(())
    }
}

/// Refuses a batch over the limits as a whole, as the provider would.
pub(crate) fn check_batch(capabilities: &Capabilities, batch: &[Sending]) -> Result<()> {
    if let Some(max) = capabilities.send_batch_max {
        if usize::try_from(max.get()).is_ok_and(|max| max < batch.len()) {
            let count = batch.len();
            return Err(error::batch_too_long(Operation::Send, count, max.get()));
        }
    }
    if let Some(max) = capabilities.send_bytes_max {
        let bytes = batch.iter().map(|item| item.message.size()).sum();
        if 1 < batch.len() && max.get() < bytes {
            return Err(error::batch_too_large(bytes, max.get()));
        }
    }
    Ok(())
}

#[async_trait]
impl Sender for MemorySender {
    fn queue(&self) -> &QueueName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(error::closed(Operation::Send).queue(&self.name));
        }
        self.namespace.check_open(Operation::Send)?;
        if batch.is_empty() {
            return Ok(());
        }
        let target = self.target()?;
        self.check(batch, target)?;
        let closed = [&self.is_closed, &self.namespace.is_closed];
        match target {
            Target::Queue(queue) => match queue.send(batch)? {
                Progress::Finished => Ok(()),
                // Boxed, so that a send that finds room is small.
                Progress::Blocked => Box::pin(SendWait::new(queue, batch, &closed)).await,
            },
            Target::Topic(topic) => Box::pin(topic.send(batch, &closed)).await,
        }
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        match self.target.get() {
            Some(Target::Queue(queue)) => queue.stir(),
            Some(Target::Topic(topic)) => topic.stir(),
            None => {}
        }
        Ok(())
    }
}

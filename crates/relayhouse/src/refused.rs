//! The sender of a source that nothing can be sent to: each send fails with a clear error.

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Entity, Error, ErrorKind, Operation, QueueName, Result, Sending, Source,
    port::Sender,
};

/// Refuses every message.
#[derive(Debug)]
pub(crate) struct Refused {
    queue: QueueName,
    error: Error,
}

/// Returns what can be sent to at `source`, or the sender that refuses because there is nothing.
pub(crate) fn target(source: &Source) -> Result<QueueName, Refused> {
    let (queue, rule) = match (&source.entity, source.dead_letter) {
        (Entity::Queue(queue), false) => return Ok(queue.clone()),
        (Entity::Queue(queue), true) => (
            queue,
            format!("nothing can be sent to a dead-letter queue, only to {queue}"),
        ),
        (Entity::Subscription { topic, .. }, _) => (
            topic,
            format!("nothing can be sent to a subscription, only to its topic {topic}"),
        ),
    };
    let error = Error::new(ErrorKind::Unsupported, rule)
        .operation(Operation::Send)
        .queue(source);
    Err(Refused {
        queue: queue.clone(),
        error,
    })
}

impl Refused {
    /// Returns why nothing can be sent.
    pub(crate) fn into_error(self) -> Error {
        self.error
    }
}

#[async_trait]
impl Sender for Refused {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        const { &Capabilities::NONE }
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        Err(self.error.clone())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

//! Sends to one queue, or one topic.

use std::sync::Arc;

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, ErrorKind, Message, MessageId, Operation, QueueName, Result, Sending,
    port::Sender,
};
use tokio::sync::Semaphore;

use crate::{
    batch::{self, Target},
    capability::again,
    convert::{Envoy, Packet, Writing, write},
    error,
    known::Known,
    link::Link,
    queue::Queue,
};

/// The most sends at a time; a close waits for all of them.
const SENDS_MAX: u32 = 4096;

/// Sends to one queue, or one topic.
#[derive(Debug)]
pub(crate) struct SqsSender<T = Queue> {
    link: Arc<Link>,
    target: T,
    name: QueueName,
    turns: Semaphore,
    known: Known,
}

impl<T: Target> SqsSender<T> {
    pub(crate) fn new(link: Arc<Link>, target: T, name: QueueName) -> Self {
        Self {
            link,
            target,
            name,
            turns: Semaphore::new(SENDS_MAX as usize),
            known: Known::default(),
        }
    }

    fn write(&self, item: &Sending, writing: &Writing<'_>) -> Result<Packet> {
        let message = &item.message;
        let id = message.id.clone();
        let id = id.unwrap_or_else(|| self.link.ids.next_id());
        write(message, &id, &Envoy::default(), writing)
    }
}

/// Says how messages for `target` are written now.
fn writing<'a, T: Target>(link: &'a Link, target: &T) -> Writing<'a> {
    Writing {
        capabilities: target.declared(link),
        bytes_max: T::BYTES_MAX,
        has_trace: T::HAS_TRACE,
        payloads: link.payloads.as_ref(),
        is_fifo: target.is_fifo(),
        is_fair: link.config.fair,
        dedup_by_content: link.config.dedup_by_content,
        now: link.wall(),
    }
}

/// Writes a message that SQS took before, from whatever program, to `queue`. Where there is no room
/// to tell when it was first sent, it goes without.
pub(crate) fn write_again(
    message: &Message,
    id: &MessageId,
    envoy: &Envoy,
    (link, queue): (&Link, &Queue),
) -> Result<Packet> {
    let writing = Writing {
        capabilities: again(queue.is_fifo),
        ..writing(link, queue)
    };
    let written = write(message, id, envoy, &writing);
    if envoy.envelope.is_some() || !is_too_large(&written) {
        return written;
    }
    let bare = Envoy {
        enqueued_at: None,
        ..envoy.clone()
    };
    write(message, id, &bare, &writing)
}

/// Returns true for a message that has no room for what was to be written.
pub(crate) fn is_too_large(written: &Result<Packet>) -> bool {
    let error = written.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::MessageTooLarge)
}

#[async_trait]
impl<T: Target + 'static> Sender for SqsSender<T> {
    fn queue(&self) -> &QueueName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        self.target.declared(&self.link)
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        let closed = || error::closed(Operation::Send).queue(&self.name);
        let _turn = self.turns.acquire().await.map_err(|_| closed())?;
        self.link
            .check_open(Operation::Send)
            .map_err(|_| closed())?;
        let writing = writing(&self.link, &self.target);
        let mut packets = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for (place, item) in batch.iter_mut().enumerate() {
            match self.write(item, &writing) {
                Ok(packet) => {
                    packets.push(packet);
                    places.push(place);
                }
                Err(error) => item.fail(self.target.at(error, Operation::Send)),
            }
        }
        let answers = batch::send(&self.link, &self.target, packets).await;
        let knows_duplicates = self.capabilities().dedup_answer.is_supported();
        for (place, answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(mut sent) => {
                    if knows_duplicates {
                        sent.deduplicated = self.known.is_known(sent.id.as_ref());
                    }
                    drop(batch[place].done(sent));
                }
                Err(error) => batch[place].fail(self.target.at(error, Operation::Send)),
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        // Whoever has all turns knows that no send is in flight; an error says it was closed.
        if let Ok(turns) = self.turns.acquire_many(SENDS_MAX).await {
            self.turns.close();
            drop(turns);
        }
        Ok(())
    }
}

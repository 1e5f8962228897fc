//! Sends to one queue.

use std::sync::Arc;

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, ErrorKind, Message, MessageId, Operation, QueueName, Result, Sending,
    port::Sender,
};
use tokio::sync::Semaphore;

use crate::{
    batch,
    capability::again,
    convert::{Envoy, Packet, Writing, write},
    error,
    known::Known,
    link::Link,
    queue::Queue,
};

/// The most sends at a time; a close waits for all of them.
const SENDS_MAX: u32 = 4096;

/// Sends to one queue.
#[derive(Debug)]
pub(crate) struct SqsSender {
    link: Arc<Link>,
    queue: Queue,
    name: QueueName,
    turns: Semaphore,
    known: Known,
}

impl SqsSender {
    pub(crate) fn new(link: Arc<Link>, queue: Queue, name: QueueName) -> Self {
        Self {
            link,
            queue,
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

/// Says how messages of `queue` are written now.
fn writing<'a>(link: &'a Link, queue: &Queue) -> Writing<'a> {
    Writing {
        capabilities: link.declared.queue(queue.is_fifo),
        is_fifo: queue.is_fifo,
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
impl Sender for SqsSender {
    fn queue(&self) -> &QueueName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        self.link.declared.queue(self.queue.is_fifo)
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        let closed = || error::closed(Operation::Send).queue(&self.name);
        let _turn = self.turns.acquire().await.map_err(|_| closed())?;
        self.link
            .check_open(Operation::Send)
            .map_err(|_| closed())?;
        let writing = writing(&self.link, &self.queue);
        let mut packets = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for (place, item) in batch.iter_mut().enumerate() {
            match self.write(item, &writing) {
                Ok(packet) => {
                    packets.push(packet);
                    places.push(place);
                }
                Err(error) => item.fail(self.queue.at(error, Operation::Send)),
            }
        }
        let answers = batch::send(&self.link, &self.queue, packets).await;
        for (place, answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(mut sent) => {
                    if self.queue.is_fifo {
                        sent.deduplicated = self.known.is_known(sent.id.as_ref());
                    }
                    drop(batch[place].done(sent));
                }
                Err(error) => batch[place].fail(self.queue.at(error, Operation::Send)),
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

//! Room in the buffer of what waits to be sent.

use std::{future::Future, sync::Arc};

use relayhouse_core::{Error, ErrorKind, Message, Operation, Result};
use tokio::sync::OwnedSemaphorePermit;

use super::outlet::{Opened, Outlet};
use crate::{
    config::{Full, ProducerConfig},
    sync::lock,
};

/// Is room in the buffer, by messages and by bytes.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) messages: OwnedSemaphorePermit,
    pub(super) bytes: OwnedSemaphorePermit,
}

impl Room {
    /// Makes one of two rooms in the same buffer, which are given back together.
    pub(super) fn merge(&mut self, other: Self) {
        self.messages.merge(other.messages);
        self.bytes.merge(other.bytes);
    }
}

impl Outlet {
    /// Returns how much of the buffer's bytes a message takes; one above the bound takes all.
    pub(super) fn bytes_of(&self, message: &Message) -> u32 {
        let max = u32::try_from(self.config.buffer_bytes_max.get()).unwrap_or(u32::MAX);
        u32::try_from(message.size()).unwrap_or(u32::MAX).min(max)
    }

    /// Takes room if there is some, else gives back what was reserved.
    pub(super) fn room_now(
        &self,
        bytes: u32,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Result<Room, Option<OwnedSemaphorePermit>> {
        let messages = match reserved {
            Some(reserved) => reserved,
            None => self.try_reserve().ok_or(None)?,
        };
        match Arc::clone(&self.bytes).try_acquire_many_owned(bytes) {
            Ok(bytes) => Ok(Room { messages, bytes }),
            Err(_) => Err(Some(messages)),
        }
    }

    /// Takes room, and waits for it if that is what the configuration says.
    pub(super) async fn room(
        self: &Arc<Self>,
        opened: &Opened,
        bytes: u32,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Result<Room> {
        let reserved = match (self.room_now(bytes, reserved), self.config.full) {
            (Ok(room), _) => return Ok(room),
            (Err(_), Full::Fail) => return Err(self.full()),
            (Err(reserved), Full::Wait) => reserved,
        };
        // Room comes from what waits, and that leaves by the task.
        self.start_task(lock(&self.state), opened);
        let messages = match reserved {
            Some(reserved) => reserved,
            None => self.reserve().await?,
        };
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await;
        let bytes = bytes.map_err(|_| self.closed())?;
        Ok(Room { messages, bytes })
    }

    pub(super) fn reserve(&self) -> impl Future<Output = Result<OwnedSemaphorePermit>> + use<> {
        let messages = Arc::clone(&self.messages);
        let closed = self.closed();
        async move { messages.acquire_owned().await.map_err(|_| closed) }
    }

    pub(super) fn try_reserve(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.messages).try_acquire_owned().ok()
    }

    fn full(&self) -> Error {
        let ProducerConfig {
            buffer_messages_max,
            buffer_bytes_max,
            ..
        } = &self.config;
        let rule = format!(
            "the buffer is full, at most {buffer_messages_max} messages and {buffer_bytes_max} \
             bytes may wait"
        );
        Error::new(ErrorKind::Full, rule).at(Operation::Send, self.queue())
    }
}

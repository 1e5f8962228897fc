//! What one call may carry, and where its answers are heard.

use relayhouse_core::{Error, ErrorKind, Message, Result, Sent};
use tokio::sync::oneshot;

use super::lane::Packing;

/// Is the answer of one message, or where it will be heard.
pub(super) enum Answer {
    Known(Result<Sent>),
    Awaited(oneshot::Receiver<Result<Sent>>),
}

impl Answer {
    pub(super) async fn heard(self) -> Result<Sent> {
        match self {
            Self::Known(answer) => answer,
            Self::Awaited(answer) => answer.await.unwrap_or_else(|_| Err(lost())),
        }
    }
}

/// Is what one call may carry.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) messages: Vec<Message>,
    bytes: u64,
}

impl Chunk {
    pub(super) fn fits(&self, message: &Message, packing: &Packing) -> bool {
        let fits_bytes = self.bytes + message.size() <= packing.bytes_max;
        self.messages.is_empty() || (fits_bytes && self.messages.len() < packing.messages_max)
    }

    pub(super) fn push(&mut self, message: Message) {
        self.bytes += message.size();
        self.messages.push(message);
    }
}

pub(super) fn lost() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the sender's task ended without an answer",
    )
}

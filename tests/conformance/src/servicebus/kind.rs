//! The two kinds of queues of Service Bus, and what each asks of a harness.

use relayhouse_core::{Capabilities, Message, port::QueueConfig};
use relayhouse_servicebus::{QUEUE_CAPABILITIES, SESSION_CAPABILITIES};

/// The session of messages whose case does not care.
const ONLY: &str = "only";

/// Says whether queues require sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) has_sessions: bool,
}

impl Kind {
    pub(crate) const fn capabilities(self) -> Capabilities {
        match self.has_sessions {
            true => SESSION_CAPABILITIES,
            false => QUEUE_CAPABILITIES,
        }
    }

    pub(crate) fn fit(self, config: &QueueConfig) -> QueueConfig {
        QueueConfig {
            requires_sessions: config.requires_sessions || self.has_sessions,
            ..config.clone()
        }
    }

    pub(crate) fn dress(self, message: Message) -> Message {
        if !self.has_sessions || message.details().ordering_key.is_some() {
            return message;
        }
        message.ordering_key(ONLY)
    }
}

//! A message as an entity keeps it, and as it is handed out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Contents, Time};

/// The property that says why a message is dead.
pub const DEAD_LETTER_REASON: &str = "DeadLetterReason";

/// The property that says more about why a message is dead.
pub const DEAD_LETTER_DESCRIPTION: &str = "DeadLetterErrorDescription";

/// A message in an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// What was sent; reason and description of a dead message are among the properties.
    pub contents: Arc<Contents>,
    /// The number that the entity has given the message.
    pub sequence: u64,
    /// The number that the first entity has given it, if it came here from another.
    pub enqueued_sequence: u64,
    /// When it was put into this entity, or is due to be.
    pub enqueued: Time,
    /// When it expires; never if there is none.
    pub expires: Option<Time>,
    /// How often it was handed out in vain.
    pub delivery_count: u32,
    /// The entity in which it died, if it was forwarded since.
    pub dead_letter_source: Option<Arc<str>>,
    /// About how many bytes it takes.
    pub bytes: u32,
    /// Through how many entities it was forwarded.
    pub(super) hops: u8,
}

/// Whether a message may be received, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Whoever receives gets it, unless it is locked.
    Active,
    /// It is received by its number alone.
    Deferred,
    /// It is to be enqueued later.
    Scheduled,
}

/// A message that was handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Whether it was deferred before.
    pub state: State,
    /// What it is settled by; none if it was deleted as it was handed out.
    pub lock: Option<Lock>,
}

/// The right to settle a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Names the lock.
    pub token: Uuid,
    /// When the lock ends.
    pub until: Time,
}

/// A message that was only looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Peeked {
    /// The message.
    pub message: Message,
    /// Whether it may be received.
    pub state: State,
}

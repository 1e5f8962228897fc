//! What queues of Service Bus can do here.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{Attempts, Capabilities, LeaseKind, Support};

/// The most bytes of a message on the Standard tier, its properties included.
const MESSAGE_BYTES_MAX: u64 = 256 * 1024;

/// What ids, properties and their encoding take at most of these bytes, beside what
/// [`Message::size`](relayhouse_core::Message::size) counts.
const BESIDE_BYTES: u64 = 8 * 1024;

/// The most messages that wait for their answers at a time.
pub(crate) const SEND_BATCH_MAX: u32 = 500;

/// The most messages of one receive: what is asked for may be locked at once.
pub(crate) const RECEIVE_BATCH_MAX: u32 = 500;

/// The longest wait of a receive; a token must outlive it.
pub(crate) const RECEIVE_WAIT_MAX: Duration = Duration::from_secs(60);

/// The longest lock that an entity can be set to.
pub(crate) const LOCK_MAX: Duration = Duration::from_secs(5 * 60);

/// What all entities together can do.
pub(crate) const PROVIDER_CAPABILITIES: Capabilities = Capabilities {
    key_order: Support::Native,
    sessions: Support::Native,
    session_state: Support::Native,
    ..QUEUE_CAPABILITIES
};

/// What a queue or subscription with sessions can do.
pub const SESSION_CAPABILITIES: Capabilities = Capabilities {
    lease: LeaseKind::Session,
    // What comes again because its session was lost is not counted.
    attempts: Attempts::Approximate,
    release_delay: Support::Unsupported,
    ..PROVIDER_CAPABILITIES
};

/// What a queue without sessions can do.
pub const QUEUE_CAPABILITIES: Capabilities = Capabilities {
    release_delay: Support::Emulated,
    ..CAPABILITIES
};

/// Returns what a sender can do whose messages the broker takes up to so many bytes: it says so when
/// a link is attached, and those of the Premium tier can be set to far more than others.
pub(crate) fn of_sender(bytes_max: Option<u64>) -> Capabilities {
    let bytes = bytes_max.unwrap_or(MESSAGE_BYTES_MAX);
    Capabilities {
        message_bytes_max: NonZeroU64::new(bytes - BESIDE_BYTES.min(bytes / 4)),
        ..CAPABILITIES
    }
}

/// What an entity without sessions can do.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    ack: Support::Native,
    release: Support::Native,
    dead_letter: Support::Native,
    redrive: Support::Emulated,
    attempts_limit: Support::Native,
    attempts: Attempts::Exact,
    lease: LeaseKind::Delivery,
    lease_exclusive: Support::Native,
    schedule: Support::Native,
    schedule_cancel: Support::Native,
    ttl: Support::Native,
    dedup: Support::Native,
    topics: Support::Native,
    peek: Support::Native,
    purge: Support::Emulated,
    stats: Support::Native,
    create: Support::Native,
    transactions: Support::Native,
    headers: Support::Native,
    receive_drop: Support::Native,
    send_batch_max: NonZeroU32::new(SEND_BATCH_MAX),
    message_bytes_max: NonZeroU64::new(MESSAGE_BYTES_MAX - BESIDE_BYTES),
    receive_batch_max: NonZeroU32::new(RECEIVE_BATCH_MAX),
    receive_bytes_over_max: NonZeroU64::new(MESSAGE_BYTES_MAX),
    receive_wait_max: Some(RECEIVE_WAIT_MAX),
    settle_batch_max: NonZeroU32::new(RECEIVE_BATCH_MAX),
    extend_batch_max: NonZeroU32::new(RECEIVE_BATCH_MAX),
    lease_max: Some(LOCK_MAX),
    dedup_window: Some(Duration::from_secs(7 * 24 * 60 * 60)),
    ..Capabilities::NONE
};

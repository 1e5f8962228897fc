//! What a queue in a file can do: all of it.

use std::num::NonZeroU64;

use relayhouse_core::{Attempts, Capabilities, LeaseKind, Support};

/// `SQLite` refuses a row of 1,000,000,000 bytes and holds a few times a row while it writes it.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 256 << 20;

/// A queue.
pub(crate) const NATIVE: Capabilities = Capabilities {
    ack: Support::Native,
    release: Support::Native,
    release_delay: Support::Native,
    dead_letter: Support::Native,
    redrive: Support::Native,
    attempts_limit: Support::Native,
    attempts: Attempts::Exact,
    lease: LeaseKind::Delivery,
    lease_exclusive: Support::Native,
    receive_drop: Support::Native,
    queue_order: Support::Native,
    key_order: Support::Native,
    sessions: Support::Native,
    session_state: Support::Native,
    schedule: Support::Native,
    schedule_cancel: Support::Native,
    ttl: Support::Native,
    priority: Support::Native,
    dedup: Support::Native,
    dedup_answer: Support::Native,
    topics: Support::Native,
    peek: Support::Native,
    purge: Support::Native,
    stats: Support::Native,
    create: Support::Native,
    transactions: Support::Native,
    dedup_store: Support::Native,
    headers: Support::Native,
    message_bytes_max: NonZeroU64::new(MESSAGE_BYTES_MAX),
    ..Capabilities::NONE
};

/// A queue that requires sessions: the lease is that of the session.
pub(crate) const NATIVE_SESSIONS: Capabilities = Capabilities {
    lease: LeaseKind::Session,
    ..NATIVE
};

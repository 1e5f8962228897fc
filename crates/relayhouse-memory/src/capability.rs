//! What a queue can do, by profile.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{Attempts, Capabilities, LeaseKind, Support};

const KIB: u64 = 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The memory queue itself.
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
    headers: Support::Native,
    ..Capabilities::NONE
};

/// A standard queue of SQS: no order, and now and then a duplicate.
pub(crate) const SQS_STANDARD: Capabilities = Capabilities {
    attempts: Attempts::Approximate,
    lease_exclusive: Support::Unsupported,
    queue_order: Support::Unsupported,
    key_order: Support::Unsupported,
    sessions: Support::Unsupported,
    session_state: Support::Unsupported,
    schedule_cancel: Support::Unsupported,
    ttl: Support::Unsupported,
    priority: Support::Unsupported,
    dedup: Support::Unsupported,
    dedup_answer: Support::Unsupported,
    topics: Support::Unsupported,
    peek: Support::Unsupported,
    transactions: Support::Unsupported,
    send_batch_max: NonZeroU32::new(10),
    send_bytes_max: NonZeroU64::new(KIB * KIB),
    message_bytes_max: NonZeroU64::new(KIB * KIB),
    header_count_max: NonZeroU32::new(10),
    receive_batch_max: NonZeroU32::new(10),
    receive_bytes_over_max: NonZeroU64::new(10 * KIB * KIB),
    receive_wait_max: Some(Duration::from_secs(20)),
    settle_batch_max: NonZeroU32::new(10),
    extend_batch_max: NonZeroU32::new(10),
    schedule_max: Some(Duration::from_secs(900)),
    release_delay_max: Some(Duration::from_secs(43_200)),
    lease_max: Some(Duration::from_secs(43_200)),
    lease_total_max: Some(Duration::from_secs(43_200)),
    in_flight_max: NonZeroU32::new(120_000),
    ..NATIVE
};

/// A FIFO queue of SQS: order by key, no delay of a single message.
pub(crate) const SQS_FIFO: Capabilities = Capabilities {
    attempts: Attempts::Exact,
    lease_exclusive: Support::Native,
    key_order: Support::Native,
    schedule: Support::Unsupported,
    schedule_max: None,
    dedup: Support::Native,
    dedup_answer: Support::Native,
    dedup_window: Some(Duration::from_secs(5 * 60)),
    ..SQS_STANDARD
};

/// A queue of Service Bus, standard tier.
pub(crate) const SERVICE_BUS: Capabilities = Capabilities {
    release_delay: Support::Unsupported,
    redrive: Support::Unsupported,
    sessions: Support::Unsupported,
    session_state: Support::Unsupported,
    key_order: Support::Unsupported,
    priority: Support::Unsupported,
    purge: Support::Unsupported,
    send_bytes_max: NonZeroU64::new(256 * KIB),
    message_bytes_max: NonZeroU64::new(256 * KIB),
    receive_bytes_over_max: NonZeroU64::new(256 * KIB),
    lease_max: Some(Duration::from_secs(5 * 60)),
    dedup_window: Some(Duration::from_secs(7 * DAY.as_secs())),
    ..NATIVE
};

/// A queue of Service Bus that requires sessions.
pub(crate) const SERVICE_BUS_SESSIONS: Capabilities = Capabilities {
    lease: LeaseKind::Session,
    sessions: Support::Native,
    session_state: Support::Native,
    key_order: Support::Native,
    ..SERVICE_BUS
};

/// A queue that requires sessions: the lease is that of the session.
pub(crate) const NATIVE_SESSIONS: Capabilities = Capabilities {
    lease: LeaseKind::Session,
    ..NATIVE
};

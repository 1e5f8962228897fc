//! What a provider can do, and within which limits: read before any input or output.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

/// Declares what an adapter's queue can do.
///
/// It is an upper bound: what [`Settings`](crate::port::Settings) say of a real queue narrows it.
/// A limit of `None` means that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Settling by acknowledgement.
    pub ack: Support,
    /// Giving a message back at once.
    pub release: Support,
    /// Giving a message back to stay away for a while.
    pub release_delay: Support,
    /// A readable dead-letter queue, with an envelope.
    pub dead_letter: Support,
    /// Sending dead letters back to where they came from, with id and headers.
    pub redrive: Support,
    /// Moving messages to the dead-letter queue when the provider has delivered them too often.
    pub attempts_limit: Support,
    /// How the provider counts deliveries.
    pub attempts: Attempts,
    /// What the lease of a delivery is.
    pub lease: LeaseKind,
    /// At most one delivery of a message at a time, as far as the provider can promise it.
    pub lease_exclusive: Support,
    /// Order of a whole queue.
    pub queue_order: Support,
    /// Order within an ordering key, other keys at the same time.
    pub key_order: Support,
    /// Sessions: an exclusive lease over one ordering key.
    pub sessions: Support,
    /// A value kept with a session.
    pub session_state: Support,
    /// Holding a message back on send.
    pub schedule: Support,
    /// Cancelling a message that is held back.
    pub schedule_cancel: Support,
    /// Dropping or dead-lettering a message that was not delivered in time.
    pub ttl: Support,
    /// Delivering higher priorities first.
    pub priority: Support,
    /// Dropping a message whose dedup id was seen within a window.
    pub dedup: Support,
    /// Answers that tell of a message that was dropped for its dedup id.
    pub dedup_answer: Support,
    /// Topics with subscriptions.
    pub topics: Support,
    /// Looking at messages without taking them.
    pub peek: Support,
    /// Removing all messages.
    pub purge: Support,
    /// Counts of a queue's messages.
    pub stats: Support,
    /// Creating and deleting queues.
    pub create: Support,
    /// Settling and sending as one.
    pub transactions: Support,
    /// A dedup store beside the messages, whose keys are completed as one with acks.
    pub dedup_store: Support,
    /// Headers that come back as they were sent.
    pub headers: Support,
    /// Dropping a receive that waits, without a message left leased to nobody.
    pub receive_drop: Support,
    /// The most messages in one send.
    pub send_batch_max: Option<NonZeroU32>,
    /// The most bytes in one send, as [`Message::size`](crate::Message::size) counts them.
    pub send_bytes_max: Option<NonZeroU64>,
    /// The most bytes of one message, as [`Message::size`](crate::Message::size) counts them.
    pub message_bytes_max: Option<NonZeroU64>,
    /// The most headers of one message.
    pub header_count_max: Option<NonZeroU32>,
    /// The most messages that one receive brings.
    pub receive_batch_max: Option<NonZeroU32>,
    /// The most bytes by which one receive may go over the bytes that were asked for.
    pub receive_bytes_over_max: Option<NonZeroU64>,
    /// The longest wait of one receive.
    pub receive_wait_max: Option<Duration>,
    /// The most deliveries in one settle.
    pub settle_batch_max: Option<NonZeroU32>,
    /// The most leases in one extend.
    pub extend_batch_max: Option<NonZeroU32>,
    /// The longest time for which a message can be held back on send.
    pub schedule_max: Option<Duration>,
    /// The longest time for which a released message can stay away.
    pub release_delay_max: Option<Duration>,
    /// The longest lease that one receive or extend gives.
    pub lease_max: Option<Duration>,
    /// The longest lease, extensions included, from hand-out on.
    pub lease_total_max: Option<Duration>,
    /// The most messages that may be leased at a time.
    pub in_flight_max: Option<NonZeroU32>,
    /// The window within which a dedup id is known.
    pub dedup_window: Option<Duration>,
    /// Among which messages a dedup id is looked for.
    pub dedup_scope: DedupScope,
}

/// Says how an adapter comes by an ability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Support {
    /// It lacks it: using it is refused.
    #[default]
    Unsupported,
    /// It builds it from other abilities.
    Emulated,
    /// The provider has it.
    Native,
}

/// Says how deliveries are counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Attempts {
    /// Each delivery counts one.
    Exact,
    /// The count may be off: a delivery that nobody saw may have counted, and one that was lost
    /// may not have.
    Approximate,
    /// The provider does not count; attempt is always 1.
    #[default]
    None,
}

/// Says what the lease of a delivery is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LeaseKind {
    /// Each delivery has its own lease, which can be extended.
    Delivery,
    /// All deliveries of a session share one lease, which can be renewed.
    Session,
    /// A further receive needs every delivery of the last one settled or extended.
    Poll,
    /// The lease ends with the connection, and has no end in time.
    Connection,
    /// There is no lease.
    #[default]
    None,
}

/// Says among which messages a dedup id is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DedupScope {
    /// Among all messages of the queue.
    #[default]
    Queue,
    /// Among those of the same ordering key; of two keys both messages are delivered.
    Key,
}

impl Support {
    /// Returns true if the ability is there, natively or not.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        !matches!(self, Self::Unsupported)
    }
}

impl Capabilities {
    /// Supports nothing and limits nothing: the start of every declaration.
    pub const NONE: Self = Self {
        ack: Support::Unsupported,
        release: Support::Unsupported,
        release_delay: Support::Unsupported,
        dead_letter: Support::Unsupported,
        redrive: Support::Unsupported,
        attempts_limit: Support::Unsupported,
        attempts: Attempts::None,
        lease: LeaseKind::None,
        lease_exclusive: Support::Unsupported,
        queue_order: Support::Unsupported,
        key_order: Support::Unsupported,
        sessions: Support::Unsupported,
        session_state: Support::Unsupported,
        schedule: Support::Unsupported,
        schedule_cancel: Support::Unsupported,
        ttl: Support::Unsupported,
        priority: Support::Unsupported,
        dedup: Support::Unsupported,
        dedup_answer: Support::Unsupported,
        topics: Support::Unsupported,
        peek: Support::Unsupported,
        purge: Support::Unsupported,
        stats: Support::Unsupported,
        create: Support::Unsupported,
        transactions: Support::Unsupported,
        dedup_store: Support::Unsupported,
        headers: Support::Unsupported,
        receive_drop: Support::Unsupported,
        send_batch_max: None,
        send_bytes_max: None,
        message_bytes_max: None,
        header_count_max: None,
        receive_batch_max: None,
        receive_bytes_over_max: None,
        receive_wait_max: None,
        settle_batch_max: None,
        extend_batch_max: None,
        schedule_max: None,
        release_delay_max: None,
        lease_max: None,
        lease_total_max: None,
        in_flight_max: None,
        dedup_window: None,
        dedup_scope: DedupScope::Queue,
    };

    /// Lists the abilities by name, in the order of the struct.
    #[must_use]
    pub const fn abilities(&self) -> [(&'static str, Support); 26] {
        [
            ("ack", self.ack),
            ("release", self.release),
            ("release_delay", self.release_delay),
            ("dead_letter", self.dead_letter),
            ("redrive", self.redrive),
            ("attempts_limit", self.attempts_limit),
            ("lease_exclusive", self.lease_exclusive),
            ("queue_order", self.queue_order),
            ("key_order", self.key_order),
            ("sessions", self.sessions),
            ("session_state", self.session_state),
            ("schedule", self.schedule),
            ("schedule_cancel", self.schedule_cancel),
            ("ttl", self.ttl),
            ("priority", self.priority),
            ("dedup", self.dedup),
            ("dedup_answer", self.dedup_answer),
            ("topics", self.topics),
            ("peek", self.peek),
            ("purge", self.purge),
            ("stats", self.stats),
            ("create", self.create),
            ("transactions", self.transactions),
            ("dedup_store", self.dedup_store),
            ("headers", self.headers),
            ("receive_drop", self.receive_drop),
        ]
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::NONE
    }
}

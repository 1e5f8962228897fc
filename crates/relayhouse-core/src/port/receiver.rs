//! The port that receives, settles and extends.

use std::{
    fmt::Debug,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    capability::Capabilities,
    delivery::Delivery,
    error::Result,
    id::Receipt,
    name::Source,
    outcome::{Extending, Settling},
};

/// Receives from one source, and settles what it received.
#[async_trait]
pub trait Receiver: Debug + Send + Sync {
    /// Returns the source.
    fn source(&self) -> &Source;

    /// Returns what the source can do.
    fn capabilities(&self) -> &Capabilities;

    /// Reads the source's real settings, as far as the caller's rights allow.
    async fn settings(&self) -> Result<Settings>;

    /// Waits for messages as `request` says, and appends the deliveries to `into`: none, if
    /// nothing came in time.
    ///
    /// It returns as soon as one message is there, with what else is there: several messages of
    /// one ordering key in their order, where the source keeps it. The adapter clamps
    /// the request to its limits; the caller retries. Dropping the future may leave messages
    /// leased to nobody until the lease ends, unless the adapter says better.
    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()>;

    /// Settles every item of `batch`, and writes each answer into its item.
    ///
    /// The caller has clamped the batch. A receipt whose lease has ended fails its item with
    /// `LeaseLost` and changes nothing. A delay above the limit fails its item with
    /// `MessageInvalid`. A dead letter without a place to go fails its item and keeps the
    /// message. Dropping the future leaves unanswered items unknown.
    async fn settle(&self, batch: &mut [Settling]) -> Result<()>;

    /// Extends the leases of `batch` to end `by` from now, and writes each new end into its item.
    ///
    /// The caller has checked that the lease is one of a delivery, and clamped the batch. A length
    /// above the limit is shortened to it, or fails its item: the new end tells.
    /// Dropping the future may leave some leases extended: items still pending are unknown.
    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()>;

    /// Waits until leases ended before their time, and appends their receipts to `into`. Where
    /// that cannot happen it never ends.
    ///
    /// One call at a time. Dropping the future loses nothing: the next call tells.
    async fn lost(&self, into: &mut Vec<Receipt>);

    /// Ends what this receiver started: a receive that waits returns empty, connections end.
    /// Deliveries already handed out can still be settled until their lease ends, where the
    /// provider allows. A second call does nothing, and a later receive fails with `Closed`.
    ///
    /// Dropping the future leaves the rest to the next call.
    async fn close(&self) -> Result<()>;
}

/// Bounds one receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// The most messages to bring.
    pub messages_max: NonZeroU32,
    /// The bytes after which no further message is added, as
    /// [`Message::size`](crate::Message::size) counts them. The message that reaches the bound is
    /// brought.
    pub bytes_max: NonZeroU64,
    /// How long to wait for the first message; zero looks once.
    pub wait: Duration,
}

/// Tells a source's real settings, as far as they could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The lease that a receive gives.
    pub lease: Option<Duration>,
    /// The deliveries after which the provider dead-letters a message.
    pub attempts_max: Option<NonZeroU32>,
    /// The dead-letter queue.
    pub dead_letter: Option<Source>,
    /// Whether the source keeps order.
    pub is_ordered: Option<bool>,
    /// Whether the dead-letter queue keeps order.
    pub dead_letter_is_ordered: Option<bool>,
    /// Whether messages are received through sessions only.
    pub requires_sessions: Option<bool>,
    /// The most bytes of one message.
    pub message_bytes_max: Option<NonZeroU64>,
    /// How long an undelivered message is kept.
    pub retention: Option<Duration>,
}

impl ReceiveRequest {
    /// Asks for one message, and looks once.
    pub const ONE: Self = Self {
        messages_max: NonZeroU32::MIN,
        bytes_max: NonZeroU64::MAX,
        wait: Duration::ZERO,
    };

    /// Asks for up to `messages_max` messages of any size, and looks once.
    #[must_use]
    pub const fn up_to(messages_max: NonZeroU32) -> Self {
        Self {
            messages_max,
            ..Self::ONE
        }
    }

    /// Sets how long to wait for the first message.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the bytes after which no further message is added.
    #[must_use]
    pub const fn bytes_max(mut self, bytes_max: NonZeroU64) -> Self {
        self.bytes_max = bytes_max;
        self
    }
}

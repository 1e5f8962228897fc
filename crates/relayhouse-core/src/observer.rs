//! What happened, told after the fact to whoever listens.

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    delivery::Delivery,
    error::{Error, Operation},
    id::{MessageId, Receipt},
    name::{QueueName, Source},
    outcome::Sent,
    settlement::Settlement,
    time::Instant,
};

/// Hears what happened, in batches.
///
/// Runtime, middleware and adapters report through it; where none is set the cost is one branch.
/// It is called from the hot path: it must not block. One that panics, and was set by
/// [`Context::observer`](crate::Context::observer), misses what it was told then, and ends nobody
/// else.
pub trait Observer: Debug + Send + Sync {
    /// Takes note of `events`, which happened in this order at `now`.
    fn observe(&self, now: Instant, events: &[Event<'_>]);
}

/// Keeps the panics of an observer from who tells it something.
#[derive(Debug)]
pub(crate) struct Contained(pub(crate) Arc<dyn Observer>);

impl Observer for Contained {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let call = AssertUnwindSafe(|| self.0.observe(now, events));
        // The panic hook has told of it.
        drop(catch_unwind(call));
    }
}

/// Is one thing that happened.
#[non_exhaustive]
#[derive(Debug)]
pub enum Event<'a> {
    /// A send ended.
    Sent {
        /// The queue or topic.
        queue: &'a QueueName,
        /// The message.
        id: &'a MessageId,
        /// Its bytes.
        bytes: u64,
        /// The provider's answer.
        result: Result<&'a Sent, &'a Error>,
    },
    /// A receive ended.
    Intake {
        /// The source.
        source: &'a Source,
        /// The messages that were asked for.
        asked: u32,
        /// The messages that came.
        received: u32,
        /// How long it took.
        took: Duration,
        /// What went wrong, if something did.
        error: Option<&'a Error>,
    },
    /// A delivery came in.
    Received {
        /// The source.
        source: &'a Source,
        /// The delivery.
        delivery: &'a Delivery,
    },
    /// A handler started.
    Started {
        /// The source.
        source: &'a Source,
        /// The delivery.
        delivery: &'a Delivery,
    },
    /// A handler ended.
    Handled {
        /// The source.
        source: &'a Source,
        /// The delivery.
        delivery: &'a Delivery,
        /// How long it took.
        took: Duration,
        /// What it decided, or how it failed.
        result: Result<&'a Settlement, &'a Error>,
    },
    /// A settle ended.
    Settled {
        /// The source.
        source: &'a Source,
        /// The delivery.
        delivery: &'a Delivery,
        /// How it was to end.
        settlement: &'a Settlement,
        /// The answer: done, lease lost, unknown or another error.
        result: Result<(), &'a Error>,
    },
    /// An extension of a lease ended.
    Extended {
        /// The source.
        source: &'a Source,
        /// The proof of the lease.
        receipt: &'a Receipt,
        /// The new end, or why there is none.
        result: Result<Instant, &'a Error>,
    },
    /// A call failed, and is to be tried again: in this process, or by a redelivery.
    Retrying {
        /// How it failed.
        error: &'a Error,
        /// How often it was tried, in earlier deliveries as well.
        tries: u32,
        /// How long it waits.
        delay: Duration,
    },
    /// A call to a provider that charges for calls was answered.
    Called {
        /// What it was for.
        operation: Operation,
        /// The messages it took or brought.
        messages: u64,
        /// The requests that the provider charges for it.
        requests: u64,
    },
    /// A delivery is acked without being handled, since its key is done.
    Deduplicated {
        /// The delivery.
        delivery: &'a Delivery,
    },
    /// It could not be noted that a key is done, or free again.
    DedupNotNoted {
        /// The key.
        key: &'a str,
        /// What went wrong.
        error: &'a Error,
    },
    /// The blob of a message could not be fetched now: the message is released.
    BlobNotFetched {
        /// The message.
        id: &'a MessageId,
        /// What went wrong.
        error: &'a Error,
    },
    /// A blob that no message names any more could not be removed.
    BlobLeft {
        /// What went wrong.
        error: &'a Error,
    },
    /// An endpoint failed, and its message goes to another.
    FailedOver {
        /// The endpoint that failed.
        from: &'a str,
        /// The next one.
        to: &'a str,
        /// How it failed.
        error: &'a Error,
    },
    /// A message of an outbox could not be forwarded now, or not be settled there.
    NotForwarded {
        /// The queue or topic that it is for.
        queue: &'a QueueName,
        /// What went wrong.
        error: &'a Error,
    },
    /// A layer that decrypts was made which accepts plain text: said once.
    PlainTextAllowed,
    /// A message in plain text was accepted where messages are decrypted.
    PlainTextAccepted {
        /// The message.
        id: &'a MessageId,
    },
    /// Keys of encryption were to be read again and could not be: the earlier ones stay in use.
    KeysNotRead {
        /// What went wrong.
        error: &'a Error,
    },
    /// A circuit breaker opened: its service is not called for a while.
    BreakerOpened {
        /// The name of the breaker.
        name: &'a str,
        /// When its service is tried again.
        until: Instant,
    },
    /// A circuit breaker closed: its service works again.
    BreakerClosed {
        /// The name of the breaker.
        name: &'a str,
    },
    /// An adaptive limit changed.
    LimitChanged {
        /// The name of the limit.
        name: &'a str,
        /// The calls that could be in flight before.
        before: u32,
        /// The calls that may be in flight since.
        limit: u32,
    },
    /// A poll of a handler held its thread for too long.
    Stalled {
        /// The source.
        source: &'a Source,
        /// How long the poll took.
        took: Duration,
    },
}

//! What happened, told after the fact to whoever listens.

use std::{
    fmt::Debug,
    num::NonZeroU32,
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
        /// Its header `traceparent`, if it has one.
        traceparent: Option<&'a str>,
        /// The provider's answer.
        result: Result<&'a Sent, &'a Error>,
    },
    /// A call that sends ended. The sends of its messages are told with it, after it.
    SendCall {
        /// The queue or topic.
        queue: &'a QueueName,
        /// The messages it took.
        messages: u32,
        /// The most messages that a call takes.
        messages_max: Option<NonZeroU32>,
        /// How long it took.
        took: Duration,
        /// What went wrong with the call, if something did.
        error: Option<&'a Error>,
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
        /// What was left of its lease; `None` if that has no end.
        lease_left: Option<Duration>,
    },
    /// The arguments of a handler were drawn from a delivery, its body decoded: told of the first
    /// call, and of one in sixteen.
    Drawn {
        /// How long it took.
        took: Duration,
    },
    /// A codec that is measured encoded a value.
    Encoded {
        /// How long it took.
        took: Duration,
        /// The bytes it made, or what went wrong.
        result: Result<u64, &'a Error>,
    },
    /// A codec that is measured decoded a body.
    Decoded {
        /// How long it took.
        took: Duration,
        /// The bytes it read, or what went wrong.
        result: Result<u64, &'a Error>,
    },
    /// A handler ended.
    Handled {
        /// The source.
        source: &'a Source,
        /// The delivery.
        delivery: &'a Delivery,
        /// How long it took.
        took: Duration,
        /// What was left of its lease; `None` if that has no end.
        lease_left: Option<Duration>,
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
        /// How long the call took: no time, if the lease had ended before it.
        took: Duration,
        /// The answer: done, lease lost, unknown or another error.
        result: Result<(), &'a Error>,
    },
    /// A call that settles ended.
    SettleCall {
        /// The source.
        source: &'a Source,
        /// The deliveries it took.
        messages: u32,
        /// The most deliveries that a call takes.
        messages_max: Option<NonZeroU32>,
        /// How long it took.
        took: Duration,
        /// What went wrong with the call, if something did.
        error: Option<&'a Error>,
    },
    /// An extension of a lease ended.
    Extended {
        /// The source.
        source: &'a Source,
        /// The proof of the lease.
        receipt: &'a Receipt,
        /// The header `traceparent` of the message, if it has one.
        traceparent: Option<&'a str>,
        /// The new end, or why there is none.
        result: Result<Instant, &'a Error>,
    },
    /// A call that extends leases ended. Its extensions are told with it, after it.
    ExtendCall {
        /// The source.
        source: &'a Source,
        /// The leases it took.
        messages: u32,
        /// The most leases that a call takes.
        messages_max: Option<NonZeroU32>,
        /// How long it took.
        took: Duration,
        /// What went wrong with the call, if something did.
        error: Option<&'a Error>,
    },
    /// What a worker of a consumer has in its hands changed.
    Load {
        /// The source.
        source: &'a Source,
        /// What it told last; nothing, the first time.
        before: Load,
        /// What it has now; nothing, when it ends.
        now: Load,
    },
    /// Receives were dropped while they waited: what they would have brought may stay leased to
    /// nobody until the lease ends.
    ReceivesDropped {
        /// The source.
        source: &'a Source,
        /// How many.
        receives: u64,
    },
    /// Handlers that ran when the time of a drain was over were dropped.
    Abandoned {
        /// The source.
        source: &'a Source,
        /// The deliveries that they had.
        messages: u64,
    },
    /// An accept of a session ended.
    SessionAccepted {
        /// The source.
        source: &'a Source,
        /// How long it took.
        took: Duration,
        /// Whether there was a session, or what went wrong.
        result: Result<bool, &'a Error>,
    },
    /// A session was given back.
    SessionEnded {
        /// The source.
        source: &'a Source,
        /// How long it was held.
        held: Duration,
    },
    /// A connection was made.
    Connected {
        /// What it leads to, without credentials.
        endpoint: &'a str,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// What it was to lead to, without credentials.
        endpoint: &'a str,
        /// What went wrong.
        error: &'a Error,
    },
    /// A connection ended.
    Disconnected {
        /// What it led to, without credentials.
        endpoint: &'a str,
    },
    /// A layer that gathers requests called with a batch.
    Gathered {
        /// The requests in it.
        requests: u32,
        /// How long the first of them waited for the others.
        waited: Duration,
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
        /// What they cost, in millionths of a millionth of the currency, where the price is known.
        cost: Option<u64>,
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
    /// A circuit breaker let the first call through to see whether its service works again. It is
    /// half open from then on, until it opens again or closes.
    BreakerHalfOpened {
        /// The name of the breaker.
        name: &'a str,
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

/// Is what a worker of a consumer has in its hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Load {
    /// The deliveries whose handlers run.
    pub running: u64,
    /// The bytes of those.
    pub running_bytes: u64,
    /// The deliveries that wait for a handler.
    pub waiting: u64,
    /// The bytes of those.
    pub waiting_bytes: u64,
    /// The most handlers at a time.
    pub permits: u64,
}

//! What a history is made of.

use std::hash::{DefaultHasher, Hash, Hasher};

use relayhouse_core::{
    Delivery, Details, Error, ErrorKind, Instant, Message, MessageId, Receipt, Settlement,
};

/// Is one thing that happened to a queue, its producers or its consumers.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A send of the message begins.
    Sending(&'a Message),
    /// A send ended.
    Sent {
        /// The message.
        id: &'a MessageId,
        /// What was answered.
        answer: Answer,
    },
    /// A delivery came in.
    Received(&'a Delivery),
    /// A handler started.
    Started(&'a Receipt),
    /// A handler ended.
    Handled {
        /// The delivery.
        receipt: &'a Receipt,
        /// How it ended.
        end: HandlerEnd,
    },
    /// A settle ended.
    Settled {
        /// The delivery.
        receipt: &'a Receipt,
        /// How it was to end.
        settlement: &'a Settlement,
        /// What was answered.
        answer: Answer,
    },
    /// An extension took effect.
    Extended {
        /// The delivery.
        receipt: &'a Receipt,
        /// The new end of the lease.
        until: Instant,
    },
    /// A message was found on the dead-letter queue.
    Dead(&'a Delivery),
    /// A batch call ended: with as many answers as items, if all is well.
    Batch {
        /// The items that were handed in.
        items: u64,
        /// The answers that came back.
        answers: u64,
    },
    /// The consumers were killed: nobody will hear how their deliveries ended.
    Crashed,
    /// The consumers were shut down, and gave this many deliveries up.
    ShutDown {
        /// The deliveries that were neither settled nor released.
        abandoned: u64,
    },
}

/// Says how a handler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerEnd {
    /// It did what it was asked to.
    Success,
    /// It failed, or decided against the message.
    Failure,
}

/// Says what was answered to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took effect.
    Done,
    /// The message was known already, and dropped.
    Deduplicated,
    /// The lease had ended.
    LeaseLost,
    /// It had no effect.
    Failed,
    /// It may have taken effect.
    Unknown,
}

impl From<&Error> for Answer {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::LeaseLost => Self::LeaseLost,
            ErrorKind::OutcomeUnknown => Self::Unknown,
            _ => Self::Failed,
        }
    }
}

/// Returns a number that is the same for equal values, in every run.
pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns a number that is the same for messages with the same body, and, if `headers` counts,
/// with the same headers and details.
pub(super) fn content_hash(message: &Message, headers: super::Compare) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.body.hash(&mut hasher);
    if headers == super::Compare::All {
        hash_details(message.details(), &mut hasher);
    }
    hasher.finish()
}

fn hash_details(details: &Details, hasher: &mut DefaultHasher) {
    let Details {
        headers,
        content_type,
        ordering_key,
        dedup_id: _,
        not_before: _,
        ttl: _,
        priority: _,
        correlation_id,
        reply_to,
    } = details;
    for (key, value) in headers.iter() {
        (key, value.as_bytes(), value.as_text().is_some()).hash(hasher);
    }
    for text in [content_type, ordering_key, correlation_id, reply_to] {
        text.as_deref().hash(hasher);
    }
}

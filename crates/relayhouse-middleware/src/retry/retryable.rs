//! What a retry asks of a request: how often it was tried, and what waiting with it costs.

use relayhouse_core::{Delivery, Instant, Message, MessageId};

use super::Unknown;
use crate::request::{Leased, Request};

/// Is a request that can be tried again.
pub trait Retryable: Request + Clone {
    /// Returns the attempt that the first try is: 1 unless the request was delivered before.
    fn attempt(&self) -> u32;

    /// Returns the id of the message, if the request is one that can be delivered again.
    fn redelivered_as(&self) -> Option<&MessageId>;

    /// Returns when the lease ends that a wait would hold; `None` if there is none, and nobody to
    /// give the request back to.
    fn held_until(&self) -> Option<Instant>;

    /// Returns true if the request may be tried again after an unknown outcome.
    fn repeats(&self, unknown: Unknown) -> bool;

    /// Returns true if the request is tried again here. Several deliveries are not: the consumer
    /// cuts them in two until what fails is alone.
    fn is_alone(&self) -> bool;
}

impl Retryable for Message {
    fn attempt(&self) -> u32 {
        1
    }

    fn redelivered_as(&self) -> Option<&MessageId> {
        None
    }

    fn held_until(&self) -> Option<Instant> {
        None
    }

    fn repeats(&self, unknown: Unknown) -> bool {
        unknown.repeats(self)
    }

    fn is_alone(&self) -> bool {
        true
    }
}

impl Retryable for Delivery {
    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn redelivered_as(&self) -> Option<&MessageId> {
        Some(&self.id)
    }

    fn held_until(&self) -> Option<Instant> {
        Some(self.lease_until())
    }

    /// A handler that failed in whatever way runs again: that is what a lease promises.
    fn repeats(&self, _: Unknown) -> bool {
        true
    }

    fn is_alone(&self) -> bool {
        true
    }
}

impl Retryable for Vec<Delivery> {
    fn attempt(&self) -> u32 {
        Leased::attempt(self)
    }

    fn redelivered_as(&self) -> Option<&MessageId> {
        self.first().map(|delivery| &delivery.id)
    }

    fn held_until(&self) -> Option<Instant> {
        Some(self.lease_until())
    }

    fn repeats(&self, _: Unknown) -> bool {
        true
    }

    fn is_alone(&self) -> bool {
        self.len() == 1
    }
}

//! One delivery of a message to a consumer.

use std::sync::Arc;

use crate::{
    id::{MessageId, Receipt},
    lease::Lease,
    message::Message,
    settlement::Envelope,
    time::Timestamp,
};

/// Carries a message to a consumer, with proof of the lease on it.
///
/// A clone shares the body and the lease.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The id of the message, the same in every delivery of it.
    pub id: MessageId,
    /// The message.
    pub message: Message,
    /// The proof of the lease, good for this delivery only.
    pub receipt: Receipt,
    /// The exclusive hold on the message.
    pub lease: Lease,
    /// 1 for the first delivery, one more for each further one, whatever ended the one before. On a
    /// dead-letter queue the count starts anew; the envelope has the earlier one.
    pub attempt: u32,
    /// How the delivery before this one ended.
    pub previous: Previous,
    /// The provider's number of the message, which grows in the order of arrival.
    pub sequence: Option<u64>,
    /// When the message was first enqueued.
    pub enqueued_at: Timestamp,
    /// What accompanies the message, if it is on a dead-letter queue.
    pub envelope: Option<Arc<Envelope>>,
}

/// Says how the delivery before this one ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Previous {
    /// This is the first delivery.
    #[default]
    None,
    /// It was released.
    Released,
    /// Its lease ended without a settlement, which a crash of the consumer would explain.
    Expired,
    /// The provider does not say.
    Unknown,
}

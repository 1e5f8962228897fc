//! What a message says, whoever has read its encoding.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use relayhouse_core::{
    Delivery, Envelope, Headers, Instant, Lease, Message, MessageId, Previous, Priority, Receipt,
    Text, Timestamp,
};

/// Is what one message says.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) message: Message,
    pub(crate) id: MessageId,
    pub(crate) attempt: u32,
    pub(crate) sequence: Option<u64>,
    pub(crate) enqueued_at: Timestamp,
    pub(crate) locked_until: Option<Timestamp>,
    pub(crate) envelope: Option<Arc<Envelope>>,
}

impl Reading {
    /// Makes a delivery of it, which `receipt` proves until `until`; its fencing token is greater
    /// than `tokens_after` by the attempt.
    pub(crate) fn delivery(self, receipt: Receipt, until: Instant, tokens_after: u64) -> Delivery {
        Delivery {
            id: self.id,
            message: self.message,
            receipt,
            lease: Lease::new(until, tokens_after + u64::from(self.attempt)),
            attempt: self.attempt,
            previous: if self.attempt == 1 {
                Previous::None
            } else {
                Previous::Unknown
            },
            sequence: self.sequence,
            enqueued_at: self.enqueued_at,
            envelope: self.envelope,
        }
    }
}

/// Is what the parts of a message say, before it is known what that means.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) delivery_count: u32,
    /// The time to live, in milliseconds.
    pub(super) ttl: Option<u32>,
    pub(super) sequence: Option<u64>,
    pub(super) enqueued_at: Timestamp,
    pub(super) locked_until: Option<Timestamp>,
    pub(super) message_id: Option<Cow<'a, str>>,
    pub(super) correlation_id: Option<Cow<'a, str>>,
    pub(super) reply_to: Option<Cow<'a, str>>,
    pub(super) content_type: Option<Cow<'a, str>>,
    pub(super) group_id: Option<Cow<'a, str>>,
    /// The id of a message that has another one for the broker.
    pub(super) own_id: Option<Cow<'a, str>>,
    pub(super) own_dedup_id: Option<Cow<'a, str>>,
    pub(super) own_content_type: Option<Cow<'a, str>>,
    pub(super) priority: Option<Priority>,
    /// How often it had been delivered when it was sent again to come later.
    pub(super) attempts_before: u32,
    /// When it was first enqueued, if it was sent again to come later.
    pub(super) first_enqueued: Option<Timestamp>,
    pub(super) headers: Headers,
    pub(super) envelope: Option<Arc<Envelope>>,
    /// How many of the attempts were made before it was dead.
    pub(super) attempts_dead: u32,
}

impl Told<'_> {
    /// Returns the number of the attempt, all those counted that came before.
    pub(super) fn attempt(&self) -> u32 {
        let attempt = self.delivery_count.saturating_add(1);
        attempt.saturating_add(self.attempts_before)
    }

    /// Returns what all of this means, for a message with this body.
    pub(super) fn reading(self, body: Bytes) -> Reading {
        let attempt = self.attempt() - self.attempts_dead;
        let mut message = Message::new(body);
        let (sequence, locked_until) = (self.sequence, self.locked_until);
        let enqueued_at = self.first_enqueued.unwrap_or(self.enqueued_at);
        let envelope = self.envelope.clone();
        let ttl = self.ttl;
        let id = self.tell(&mut message);
        if let Some(ttl) = ttl {
            message.details_mut().ttl = Some(Duration::from_millis(u64::from(ttl)));
        }
        message.id = Some(id.clone());
        Reading {
            message,
            id,
            attempt,
            sequence,
            enqueued_at,
            locked_until,
            envelope,
        }
    }

    /// Gives `message` what stands beside the body, and returns the id.
    fn tell(self, message: &mut Message) -> MessageId {
        let is_copy = 0 < self.attempts_before;
        let (id, dedup_id) = match (self.own_id, self.message_id) {
            (Some(id), _) if is_copy => (MessageId::from(&*id), self.own_dedup_id),
            (Some(id), wire_id) => (MessageId::from(&*id), wire_id),
            (None, Some(id)) => (MessageId::from(&*id), None),
            (None, None) => (u128::from(self.sequence.unwrap_or(0)).into(), None),
        };
        let content_type = self.own_content_type.or(self.content_type);
        let is_plain = self.headers.is_empty()
            && self.priority.is_none()
            && [
                &dedup_id,
                &content_type,
                &self.correlation_id,
                &self.reply_to,
                &self.group_id,
            ]
            .iter()
            .all(|it| it.is_none());
        if !is_plain {
            let details = message.details_mut();
            details.headers = self.headers;
            details.dedup_id = dedup_id.map(text);
            details.content_type = content_type.map(text);
            details.correlation_id = self.correlation_id.map(text);
            details.reply_to = self.reply_to.map(text);
            details.ordering_key = self.group_id.map(text);
            details.priority = self.priority.unwrap_or_default();
        }
        id
    }
}

fn text(text: Cow<'_, str>) -> Text {
    Arc::<str>::from(text).into()
}

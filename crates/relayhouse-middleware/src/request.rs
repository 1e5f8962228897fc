//! What layers ask of a request: a message that is sent, a delivery, or several deliveries.

use relayhouse_core::{Delivery, Instant, Message, Text};

/// Is what a service of ours takes, on either side.
pub trait Request {
    /// Returns the number of messages.
    fn messages(&self) -> u32;

    /// Returns the bytes of body and headers, of all messages together.
    fn bytes(&self) -> u64;
}

/// Is a request that comes with a lease: a delivery, or a batch of them.
pub trait Leased: Request {
    /// Returns when the first of its leases ends, renewals included;
    /// [`Instant::NEVER`] if none does.
    fn lease_until(&self) -> Instant;

    /// Returns the greatest attempt.
    fn attempt(&self) -> u32;

    /// Returns the ordering key that all messages have in common, if there is one.
    fn key(&self) -> Option<&Text>;
}

impl Request for Message {
    fn messages(&self) -> u32 {
        1
    }

    fn bytes(&self) -> u64 {
        self.size()
    }
}

impl Request for Delivery {
    fn messages(&self) -> u32 {
        1
    }

    fn bytes(&self) -> u64 {
        self.message.size()
    }
}

impl Request for Vec<Delivery> {
    fn messages(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> u64 {
        self.iter().map(Request::bytes).sum()
    }
}

impl Leased for Delivery {
    fn lease_until(&self) -> Instant {
        self.lease.until()
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn key(&self) -> Option<&Text> {
        self.message.details().ordering_key.as_ref()
    }
}

impl Leased for Vec<Delivery> {
    fn lease_until(&self) -> Instant {
        let ends = self.iter().map(Leased::lease_until);
        ends.min().unwrap_or(Instant::NEVER)
    }

    fn attempt(&self) -> u32 {
        self.iter().map(Leased::attempt).max().unwrap_or(1)
    }

    fn key(&self) -> Option<&Text> {
        let (first, rest) = self.split_first()?;
        let key = first.key()?;
        rest.iter()
            .all(|delivery| delivery.key() == Some(key))
            .then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::{Lease, MessageId, Previous, Receipt, Timestamp};

    use super::*;

    fn delivery(until: u64, attempt: u32, key: &'static str) -> Delivery {
        Delivery {
            id: MessageId::from_text("7"),
            message: Message::new("body").ordering_key(key),
            receipt: Receipt::from_text("7"),
            lease: Lease::new(Instant::from_nanos(until), 1),
            attempt,
            previous: Previous::None,
            sequence: None,
            enqueued_at: Timestamp::default(),
            envelope: None,
        }
    }

    #[test]
    fn batch_is_as_urgent_as_its_first_lease() {
        let batch = vec![delivery(30, 1, "a"), delivery(10, 3, "a")];
        assert_eq!(batch.lease_until(), Instant::from_nanos(10));
        assert_eq!(batch.attempt(), 3);
        assert_eq!(batch.messages(), 2);
        assert_eq!(batch.bytes(), 2 * batch[0].bytes());
    }

    #[test]
    fn batch_has_a_key_if_all_have_the_same() {
        let same = vec![delivery(1, 1, "a"), delivery(1, 1, "a")];
        assert_eq!(same.key().map(|key| &**key), Some("a"));
        let mixed = vec![delivery(1, 1, "a"), delivery(1, 1, "b")];
        assert_eq!(mixed.key(), None);
        assert_eq!(Vec::<Delivery>::new().key(), None);
    }
}

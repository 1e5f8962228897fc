//! Messages to send: of any content that is allowed, streams that an oracle can follow, and one
//! where any will do.

use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
};
use relayhouse_core::{
    Delivery, HeaderValue, Instant, Lease, Message, MessageId, Previous, Random, Receipt, Timestamp,
};

/// Gives messages with bodies of any bytes, headers and keys that can be sent.
///
/// Bodies have up to `bytes_max` bytes; a third of the messages has an ordering key, of a few.
pub fn message(bytes_max: usize) -> impl Strategy<Value = Message> {
    let body = vec(any::<u8>(), 0..=bytes_max);
    let headers = vec(header(), 0..4);
    let key = prop_oneof![2 => Just(None), 1 => "[a-d]".prop_map(Some)];
    (body, headers, key).prop_map(|(body, headers, key)| {
        let message = headers
            .into_iter()
            .fold(Message::new(body), |message, (key, value)| {
                message.header(key, value)
            });
        match key {
            Some(key) => message.ordering_key(key),
            None => message,
        }
    })
}

/// Gives headers that keep the rules: visible ASCII keys, values of text or bytes.
pub fn header() -> impl Strategy<Value = (String, HeaderValue)> {
    let text = "\\PC{0,20}".prop_map(HeaderValue::from);
    let bytes = vec(any::<u8>(), 0..20).prop_map(|it| HeaderValue::Bytes(Bytes::from(it)));
    ("[!-~]{1,20}", prop_oneof![text, bytes])
}

/// Makes the same message each time, where any will do.
#[must_use]
pub fn sample() -> Message {
    Message::new("order 7")
}

/// Makes a delivery of the [`sample`] under the id `id`, whose lease has no end.
#[must_use]
pub fn delivery(id: &str, attempt: u32) -> Delivery {
    Delivery {
        id: MessageId::from_text(id),
        message: sample(),
        receipt: Receipt::from_text(id),
        lease: Lease::new(Instant::NEVER, 1),
        attempt,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::from_micros(1),
        envelope: None,
    }
}

/// Gives messages without end, each with the producer and its number there as its id, so that an
/// oracle can tell which are missing.
#[derive(Debug)]
pub struct Stream {
    producer: u64,
    next: u64,
    keys: u64,
    body_bytes: usize,
}

impl Stream {
    /// Starts the stream of `producer`: plain messages of 32 bytes.
    #[must_use]
    pub const fn new(producer: u64) -> Self {
        Self {
            producer,
            next: 0,
            keys: 0,
            body_bytes: 32,
        }
    }

    /// Sets how many ordering keys there are; 0 for messages without.
    #[must_use]
    pub const fn keys(mut self, keys: u64) -> Self {
        self.keys = keys;
        self
    }

    /// Sets the bytes of a body.
    #[must_use]
    pub const fn body_bytes(mut self, body_bytes: usize) -> Self {
        self.body_bytes = body_bytes;
        self
    }

    /// Makes the next message, its key drawn from `random`.
    pub fn message(&mut self, random: &dyn Random) -> Message {
        let sequence = self.next;
        self.next += 1;
        let message = Message::new(self.body(sequence)).id(self.id(sequence));
        if self.keys == 0 {
            return message;
        }
        message.ordering_key(format!("key-{}", random.below(self.keys)))
    }

    /// Returns the id of the message with the number `sequence`.
    #[must_use]
    pub fn id(&self, sequence: u64) -> MessageId {
        MessageId::from(u128::from(self.producer) << 64 | u128::from(sequence))
    }

    /// Returns how many messages were made.
    #[must_use]
    pub const fn made(&self) -> u64 {
        self.next
    }

    /// A body that no other message has, whatever its length.
    fn body(&self, sequence: u64) -> Bytes {
        let mut marks = self
            .producer
            .to_be_bytes()
            .into_iter()
            .chain(sequence.to_be_bytes());
        let mut filler = (sequence ^ self.producer.rotate_left(17))
            .to_le_bytes()
            .into_iter()
            .cycle();
        let bytes = (0..self.body_bytes).filter_map(|_| marks.next().or_else(|| filler.next()));
        bytes.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{prop_assert, proptest};
    use relayhouse_core::{Capabilities, SeededRandom, Support};

    use super::*;

    proptest! {
        #[test]
        fn generated_messages_can_be_sent(message in message(100)) {
            let capabilities = Capabilities { headers: Support::Native, ..Capabilities::NONE };
            let checked = message.check(&capabilities, Timestamp::default());
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
    }

    #[test]
    fn stream_is_the_same_again_and_never_repeats() {
        let messages = || {
            let random = SeededRandom::new(7);
            let mut stream = Stream::new(3).keys(4).body_bytes(64);
            (0..100)
                .map(|_| stream.message(&random))
                .collect::<Vec<_>>()
        };
        assert_eq!(messages(), messages());
        let messages = messages();
        let bodies: BTreeSet<_> = messages.iter().map(|it| &it.body).collect();
        assert_eq!(bodies.len(), 100);
        assert!(messages.iter().all(|it| it.body.len() == 64));
        let keys: BTreeSet<_> = messages
            .iter()
            .map(|it| it.details().ordering_key.as_deref())
            .collect();
        assert_eq!(keys.len(), 4);
    }
}
